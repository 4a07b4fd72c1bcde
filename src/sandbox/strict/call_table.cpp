#include "sandbox/strict/call_table.hpp"

#include <sys/syscall.h>

namespace forgepool::sandbox::strict {
namespace {

using enum Handling;

constexpr const char* own_clock = "time is a count of how often it was asked for";
constexpr const char* fixed_machine = "one processor, a fixed kernel, fixed memory and limits";
constexpr const char* fixed_identity = "user, group and numbers are fixed by the sandbox";
constexpr const char* one_thread = "there is one thread: nobody else waits or wakes";
constexpr const char* own_layout = "addresses are given out here, below 2^47 on every processor";
constexpr const char* own_signals = "handlers, masks and stacks are kept here; nobody outside sends signals";
constexpr const char* no_history = "times, owners, devices and room are the world's; inode numbers count up in a fresh tmpfs";
constexpr const char* watched_random = "what stands for a random device is followed from descriptor to descriptor";
constexpr const char* whole_transfers =
    "regular files are in memory and take or give all there is, limits being equal; the output pipes block; in a pipe of its "
    "own "
    "there is what the one thread has put there";
constexpr const char* own_tree =
    "the trees are fresh tmpfs with equal owners, modes, room and mount flags, and nobody else is in them";
constexpr const char* no_effect = "moves nothing that could be seen, and says the same of what it cannot be done with";

constexpr CallRule rules[] = {
    // --- time
    {SYS_clock_gettime, emulated, own_clock},
    {SYS_clock_getres, emulated, own_clock},
    {SYS_gettimeofday, emulated, own_clock},
    {SYS_time, emulated, own_clock},
    {SYS_times, emulated, own_clock},
    {SYS_getrusage, emulated, own_clock},
    {SYS_nanosleep, emulated, own_clock},
    {SYS_clock_nanosleep, emulated, own_clock},
    {SYS_alarm, examined, "0 sets nothing, and nothing was set; other alarms are violations"},

    // --- the machine
    {SYS_uname, emulated, fixed_machine},
    {SYS_sysinfo, emulated, fixed_machine},
    {SYS_getcpu, emulated, fixed_machine},
    {SYS_sched_getaffinity, emulated, fixed_machine},
    {SYS_sched_getscheduler, emulated, fixed_machine},
    {SYS_sched_getparam, emulated, fixed_machine},
    {SYS_getpriority, emulated, fixed_machine},
    {SYS_getrlimit, emulated, fixed_machine},
    {SYS_prlimit64, emulated, fixed_machine},
    {SYS_getrandom, emulated, "the bytes follow from the run's seed"},
    {SYS_sched_get_priority_max, examined, "the classes that all kernels know; younger ones (SCHED_EXT) are EINVAL"},
    {SYS_sched_get_priority_min, examined, "the classes that all kernels know; younger ones (SCHED_EXT) are EINVAL"},
    {SYS_sched_yield, native, "there is nobody to yield to, and the answer is 0"},

    // --- the process
    {SYS_exit, native, "does not return"},
    {SYS_exit_group, native, "does not return"},
    {SYS_getpid, native, fixed_identity},
    {SYS_gettid, native, fixed_identity},
    {SYS_getppid, native, fixed_identity},
    {SYS_getpgrp, native, fixed_identity},
    {SYS_getpgid, examined, "its own group has its own number; of others nothing is told (ESRCH)"},
    {SYS_getsid, examined, "its own session; of others nothing is told (ESRCH)"},
    {SYS_getuid, native, fixed_identity},
    {SYS_geteuid, native, fixed_identity},
    {SYS_getgid, native, fixed_identity},
    {SYS_getegid, native, fixed_identity},
    {SYS_getresuid, native, fixed_identity},
    {SYS_getresgid, native, fixed_identity},
    {SYS_personality, native, "only asked, and set by the sandbox"},
    {SYS_prctl, native, "the name is what the program made it, the rest set by the sandbox; younger options are EINVAL"},
    {SYS_arch_prctl, examined,
     "a register; addresses from 2^47 on are EPERM, as where they do not exist; younger options are EINVAL"},
    {SYS_set_tid_address, native, fixed_identity},
    {SYS_set_robust_list, native, "a pointer that the kernel keeps"},
    {SYS_get_robust_list, examined, "its own pointer; of others nothing is told (ESRCH)"},
    {SYS_clone, no_threads, one_thread},
    {SYS_futex, emulated, one_thread},
    {SYS_restart_syscall, native, "goes on with a wait that the box's being stopped has interrupted"},

    // --- memory
    {SYS_brk, emulated, own_layout},
    {SYS_mmap, from_gate, own_layout},
    {SYS_mremap, from_gate, own_layout},
    {SYS_madvise, from_gate, "advice is obeyed where contents go, and at once; the rest has no effect"},
    {SYS_munmap, examined, "up to 2^47; what reaches farther, which only some processors have, the handlers refuse"},
    {SYS_mprotect, native, "protections that all kernels know; above 2^47 there is nothing mapped (ENOMEM)"},
    {SYS_msync, native, no_effect},

    // --- signals
    {SYS_rt_sigaction, from_gate, own_signals},
    {SYS_rt_sigprocmask, emulated, own_signals},
    {SYS_sigaltstack, emulated, own_signals},
    {SYS_rt_sigreturn, examined, "the frames of handlers are written and read here, of one form for all processors"},
    {SYS_rt_sigpending, native, own_signals},
    {SYS_rt_sigsuspend, native, own_signals},
    {SYS_pause, native, own_signals},
    {SYS_kill, examined, "reaches itself alone; the stem and everybody are not there (ESRCH)"},
    {SYS_tkill, examined, "reaches itself alone; the stem is not there (ESRCH)"},
    {SYS_tgkill, examined, "reaches itself alone; the stem is not there (ESRCH)"},

    // --- waiting
    {SYS_poll, emulated, "what is not there at once does not come: the time passes"},
    {SYS_select, emulated, "what is not there at once does not come: the time passes"},
    {SYS_ppoll, from_gate, "what is not there at once does not come: the time passes"},
    {SYS_pselect6, from_gate, "what is not there at once does not come: the time passes"},

    // --- descriptors
    {SYS_read, by_number, whole_transfers},
    {SYS_readv, by_number, whole_transfers},
    {SYS_pread64, by_number, whole_transfers},
    {SYS_preadv, by_number, whole_transfers},
    {SYS_write, native, whole_transfers},
    {SYS_writev, native, whole_transfers},
    {SYS_pwrite64, native, whole_transfers},
    {SYS_pwritev, native, whole_transfers},
    {SYS_close, by_number, watched_random},
    {SYS_close_range, from_gate, watched_random},
    {SYS_dup, from_gate, watched_random},
    {SYS_dup2, from_gate, watched_random},
    {SYS_dup3, from_gate, watched_random},
    {SYS_fcntl, examined, "flags are what the program made them, locks ENOLCK, younger commands EINVAL, O_DIRECT EINVAL"},
    {SYS_ioctl, examined, "no descriptor is a terminal (ENOTTY); how much waits in a pipe is not told"},
    {SYS_lseek, examined,
     "positions; where holes are (SEEK_DATA, SEEK_HOLE) depends on the size of pages in the cache: EINVAL"},
    {SYS_pipe, native, "the lowest descriptors, and room for 16 pages"},
    {SYS_pipe2, examined, "as pipe; flags beside O_CLOEXEC and O_NONBLOCK are EINVAL"},

    // --- files
    {SYS_open, emulated, watched_random},
    {SYS_creat, emulated, watched_random},
    {SYS_openat, from_gate,
     "no unnamed files, no O_DIRECT (tmpfs takes it since 6.5), O_CREAT with O_DIRECTORY EINVAL as since 6.4"},
    {SYS_stat, from_gate, no_history},
    {SYS_fstat, from_gate, no_history},
    {SYS_lstat, from_gate, no_history},
    {SYS_newfstatat, from_gate, no_history},
    {SYS_statx, from_gate, no_history},
    {SYS_statfs, from_gate, no_history},
    {SYS_fstatfs, from_gate, no_history},
    {SYS_getdents64, from_gate, "in the order of creation; the kernel's own has changed between versions"},
    {SYS_access, native, own_tree},
    {SYS_faccessat, native, own_tree},
    {SYS_faccessat2, native, own_tree},
    {SYS_getcwd, native, own_tree},
    {SYS_chdir, native, own_tree},
    {SYS_fchdir, native, own_tree},
    {SYS_mkdir, native, own_tree},
    {SYS_mkdirat, native, own_tree},
    {SYS_rmdir, native, own_tree},
    {SYS_unlink, native, own_tree},
    {SYS_unlinkat, native, own_tree},
    {SYS_rename, native, own_tree},
    {SYS_renameat, native, own_tree},
    {SYS_renameat2, examined, "flags beside RENAME_NOREPLACE and RENAME_EXCHANGE are EINVAL"},
    {SYS_symlink, native, own_tree},
    {SYS_symlinkat, native, own_tree},
    {SYS_readlink, native, own_tree},
    {SYS_readlinkat, native, own_tree},
    {SYS_chmod, native, own_tree},
    {SYS_fchmod, native, own_tree},
    {SYS_fchmodat, native, own_tree},
    {SYS_utime, native, "all times are shown as the world's beginning"},
    {SYS_utimes, native, "all times are shown as the world's beginning"},
    {SYS_utimensat, native, "all times are shown as the world's beginning"},
    {SYS_futimesat, native, "all times are shown as the world's beginning"},
    {SYS_truncate, native, own_tree},
    {SYS_ftruncate, native, own_tree},
    {SYS_fallocate, examined, "what tmpfs has always had: extending, keeping the size, punching holes; the rest is EOPNOTSUPP"},
    {SYS_umask, native, "set by the sandbox, then by the program"},
    {SYS_fsync, native, no_effect},
    {SYS_fdatasync, native, no_effect},
    {SYS_sync_file_range, native, no_effect},
    {SYS_fadvise64, native, no_effect},
};

}  // namespace

std::span<const CallRule> call_rules() {
  return rules;
}

std::set<std::uint32_t> kernel_calls() {
  std::set<std::uint32_t> numbers;
  for (const auto& rule : rules)
    if (rule.handling != emulated && rule.handling != no_threads) numbers.insert(rule.number);
  return numbers;
}

}  // namespace forgepool::sandbox::strict
