#pragma once
// Processes without our sandbox: the floor, and other people's sandboxes.
#include <string>
#include <vector>

namespace bench {

/// Runs a command as posix_spawn does, reads its standard output to the end and waits for it. False if it did not end with 0
/// and write `expected`.
bool run_command(const std::vector<std::string>& command, const std::string& expected);

/// crun refuses to run where cgroups of both versions are mounted. As root, on such a machine: from here on this process and
/// its children are in a mount namespace of their own, without version 2. Call it first, with one thread.
void leave_hybrid_cgroups();

struct Peer {
  std::string name;
  std::vector<std::string> command;
  /// How many rounds to leave out for each one measured: some take a hundred times as long.
  unsigned every = 1;
};

/// The sandboxes of this machine that can run `program` (static, writes "hello"), with everything they isolate by default and
/// no host file system but what they need. Names of those that are missing or do not run go to `missing`, with the reason.
/// Files that they need are made in `folder`.
std::vector<Peer> find_peers(const std::string& program, const std::string& folder, std::vector<std::string>& missing);

}  // namespace bench
