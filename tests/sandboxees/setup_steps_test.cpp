/// Setting up fails, at one step after the other: a system call that the step needs is taken away from a process of its own,
/// with a filter that a new zygote and its boxes inherit.
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstddef>

namespace forgepool::sandbox_test {
namespace {

struct Taken {
  const char* what;
  std::uint32_t number;
  SandboxStep step;
  std::int64_t first_argument = -1;  ///< Only calls with this one.
  bool only_with_groups = false;
};

constexpr Taken calls[] = {
    {"pipe2", SYS_pipe2, SandboxStep::standard_streams},
    {"mkdir", SYS_mkdir, SandboxStep::cgroup, -1, true},
    {"memfd_create", SYS_memfd_create, SandboxStep::plan},
    {"socketpair", SYS_socketpair, SandboxStep::first_process},
    {"clone3", SYS_clone3, SandboxStep::namespaces},
    {"execveat", SYS_execveat, SandboxStep::first_process},
    {"setresuid", SYS_setresuid, SandboxStep::identity},
    {"setsid", SYS_setsid, SandboxStep::session},
    {"open_tree", SYS_open_tree, SandboxStep::root_file_system},
    {"mount", SYS_mount, SandboxStep::root_file_system},
    {"move_mount", SYS_move_mount, SandboxStep::root_file_system},
    {"pivot_root", SYS_pivot_root, SandboxStep::root_file_system},
    {"umount2", SYS_umount2, SandboxStep::root_file_system},
    {"sethostname", SYS_sethostname, SandboxStep::host_name},
    {"clone", SYS_clone, SandboxStep::program_process},
    {"prlimit64", SYS_prlimit64, SandboxStep::resource_limits},
    {"prctl(PR_SET_SECUREBITS)", SYS_prctl, SandboxStep::capabilities, PR_SET_SECUREBITS},
    {"seccomp", SYS_seccomp, SandboxStep::system_call_filter},
    {"personality", SYS_personality, SandboxStep::program_start},
};

bool take_away(const Taken& call) {
  const auto argument = static_cast<std::uint32_t>(call.first_argument);
  const bool any = call.first_argument < 0;
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call.number, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, any ? 0 : argument, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (!any) filter[3].code = BPF_JMP | BPF_JEQ | BPF_K;
  const sock_fprog program{std::size(filter), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

/// The step at which a run of `request` fails in a process without the call, as a number; or 100 and more.
int step_without(const Taken& call, const SandboxRequest& request) {
  const pid_t child = fork();
  if (child == 0) {
    const auto sandbox = open_linux_sandbox({SandboxLevel::namespaces, 0});
    // A run before, so that the program's image is there.
    if (!sandbox || !(*sandbox)->run(request).outcome.ok()) _exit(101);
    if (!take_away(call)) _exit(102);
    for (const auto zygote : children_of(getpid(), "forgepool-zygot")) kill(zygote, SIGKILL);
    auto other = request;
    other.limits.memory_bytes /= 2;  // No group of the first run's fits.
    const auto outcome = (*sandbox)->run(other).outcome;
    if (outcome.kind != SandboxOutcome::Kind::setup_failed) _exit(103);
    if (outcome.detail.empty()) _exit(104);
    _exit(static_cast<int>(outcome.step));
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 105;
}

TEST_CASE("where setting up fails is part of the outcome", "[steps]") {
  const bool groups = linux_sandbox().level() == SandboxLevel::full;
  const auto request = request_for("ordinary", {"exit", "0"});
  for (const auto& call : calls) {
    if (call.only_with_groups && !groups) continue;
    INFO("without " << call.what << ", expected " << to_string(call.step));
    CHECK(step_without(call, request) == static_cast<int>(call.step));
  }
}

TEST_CASE("what cannot be run at all fails at the request or at its program", "[steps]") {
  auto request = request_for("ordinary", {"exit", "0"});
  request.limits.processes = 0;
  CHECK(linux_sandbox().run(request).outcome.step == SandboxStep::request);
  request = request_for("ordinary", {"exit", "0"});
  request.program = std::make_shared<const Bytes>(to_bytes("not a program"));
  request.program_digest = sha256(*request.program);
  const auto outcome = linux_sandbox().run(request).outcome;
  CHECK(outcome.kind == SandboxOutcome::Kind::setup_failed);
  INFO(describe(outcome));
  CHECK((outcome.step == SandboxStep::program_image || outcome.step == SandboxStep::program_start));
}

}  // namespace
}  // namespace forgepool::sandbox_test
