#pragma once
/// Limits on the whole group of a run's processes, and the kernel's counts of what they did. Two kinds of machine: cgroup v1
/// (one hierarchy per controller) and v2 (one for all). Groups are made below the agent's own, so that whatever limits the
/// agent limits its runs; an unprivileged agent needs a group that was delegated to it (that it may write to).
#include "sandbox/unique_fd.hpp"

#include <forgepool/backends/linux_sandbox.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace forgepool::sandbox {

struct CgroupCounters {
  std::uint64_t oom_kills = 0;           ///< Processes that the kernel killed because the group was out of memory.
  std::uint64_t process_limit_hits = 0;  ///< Forks refused because of the limit.
  std::uint64_t cpu_ns = 0;
  std::uint64_t peak_memory_bytes = 0;  ///< 0 where the kernel does not keep it.

  /// Set where the kernel cannot count the peak anew and an earlier run may have been the one that reached it.
  struct SeenMemory {
    std::uint64_t most_bytes = 0;  ///< At any of the times when the counters of this run were asked for.
    std::uint64_t now_bytes = 0;
  };
  std::optional<SeenMemory> seen{};
};

/// The group of one run. Destruction removes it, when every process in it is gone.
class RunGroup {
 public:
  virtual ~RunGroup() = default;
  /// `tasks` files that the program writes "0" to in order to join (v1).
  virtual std::vector<int> join_fds() const { return {}; }
  /// Folder to clone into (v2). -1 if not used.
  virtual int clone_into_fd() const { return -1; }
  /// Raises the limits of a group that was made for a request without files by what the files need, where they count.
  virtual Status make_room_for(const SandboxRequest&) { return {}; }
  /// For the next run of a box like the last one's, when all processes of that one are gone and those of the next wait: counts
  /// from 0 again. False, and the group is not to be used any more, if it cannot or more than `most_bytes` are in use:
  /// something that the last run has left would count against the next.
  virtual bool start_anew(std::uint64_t /*most_bytes*/) { return false; }
  /// Up to date at any time, also when all processes are gone. A counter that cannot be read is 0.
  virtual CgroupCounters counters() = 0;
};

class CgroupSite {
 public:
  virtual ~CgroupSite() = default;
  /// A new group with the request's limits on memory (swap included) and processes. Thread-safe.
  virtual Result<std::unique_ptr<RunGroup>> create(const SandboxRequest& request) = 0;
};

/// The agent's own group in one hierarchy.
struct OwnGroup {
  std::vector<std::string> controllers;  ///< Of a v1 hierarchy. Empty for v2.
  std::string folder;                    ///< Absolute, as mounted.
  bool unified = false;                  ///< v2.

  friend bool operator==(const OwnGroup&, const OwnGroup&) = default;
};

/// From the texts of /proc/self/cgroup and /proc/self/mountinfo. Hierarchies that are not mounted, or not down to the own
/// group, are left out.
std::vector<OwnGroup> find_own_groups(std::string_view self_cgroup, std::string_view self_mountinfo);

/// Tries what this machine offers: makes a group, sets limits, removes it. Adds a line per mechanism to `mechanisms`. Null if
/// one of memory, processes and CPU accounting is missing.
std::unique_ptr<CgroupSite> open_cgroup_site(const std::vector<OwnGroup>& groups, std::vector<SandboxMechanism>& mechanisms);

/// The two kinds, for open_cgroup_site. Null with the reasons in `mechanisms` if they cannot work.
std::unique_ptr<CgroupSite> open_cgroup_v1(const std::vector<OwnGroup>& groups, std::vector<SandboxMechanism>& mechanisms);
std::unique_ptr<CgroupSite> open_cgroup_v2(const OwnGroup& group, std::vector<SandboxMechanism>& mechanisms);

}  // namespace forgepool::sandbox
