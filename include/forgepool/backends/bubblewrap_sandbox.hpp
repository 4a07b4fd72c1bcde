#pragma once
/// Shards under the program bwrap (bubblewrap), which many distributions have and some allow to make user namespaces where
/// others may not. It makes namespaces and root; the system-call filter, the limits per process and the reading of outputs are
/// those of the Linux sandbox. x86-64 and static ELF programs, and at most 512 input files.
///
/// Beside what it declares as its limitations: bwrap limits the size of /out and /tmp but not how many files are in them, and
/// programs with the relaxation `spawn` can execute what they have written there.
#include <forgepool/sandbox.hpp>

namespace forgepool {

struct BubblewrapSandboxOptions {
  /// A path, or a name that is looked up in PATH when the sandbox is opened. Version 0.8 or later.
  std::string program = "bwrap";
};

/// Runs a trivial program first. `unsupported`, with the reason and what to do, if that does not work on this machine.
FORGEPOOL_API Result<std::unique_ptr<Sandbox>> open_bubblewrap_sandbox(BubblewrapSandboxOptions options = {});

}  // namespace forgepool
