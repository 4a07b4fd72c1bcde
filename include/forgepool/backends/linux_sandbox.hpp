#pragma once
/// Linux namespaces, pivot_root into an empty tmpfs, seccomp allow-list, cgroups (v1 and v2), rlimits, no_new_privs. Works as
/// root and as an unprivileged user (with user namespaces). x86-64 and static ELF programs.
///
/// An open sandbox keeps one child process, the zygote that boxes are forked from: a small program without a C library, in
/// namespaces of its own, without any memory or descriptor of the host's. A host that waits for all of its children waits for
/// that one, too. Should it be killed, the next run starts another.
#include <forgepool/sandbox.hpp>

namespace forgepool {

struct LinuxSandboxOptions {
  /// The weakest level to run at. Opening fails closed with `unsupported` and the missing mechanisms if this machine cannot
  /// reach it. Unprivileged users without a delegated cgroup reach `namespaces`.
  SandboxLevel minimum_level = SandboxLevel::full;
  /// How many boxes of determinism class strict are kept ready for runs that differ from the last ones in files and seed only,
  /// from the second such run on; as many as have run at once, if these were more. A box in which a run of some
  /// owner's (SandboxRequest::owner) has ended well is renewed for the same owner: all that its program has written to comes
  /// anew, the namespaces and the cgroup stay. A box costs three sleeping processes and the program's memory; without any, a
  /// run takes more than twice as long to start. What is empty of a strict run (its mounts, its cgroups) is then taken down by
  /// the sandbox's own thread, a moment after `run` has returned; with 0, before.
  std::size_t prepared_boxes = 2;
};

/// What this machine offers and what is missing, mechanism by mechanism, for people ("cgroup v1 memory: no write access to …").
struct SandboxMechanism {
  std::string name;
  bool available = false;
  std::string detail;
  std::string remedy{};  ///< What an operator can do about it; empty if it is available, or nothing is known.
};

/// Probes the machine (runs a trivial program), then opens the sandbox. One object serves all threads of a process.
FORGEPOOL_API Result<std::unique_ptr<Sandbox>> open_linux_sandbox(LinuxSandboxOptions options = {});
FORGEPOOL_API std::vector<SandboxMechanism> probe_linux_sandbox();

}  // namespace forgepool
