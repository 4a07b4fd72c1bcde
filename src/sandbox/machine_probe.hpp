#pragma once
/// Finding out what this machine can enforce, by doing it.
#include "sandbox/box_runner.hpp"

#include <forgepool/backends/linux_sandbox.hpp>

namespace forgepool::sandbox {

/// Compiled filters, the first process's image and so on: what all ways to start a box need. `unsupported` with the reason.
Result<std::unique_ptr<BoxMachine>> prepare_machine();

/// Runs a program that does nothing.
BoxRun run_trial(const BoxMachine& machine);

struct ProbedMachine {
  std::unique_ptr<BoxMachine> machine;      ///< Null if not even `namespaces` can be reached.
  SandboxLevel level = SandboxLevel::none;  ///< What runs on it will reach: none, namespaces or full.
  bool strict = false;                      ///< Runs can be held to determinism class strict.
  std::vector<SandboxMechanism> mechanisms;
};

/// Compiles the filters, finds and tries the cgroups, and runs programs in boxes: one that does nothing, and one that looks
/// whether strict programs are held to their world.
ProbedMachine probe_machine();

}  // namespace forgepool::sandbox
