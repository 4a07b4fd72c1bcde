#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cerrno>

namespace forgepool::sandbox_test {
namespace {

struct Call {
  int number;
  const char* name;
};

constexpr Call forbidden[] = {{57, "fork"},
                              {58, "vfork"},
                              {59, "execve"},
                              {101, "ptrace"},
                              {103, "syslog"},
                              {109, "setpgid"},
                              {112, "setsid"},
                              {126, "capset"},
                              {153, "vhangup"},
                              {154, "modify_ldt"},
                              {155, "pivot_root"},
                              {161, "chroot"},
                              {163, "acct"},
                              {164, "settimeofday"},
                              {165, "mount"},
                              {166, "umount2"},
                              {167, "swapon"},
                              {168, "swapoff"},
                              {169, "reboot"},
                              {170, "sethostname"},
                              {171, "setdomainname"},
                              {172, "iopl"},
                              {173, "ioperm"},
                              {175, "init_module"},
                              {176, "delete_module"},
                              {179, "quotactl"},
                              {227, "clock_settime"},
                              {246, "kexec_load"},
                              {272, "unshare"},
                              {300, "fanotify_init"},
                              {304, "open_by_handle_at"},
                              {308, "setns"},
                              {310, "process_vm_readv"},
                              {311, "process_vm_writev"},
                              {313, "finit_module"},
                              {321, "bpf"},
                              {428, "open_tree"},
                              {429, "move_mount"},
                              {430, "fsopen"},
                              {442, "mount_setattr"}};

TEST_CASE("a forbidden system call ends the run and is reported with its number and name", "[hostile]") {
  auto& sandbox = linux_sandbox();
  for (const auto& call : forbidden) {
    const auto report = sandbox.run(request_for("raw_call", {std::to_string(call.number)}));
    INFO(call.name << ": " << describe(report.outcome));
    CHECK(report.outcome.kind == SandboxOutcome::Kind::policy_violation);
    CHECK(report.outcome.code == call.number);
    CHECK(report.outcome.detail == call.name);
  }
}

TEST_CASE("a system call of another kind than this machine's is a violation", "[hostile]") {
  for (const int number : {0x40000000, 0x7fffffff}) {
    const auto report = linux_sandbox().run(request_for("raw_call", {std::to_string(number)}));
    INFO(number << ": " << describe(report.outcome));
    CHECK(report.outcome.kind == SandboxOutcome::Kind::policy_violation);
    CHECK(report.outcome.code == number);
  }
}

struct Refused {
  int number;
  const char* name;
  int error;  ///< 0: it succeeds, doing nothing.
};

/// What programs try, and do without: with all arguments 0.
constexpr Refused refused[] = {{29, "shmget", ENOSYS},
                               {61, "wait4", ECHILD},
                               {64, "semget", ENOSYS},
                               {68, "msgget", ENOSYS},
                               {135, "personality", EPERM},
                               {139, "sysfs", ENOSYS},
                               {157, "prctl", EINVAL},
                               {158, "arch_prctl", EINVAL},
                               {159, "adjtimex", EPERM},
                               {162, "sync", 0},
                               {206, "io_setup", ENOSYS},
                               {216, "remap_file_pages", ENOSYS},
                               {240, "mq_open", ENOSYS},
                               {248, "add_key", ENOSYS},
                               {250, "keyctl", ENOSYS},
                               {256, "migrate_pages", ENOSYS},
                               {275, "splice", ENOSYS},
                               {276, "tee", ENOSYS},
                               {278, "vmsplice", ENOSYS},
                               {279, "move_pages", ENOSYS},
                               {282, "signalfd", ENOSYS},
                               {289, "signalfd4", ENOSYS},
                               {298, "perf_event_open", EACCES},
                               {303, "name_to_handle_at", EOPNOTSUPP},
                               {306, "syncfs", 0},
                               {312, "kcmp", ENOSYS},
                               {317, "seccomp", ENOSYS},
                               {319, "memfd_create", ENOSYS},
                               {323, "userfaultfd", EPERM},
                               {329, "pkey_mprotect", ENOSYS},
                               {334, "rseq", ENOSYS},
                               {41, "socket", EPERM},
                               {52, "getpeername", ENOTSOCK},
                               {425, "io_uring_setup", ENOSYS},
                               {426, "io_uring_enter", ENOSYS},
                               {434, "pidfd_open", ENOSYS},
                               {435, "clone3", ENOSYS},
                               {437, "openat2", ENOSYS},
                               {444, "landlock_create_ruleset", ENOSYS},
                               {447, "memfd_secret", ENOSYS},
                               {452, "fchmodat2", ENOSYS},
                               {462, "mseal", ENOSYS},
                               {511, "one of the future", ENOSYS},
                               {600, "one of the far future", ENOSYS},
                               {-1, "none", ENOSYS}};

TEST_CASE("what programs ask for and do without is refused without ending the run, in every class", "[hostile]") {
  for (const auto determinism : {Determinism::standard, Determinism::strict})
    for (const auto& call : refused) {
      auto request = request_for("raw_call", {std::to_string(call.number)});
      request.determinism = determinism;
      const auto report = linux_sandbox().run(request);
      INFO(call.name << ", " << to_string(determinism) << ": " << describe(report.outcome));
      if (call.error == 0) {
        CHECK(report.outcome == SandboxOutcome{SandboxOutcome::Kind::exited, 1, ""});
        CHECK(to_text(report.standard_error).starts_with("returned 0,"));
        continue;
      }
      CHECK(report.outcome == SandboxOutcome{SandboxOutcome::Kind::exited, 1, ""});
      CHECK(to_text(report.standard_error) == "returned -1, errno " + std::to_string(call.error) + "\n");
    }
}

TEST_CASE("a start-up that asks for control-flow protection goes on without", "[hostile]") {
  // What C libraries of distributions that enable it do before main: ARCH_CET_STATUS and its successors.
  for (const auto determinism : {Determinism::standard, Determinism::strict})
    for (const int option : {0x3001, 0x5001, 0x5005}) {
      auto request = request_for("raw_call", {"158", std::to_string(option)});
      request.determinism = determinism;
      const auto report = linux_sandbox().run(request);
      INFO(option << ", " << to_string(determinism) << ": " << describe(report.outcome));
      CHECK(to_text(report.standard_error) == "returned -1, errno " + std::to_string(EINVAL) + "\n");
    }
}

}  // namespace
}  // namespace forgepool::sandbox_test
