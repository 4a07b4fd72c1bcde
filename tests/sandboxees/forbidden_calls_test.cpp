#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cerrno>

namespace forgepool::sandbox_test {
namespace {

struct Call {
  int number;
  const char* name;
};

constexpr Call forbidden[] = {{59, "execve"},
                              {103, "syslog"},
                              {109, "setpgid"},
                              {112, "setsid"},
                              {126, "capset"},
                              {139, "sysfs"},
                              {153, "vhangup"},
                              {154, "modify_ldt"},
                              {155, "pivot_root"},
                              {157, "prctl"},
                              {158, "arch_prctl"},
                              {159, "adjtimex"},
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
                              {29, "shmget"},
                              {64, "semget"},
                              {68, "msgget"},
                              {101, "ptrace"},
                              {135, "personality"},
                              {216, "remap_file_pages"},
                              {227, "clock_settime"},
                              {240, "mq_open"},
                              {246, "kexec_load"},
                              {248, "add_key"},
                              {249, "request_key"},
                              {250, "keyctl"},
                              {256, "migrate_pages"},
                              {272, "unshare"},
                              {276, "tee"},
                              {278, "vmsplice"},
                              {279, "move_pages"},
                              {298, "perf_event_open"},
                              {300, "fanotify_init"},
                              {303, "name_to_handle_at"},
                              {304, "open_by_handle_at"},
                              {305, "clock_adjtime"},
                              {308, "setns"},
                              {310, "process_vm_readv"},
                              {311, "process_vm_writev"},
                              {312, "kcmp"},
                              {313, "finit_module"},
                              {317, "seccomp"},
                              {321, "bpf"},
                              {323, "userfaultfd"},
                              {425, "io_uring_setup"},
                              {426, "io_uring_enter"},
                              {428, "open_tree"},
                              {429, "move_mount"},
                              {430, "fsopen"},
                              {442, "mount_setattr"},
                              {444, "landlock_create_ruleset"},
                              {447, "memfd_secret"}};

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

TEST_CASE("a system call that does not exist is a violation", "[hostile]") {
  for (const int number : {-1, 600, 0x7fffffff}) {
    const auto report = linux_sandbox().run(request_for("raw_call", {std::to_string(number)}));
    INFO(number << ": " << describe(report.outcome));
    CHECK(report.outcome.kind == SandboxOutcome::Kind::policy_violation);
    CHECK(report.outcome.code == number);
  }
}

TEST_CASE("calls by which C libraries ask what there is are refused without ending the run", "[hostile]") {
  constexpr Call probing[] = {{435, "clone3"},     {334, "rseq"},      {41, "socket"}, {319, "memfd_create"},
                              {434, "pidfd_open"}, {452, "fchmodat2"}, {462, "mseal"}, {511, "one of the future"}};
  for (const auto& call : probing) {
    const auto report = linux_sandbox().run(request_for("raw_call", {std::to_string(call.number)}));
    INFO(call.name << ": " << describe(report.outcome));
    CHECK(report.outcome == SandboxOutcome{SandboxOutcome::Kind::exited, 1, ""});
    const auto expected = std::to_string(call.number == 41 ? EPERM : ENOSYS);
    CHECK(to_text(report.standard_error) == "returned -1, errno " + expected + "\n");
  }
}

}  // namespace
}  // namespace forgepool::sandbox_test
