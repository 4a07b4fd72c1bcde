/// The table of the hostile programs: long, but one concept.
#include "hostile_programs.hpp"

#include "sandbox_support.hpp"

#include <sys/syscall.h>
#include <csignal>

namespace forgepool::sandbox_test {
namespace {

using Kind = SandboxOutcome::Kind;

constexpr Expected contained{Kind::exited, 0};
constexpr Expected crash_on(int signal) {
  return {Kind::signalled, signal};
}
constexpr Expected violation(int number) {
  return {Kind::policy_violation, number};
}

void short_wall_time(SandboxRequest& request) {
  request.limits.wall_ms = 400;
}
void short_cpu_time(SandboxRequest& request) {
  request.limits.cpu_ms = 300;
}
void with_helper(SandboxRequest& request) {
  request.files.push_back({"helper", load_program("ordinary"), true});
}

std::vector<Hostile> programs_of_their_own() {
  return {
      // More than its share
      {.title = "a fork bomb",
       .program = "fork_bomb",
       .expected = {Kind::pids_limit},
       .without_groups = {{Kind::exited, 1}},
       .may_spawn = true},
      {.title = "a thread bomb",
       .program = "thread_bomb",
       .expected = {Kind::pids_limit},
       .without_groups = {{Kind::exited, 1}},
       .as_strict = Expected{Kind::exited, 1}},
      {.title = "a memory bomb", .program = "memory_bomb", .expected = {Kind::out_of_memory}},
      {.title = "a memory bomb of many processes",
       .program = "memory_by_children",
       .expected = {Kind::out_of_memory},
       .without_groups = contained,
       .may_spawn = true},
      {.title = "filling /tmp",
       .program = "fill_folder",
       .arguments = {"/tmp"},
       .expected = {Kind::output_limit},
       .under_bubblewrap = Expected{Kind::exited, 1}},
      {.title = "filling /out", .program = "fill_folder", .arguments = {"/out"}, .expected = {Kind::output_limit}},
      {.title = "using up all inodes of /tmp", .program = "fill_inodes", .under_bubblewrap = Expected{Kind::exited, 11}},
      {.title = "a flood of standard output",
       .program = "output_flood",
       .expected = {Kind::timed_out_wall},
       .change = short_wall_time},
      {.title = "sleeping on, deaf to signals",
       .program = "sleep_on",
       .expected = {Kind::timed_out_wall},
       .change = short_wall_time},
      {.title = "stopping itself",
       .program = "sleep_on",
       .arguments = {"stop"},
       .expected = {Kind::timed_out_wall},
       .change = short_wall_time},
      {.title = "spinning on, deaf to SIGXCPU",
       .program = "spin_on",
       .expected = {Kind::timed_out_cpu},
       .change = short_cpu_time},
      {.title = "spinning in many short-lived processes",
       .program = "spin_on",
       .arguments = {"children"},
       .expected = {Kind::timed_out_cpu},
       .without_groups = {{Kind::timed_out_wall}},
       .may_spawn = true,
       .change =
           [](SandboxRequest& request) {
             short_cpu_time(request);
             request.limits.wall_ms = 5000;
           }},
      {.title = "overflowing the stack", .program = "overflow_stack", .expected = crash_on(SIGSEGV)},

      // Outputs
      {.title = "an output larger than allowed",
       .program = "sparse_output",
       .arguments = {"one", "1099511627776"},
       .expected = {Kind::output_limit}},
      {.title = "sparse outputs that are too large together",
       .program = "sparse_output",
       .arguments = {"many", "1048576"},
       .expected = {Kind::output_limit}},
      {.title = "an absolute symbolic link as output",
       .program = "strange_output",
       .arguments = {"symlink-absolute"},
       .expected = {Kind::output_limit}},
      {.title = "a relative symbolic link as output",
       .program = "strange_output",
       .arguments = {"symlink-relative"},
       .expected = {Kind::output_limit}},
      {.title = "a symbolic link to itself as output",
       .program = "strange_output",
       .arguments = {"symlink-loop"},
       .expected = {Kind::output_limit}},
      {.title = "a symbolic link to the root as output",
       .program = "strange_output",
       .arguments = {"symlink-folder"},
       .expected = {Kind::output_limit}},
      {.title = "two names for one output",
       .program = "strange_output",
       .arguments = {"hard-link"},
       .expected = {Kind::output_limit},
       .as_strict = Expected{Kind::exited, 12}},
      {.title = "hard links to files elsewhere",
       .program = "strange_output",
       .arguments = {"foreign-hard-link"},
       .as_strict = Expected{Kind::exited, 13}},
      {.title = "a fifo as output", .program = "strange_output", .arguments = {"fifo"}},
      {.title = "a device as output", .program = "strange_output", .arguments = {"device"}},
      {.title = "a folder as output", .program = "strange_output", .arguments = {"folder"}, .expected = {Kind::output_limit}},
      {.title = "an output that nobody may read",
       .program = "strange_output",
       .arguments = {"unreadable"},
       .expected = {Kind::output_limit}},
      {.title = "folders three thousand levels deep",
       .program = "strange_output",
       .arguments = {"deep"},
       .expected = {Kind::output_limit}},
      {.title = "a line break in an output's name",
       .program = "strange_output",
       .arguments = {"newline"},
       .expected = {Kind::output_limit}},
      {.title = "an output's name that looks like an option",
       .program = "strange_output",
       .arguments = {"leading-dash"},
       .expected = {Kind::output_limit}},
      {.title = "a hidden output", .program = "strange_output", .arguments = {"leading-dot"}, .expected = {Kind::output_limit}},
      {.title = "backslashes in an output's name",
       .program = "strange_output",
       .arguments = {"backslash"},
       .expected = {Kind::output_limit}},
      {.title = "an output's name that is not UTF-8",
       .program = "strange_output",
       .arguments = {"not-utf8"},
       .expected = {Kind::output_limit}},
      {.title = "an output's name of 255 bytes",
       .program = "strange_output",
       .arguments = {"long"},
       .expected = {Kind::output_limit}},

      // Getting at others
      {.title = "using inherited descriptors", .program = "inherited_descriptors"},
      {.title = "reaching files of the host", .program = "host_paths"},
      {.title = "writing to what is read-only", .program = "write_read_only"},
      {.title = "locking what it shares with the host", .program = "lock_files"},
      {.title = "killing everyone", .program = "kill_everyone"},
      {.title = "reaching the process it is forked from", .program = "reach_stem"},
      {.title = "giving up capabilities with a guessed token",
       .program = "reach_stem",
       .arguments = {"capabilities"},
       .expected = violation(SYS_capset)},
      {.title = "a process group of its own with a guessed token",
       .program = "reach_stem",
       .arguments = {"group"},
       .expected = violation(SYS_setpgid)},
      {.title = "tracing the first process", .program = "trace_others", .expected = violation(101)},
      {.title = "sockets of every kind", .program = "sockets"},
      {.title = "characters for someone's terminal", .program = "push_terminal_input", .expected = violation(16)},
      {.title = "the same with high bits set",
       .program = "push_terminal_input",
       .arguments = {"0xdeadbeef"},
       .expected = violation(16)},
      {.title = "leaving a daemon behind", .program = "leave_daemon", .may_spawn = true},

      // Getting more power
      {.title = "forking without leave",
       .program = "fork_without_leave",
       .expected = violation(56),
       .as_strict = Expected{Kind::exited, 2}},
      {.title = "becoming root", .program = "become_root"},
      {.title = "becoming root by a setuid file",
       .program = "become_root",
       .arguments = {"execute"},
       .may_spawn = true,
       .under_bubblewrap = Expected{Kind::exited, 16}},
      {.title = "a user namespace of its own",
       .program = "clone_namespace",
       .arguments = {"0x10000000"},
       .expected = violation(56),
       .may_spawn = true},
      {.title = "a mount namespace of its own",
       .program = "clone_namespace",
       .arguments = {"0x00020000"},
       .expected = violation(56),
       .may_spawn = true},
      {.title = "being a child of the first process",
       .program = "clone_namespace",
       .arguments = {"0x00008000"},
       .expected = violation(56),
       .may_spawn = true},
      {.title = "executing what it has written",
       .program = "execute_written",
       .may_spawn = true,
       .change = with_helper,
       .under_bubblewrap = Expected{Kind::exited, 7}},
      {.title = "executing itself again", .program = "execute_again", .as_strict = violation(SYS_execveat)},
      {.title = "making memory executable", .program = "executable_memory"},
      {.title = "raising its limits", .program = "raise_limits"},
      {.title = "lowering limits of the first process",
       .program = "raise_limits",
       .arguments = {"of-others"},
       .expected = violation(302),
       .as_strict = Expected{Kind::exited, 2}},
      {.title = "a system call by int 0x80", .program = "legacy_call", .expected = violation(20)},
      {.title = "a system call of the x32 kind", .program = "x32_call", .expected = violation(0x40000000 | 39)},
      {.title = "dumping core", .program = "dump_core", .expected = crash_on(SIGABRT)},

      // Pretending
      {.title = "pretending a violation", .program = "fake_violation", .arguments = {"31"}, .expected = crash_on(SIGSYS)},
      {.title = "pretending to be killed", .program = "fake_violation", .arguments = {"9"}, .expected = crash_on(SIGKILL)},
      {.title = "pretending to be out of CPU time",
       .program = "fake_violation",
       .arguments = {"24"},
       .expected = crash_on(SIGXCPU)},
  };
}

/// Actions of actions.c that end in a forbidden call.
constexpr struct {
  const char* action;
  int number;
} forbidden_calls[] = {
    {"trace-me", SYS_ptrace},
    {"trace-first-process", SYS_ptrace},
    {"read-memory-of-others", SYS_process_vm_readv},
    {"write-memory-of-others", SYS_process_vm_writev},
    {"mount-tmpfs", SYS_mount},
    {"mount-proc", SYS_mount},
    {"remount-writable", SYS_mount},
    {"unmount-output", SYS_umount2},
    {"new-mount-api-fsopen", SYS_fsopen},
    {"new-mount-api-open-tree", SYS_open_tree},
    {"new-mount-api-move", SYS_move_mount},
    {"new-mount-api-attributes", SYS_mount_setattr},
    {"new-mount-api-pick", SYS_fspick},
    {"pivot-root", SYS_pivot_root},
    {"change-root", SYS_chroot},
    {"unshare-user-namespace", SYS_unshare},
    {"unshare-everything", SYS_unshare},
    {"unshare-files", SYS_unshare},
    {"enter-namespace", SYS_setns},
    {"bpf-load", SYS_bpf},
    {"local-descriptor-table", SYS_modify_ldt},
    {"io-privilege", SYS_iopl},
    {"io-ports", SYS_ioperm},
    {"set-clock", SYS_clock_settime},
    {"set-time-of-day", SYS_settimeofday},
    {"load-module", SYS_init_module},
    {"load-module-from-file", SYS_finit_module},
    {"unload-module", SYS_delete_module},
    {"load-kernel", SYS_kexec_load},
    {"load-kernel-from-file", SYS_kexec_file_load},
    {"reboot", SYS_reboot},
    {"swap-on", SYS_swapon},
    {"accounting", SYS_acct},
    {"quotas", SYS_quotactl},
    {"kernel-log", SYS_syslog},
    {"host-name", SYS_sethostname},
    {"hang-up-terminal", SYS_vhangup},
    {"file-handle-open", SYS_open_by_handle_at},
    {"watch-file-system", SYS_fanotify_init},
    {"prctl-time-stamps-on", SYS_prctl},
    {"prctl-memory-map", SYS_prctl},
    {"prctl-secure-bits", SYS_prctl},
    {"map-vdso-again", SYS_arch_prctl},
    {"cpuid-faulting", SYS_arch_prctl},
    {"own-capabilities", SYS_capset},
    {"execute-file", SYS_execve},
    {"execute-by-descriptor", SYS_execveat},
    {"own-session", SYS_setsid},
    {"console-selection", SYS_ioctl},
};

/// Actions that are refused with an error: honest programs ask for the same.
constexpr const char* refused_calls[] = {
    "compare-with-others",
    "queue-signal-to-supervisor",
    "queue-signal-to-thread",
    "keyring-add",
    "keyring-request",
    "keyring-session",
    "perf-events",
    "io-uring",
    "user-fault-handling",
    "personality-read-implies-exec",
    "personality-32-bit",
    "sysv-shared-memory",
    "sysv-semaphores",
    "sysv-messages",
    "posix-messages",
    "secret-memory",
    "adjust-clock",
    "adjust-other-clock",
    "file-handle-take",
    "second-filter",
    "second-filter-listener",
    "own-landlock",
    "prctl-strict-seccomp",
    "prctl-dumpable",
    "prctl-subreaper",
    "prctl-survive-parent",
    "prctl-ambient-capability",
    "prctl-user-dispatch",
    "migrate-pages",
    "move-pages",
    "remap-file-pages",
    "splice-pages",
    "duplicate-pipe",
    "splice",
    "old-library",
    "descriptor-owner",
    "descriptor-signal",
    "file-lease",
    "watch-folder",
    "seals",
    "controlling-terminal",
    "inode-flags",
    "device-control",
};
constexpr Expected came_back{Kind::exited, 1};

Hostile action(const char* name, Expected expected = contained) {
  return {.title = name, .program = "actions", .arguments = {name}, .expected = expected};
}
Hostile spawning(Hostile hostile) {
  hostile.may_spawn = true;
  return hostile;
}
Hostile or_else(Hostile hostile, std::vector<Expected> others) {
  hostile.also = std::move(others);
  return hostile;
}

Hostile as_strict(Hostile hostile, Expected expected) {
  hostile.as_strict = expected;
  return hostile;
}

Hostile under_bubblewrap(Hostile hostile, Expected expected) {
  hostile.under_bubblewrap = expected;
  return hostile;
}

std::vector<Hostile> other_actions() {
  return {
      action("memory-by-proc"),
      action("groups-of-control"),
      action("processes-by-descriptor"),
      action("abstract-socket"),
      action("raw-sockets"),
      action("socket-as-output"),
      action("capabilities-of-files"),
      action("memory-files"),
      action("better-schedule"),
      action("lock-memory"),
      as_strict(action("poison-memory"), {Kind::exited, 11}),
      action("page-zero"),
      action("change-own-code"),
      as_strict(action("use-up-descriptors"), {Kind::exited, 11}),
      as_strict(action("use-up-timers"), violation(SYS_timer_create)),
      action("use-up-pipes"),
      as_strict(action("leave-the-tree"), {Kind::exited, 15}),
      under_bubblewrap(action("times-of-shared-device"), {Kind::exited, 10}),
      action("watch-files"),
      action("block-all-signals"),
      action("violation-with-signals-blocked", violation(SYS_ptrace)),
      action("violation-by-signal", violation(SYS_bpf)),
      action("kill-own-group", crash_on(SIGKILL)),
      as_strict(action("alarm-itself", crash_on(SIGALRM)), violation(SYS_setitimer)),
      action("write-to-input"),
      action("huge-frame", crash_on(SIGSEGV)),
      // Kernels have this page, emulate it, or do not: in no case is there more in it than the filter allows.
      or_else(action("fixed-page"), {crash_on(SIGSEGV)}),
      or_else(action("fixed-page-read"), {crash_on(SIGSEGV)}),
      // The other makers' processors do not know this instruction in 64-bit mode.
      or_else(action("fast-call-32", violation(20)), {crash_on(SIGILL), crash_on(SIGSEGV)}),
      action("change-segment-32"),
      spawning(or_else(action("swap-outputs"), {{Kind::output_limit}})),
      spawning(action("orphan-that-writes")),
      spawning(action("orphans-by-the-hundred")),
      spawning(action("trace-a-child", violation(SYS_ptrace))),
      spawning(under_bubblewrap(action("execute-script"), {Kind::exited, 11})),
  };
}

}  // namespace

const std::vector<Hostile>& hostile_programs() {
  static const auto all = [] {
    auto list = programs_of_their_own();
    for (auto& hostile : other_actions()) list.push_back(std::move(hostile));
    for (const auto& call : forbidden_calls) list.push_back(action(call.action, violation(call.number)));
    for (const auto* name : refused_calls) list.push_back(action(name, came_back));
    return list;
  }();
  return all;
}

}  // namespace forgepool::sandbox_test
