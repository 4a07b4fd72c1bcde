#pragma once
/// Finding out what this machine can enforce, by doing it.
#include "sandbox/box_runner.hpp"

#include <forgepool/backends/linux_sandbox.hpp>

namespace forgepool::sandbox {

struct ProbedMachine {
  std::unique_ptr<BoxMachine> machine;      ///< Null if not even `namespaces` can be reached.
  SandboxLevel level = SandboxLevel::none;  ///< What runs on it will reach: none, namespaces or full.
  std::vector<SandboxMechanism> mechanisms;
};

/// Compiles the filters, finds and tries the cgroups, and runs a program that does nothing in a box.
ProbedMachine probe_machine();

}  // namespace forgepool::sandbox
