#pragma once
/// What the sandbox's tests share: programs from tests/sandboxees, requests for them, and running a whole test program again as
/// a user without privileges.
#include <forgepool/backends/linux_sandbox.hpp>

#include <sys/types.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace forgepool::sandbox_test {

/// The children of a process with this name, or all; those that have ended and were not waited for only if asked.
std::set<pid_t> children_of(pid_t parent, std::string_view name = {}, bool ended_too = false);

/// The Linux sandbox at the best level that this machine and user reach, opened once. Skips the running test case, with what is
/// missing, where not even namespaces can be had.
Sandbox& linux_sandbox();

/// The same with the program bwrap.
Sandbox& bubblewrap_sandbox();

/// A request for a program of tests/sandboxees, with limits small enough for tests. It has one input file, /in/secret.
SandboxRequest request_for(const std::string& program, std::vector<std::string> arguments = {});

std::shared_ptr<const Bytes> load_program(const std::string& program);

/// Copies this test program and the sandboxees to where everyone can read them and runs it there as user and group 65534, with
/// `arguments`, in the cgroups whose folders are given. Its exit code.
int run_again_unprivileged(const std::vector<std::string>& arguments, const std::vector<std::string>& cgroups = {});

/// cgroups made for a test and handed over to user 65534, as an administrator delegates them.
class DelegatedGroups {
 public:
  /// Empty where this machine has no v1 controllers that we may make groups in.
  static std::vector<std::string> make();
  explicit DelegatedGroups(std::vector<std::string> folders) : folders_(std::move(folders)) {}
  DelegatedGroups(const DelegatedGroups&) = delete;
  DelegatedGroups& operator=(const DelegatedGroups&) = delete;
  ~DelegatedGroups();

 private:
  std::vector<std::string> folders_;
};

}  // namespace forgepool::sandbox_test
