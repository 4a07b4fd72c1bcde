/// The table behind SeccompPolicyBuilder: long, but one concept. seccomp_policy.hpp says what the answers mean.
#include "sandbox/box_plan.hpp"
#include "sandbox/seccomp_policy.hpp"

#include <asm/ioctls.h>
#include <asm/mman.h>
#include <asm/prctl.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <sys/socket.h>

#include <cerrno>

namespace forgepool::sandbox {
namespace {

using Condition = SeccompPolicyBuilder::Condition;

constexpr std::uint64_t low_32_bits = 0xffffffff;
constexpr std::uint64_t every_bit = ~0ull;

constexpr const char* memory_calls[] = {"brk", "munmap", "mremap", "madvise", "msync", "mincore", "membarrier"};

constexpr const char* file_calls[] = {"read",
                                      "write",
                                      "readv",
                                      "writev",
                                      "pread64",
                                      "pwrite64",
                                      "preadv",
                                      "pwritev",
                                      "preadv2",
                                      "pwritev2",
                                      "open",
                                      "openat",
                                      "creat",
                                      "close",
                                      "lseek",
                                      "dup",
                                      "dup2",
                                      "dup3",
                                      "pipe",
                                      "pipe2",
                                      "stat",
                                      "fstat",
                                      "lstat",
                                      "newfstatat",
                                      "statx",
                                      "statfs",
                                      "fstatfs",
                                      "access",
                                      "faccessat",
                                      "faccessat2",
                                      "getdents",
                                      "getdents64",
                                      "getcwd",
                                      "chdir",
                                      "fchdir",
                                      "mkdir",
                                      "mkdirat",
                                      "rmdir",
                                      "unlink",
                                      "unlinkat",
                                      "rename",
                                      "renameat",
                                      "renameat2",
                                      "link",
                                      "linkat",
                                      "symlink",
                                      "symlinkat",
                                      "readlink",
                                      "readlinkat",
                                      "chmod",
                                      "fchmod",
                                      "fchmodat",
                                      "utime",
                                      "utimes",
                                      "utimensat",
                                      "futimesat",
                                      "truncate",
                                      "ftruncate",
                                      "fallocate",
                                      "fsync",
                                      "fdatasync",
                                      "sync_file_range",
                                      "fadvise64",
                                      "readahead",
                                      "copy_file_range",
                                      "sendfile",
                                      "umask",
                                      "close_range"};

constexpr const char* process_calls[] = {"exit",
                                         "exit_group",
                                         "getpid",
                                         "gettid",
                                         "getppid",
                                         "getpgrp",
                                         "getpgid",
                                         "getsid",
                                         "getuid",
                                         "geteuid",
                                         "getgid",
                                         "getegid",
                                         "getresuid",
                                         "getresgid",
                                         "set_tid_address",
                                         "set_robust_list",
                                         "get_robust_list",
                                         "futex",
                                         "futex_waitv",
                                         "sched_yield",
                                         "sched_getaffinity",
                                         "sched_getparam",
                                         "sched_getscheduler",
                                         "sched_get_priority_max",
                                         "sched_get_priority_min",
                                         "getpriority",
                                         "getrlimit",
                                         "getrusage",
                                         "times",
                                         "uname",
                                         "sysinfo",
                                         "getcpu",
                                         "restart_syscall"};

// Signals reach only the box: its pid namespace holds nothing else.
constexpr const char* signal_calls[] = {"rt_sigaction",  "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait",
                                        "rt_sigsuspend", "sigaltstack",    "pause",        "kill",          "tkill",
                                        "tgkill"};

constexpr const char* time_calls[] = {"clock_gettime",    "clock_getres", "clock_nanosleep", "nanosleep",
                                      "gettimeofday",     "time",         "alarm",           "setitimer",
                                      "getitimer",        "timer_create", "timer_settime",   "timer_gettime",
                                      "timer_getoverrun", "timer_delete", "timerfd_create",  "timerfd_settime",
                                      "timerfd_gettime",  "getrandom"};

constexpr const char* waiting_calls[] = {"poll",         "ppoll",         "select",    "pselect6",
                                         "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
                                         "epoll_pwait",  "epoll_pwait2",  "eventfd",   "eventfd2"};

/// Name-service and logging code in C libraries tries these; the answer "not permitted" is one they are written for.
constexpr const char* not_permitted[] = {"socket",
                                         "connect",
                                         "bind",
                                         "listen",
                                         "accept",
                                         "accept4",
                                         "chown",
                                         "fchown",
                                         "lchown",
                                         "fchownat",
                                         "mknod",
                                         "mknodat",
                                         "setuid",
                                         "setgid",
                                         "setreuid",
                                         "setregid",
                                         "setresuid",
                                         "setresgid",
                                         "setfsuid",
                                         "setfsgid",
                                         "setgroups",
                                         "mlock",
                                         "mlock2",
                                         "mlockall",
                                         "munlock",
                                         "munlockall",
                                         "setpriority",
                                         "sched_setaffinity",
                                         "sched_setscheduler",
                                         "sched_setparam",
                                         "sched_setattr",
                                         "sched_getattr",
                                         "ioprio_set",
                                         "ioprio_get",
                                         "inotify_init",
                                         "inotify_init1",
                                         "capget",
                                         "setrlimit",
                                         "adjtimex",
                                         "clock_adjtime",
                                         "rt_sigqueueinfo",
                                         "rt_tgsigqueueinfo",
                                         "userfaultfd"};

/// Shells ask whether their standard input is one, and there is none.
constexpr const char* socket_calls[] = {"sendto",      "recvfrom",    "sendmsg",    "recvmsg",    "sendmmsg", "recvmmsg",
                                        "getsockname", "getpeername", "setsockopt", "getsockopt", "shutdown"};

/// No honest program does this: it looks for what others have, for the machine's settings, or for the way out.
constexpr const char* violations[] = {"ptrace",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "mount",
                                      "umount2",
                                      "open_tree",
                                      "move_mount",
                                      "fsopen",
                                      "fsconfig",
                                      "fsmount",
                                      "fspick",
                                      "mount_setattr",
                                      "pivot_root",
                                      "chroot",
                                      "unshare",
                                      "setns",
                                      "bpf",
                                      "modify_ldt",
                                      "iopl",
                                      "ioperm",
                                      "clock_settime",
                                      "settimeofday",
                                      "init_module",
                                      "finit_module",
                                      "delete_module",
                                      "kexec_load",
                                      "kexec_file_load",
                                      "reboot",
                                      "swapon",
                                      "swapoff",
                                      "acct",
                                      "quotactl",
                                      "quotactl_fd",
                                      "syslog",
                                      "sethostname",
                                      "setdomainname",
                                      "vhangup",
                                      "open_by_handle_at",
                                      "fanotify_init",
                                      "fanotify_mark",
                                      "capset"};

constexpr const char* attribute_calls[] = {"getxattr", "lgetxattr", "fgetxattr", "listxattr",   "llistxattr",   "flistxattr",
                                           "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"};

// A new namespace would give back every capability inside it; CLONE_PTRACE and CLONE_PARENT reach for our first process.
constexpr std::uint64_t forbidden_clone_flags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                                CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE | CLONE_PARENT | CLONE_UNTRACED |
                                                CLONE_PIDFD;
constexpr std::uint64_t thread_flags = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;

void add_memory_rules(SeccompPolicyBuilder& builder, bool executable) {
  for (const auto* name : memory_calls) builder.allow(name);
  if (executable) {
    builder.allow("mmap").allow("mprotect");
    return;
  }
  // New executable memory is not needed by a static ELF. Refused rather than a violation: just-in-time compilers fall back.
  for (const auto* name : {"mmap", "mprotect"}) {
    builder.allow_if(name, {{2, PROT_EXEC, 0}});
    builder.refuse_if(name, {{2, PROT_EXEC, PROT_EXEC}}, EACCES);
  }
}

void add_process_rules(SeccompPolicyBuilder& builder) {
  for (const auto* name : process_calls) builder.allow(name);
  builder.allow_if("clone", {{0, forbidden_clone_flags | thread_flags, thread_flags}}).otherwise_violation("clone");
  // Limits can be asked for, not changed, not even lowered: RLIMIT_CORE has to stay as it is (see limits.cpp). Those of others
  // are out of reach: our first process has the same user, so the kernel alone would let its limits be changed.
  builder.allow_if("prlimit64", {{0, low_32_bits, 0}, {2, every_bit, 0}});
  builder.refuse_if("prlimit64", {{0, low_32_bits, 0}, {2, every_bit, 0, true}}, EPERM).otherwise_violation("prlimit64");
  builder.allow_if("arch_prctl", {{0, low_32_bits, ARCH_SET_FS}});
  builder.allow_if("arch_prctl", {{0, low_32_bits, ARCH_GET_FS}});
  // Shadow stacks, wide tiles, tagged addresses: EINVAL is what kernels say that do not know them. The kernel's own vDSO has
  // the real clock in it; cpuid is the sandbox's affair.
  for (const std::uint64_t option : {ARCH_MAP_VDSO_X32, ARCH_MAP_VDSO_32, ARCH_MAP_VDSO_64, ARCH_SET_CPUID})
    builder.violation_if("arch_prctl", {{0, low_32_bits, option}});
  builder.otherwise_refuse("arch_prctl", EINVAL);
  for (const std::uint64_t option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS})
    builder.allow_if("prctl", {{0, low_32_bits, option}});
  builder.refuse_if("prctl", {{0, low_32_bits, PR_SET_NO_NEW_PRIVS}, {1, every_bit, 1}}, 0);  // It has none.
  for (const std::uint64_t option : {PR_SET_TSC, PR_SET_MM, PR_SET_SECUREBITS})
    builder.violation_if("prctl", {{0, low_32_bits, option}});
  builder.otherwise_refuse("prctl", EINVAL);
  builder.allow_if("personality", {{0, low_32_bits, 0xffffffff}});  // Asks, changes nothing.
  builder.otherwise_refuse("personality", EPERM);
  // No supplementary groups, whatever groups the agent's user has (they cannot be dropped without privileges).
  builder.refuse("getgroups", 0);
  // The one call that starts the program. See plan_program_fd for why it is of no use afterwards.
  builder.allow_if("execveat", {{0, low_32_bits, static_cast<std::uint64_t>(plan_program_fd)}, {4, every_bit, AT_EMPTY_PATH}});
  builder.otherwise_violation("execveat");
}

void add_file_rules(SeccompPolicyBuilder& builder) {
  for (const auto* name : file_calls) builder.allow(name);
  for (const std::uint64_t command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL})
    builder.allow_if("fcntl", {{1, low_32_bits, command}});
  // No locks: /dev/null is the host's own, so a lock on it would be seen by every box and every process of the host.
  builder.refuse("flock", ENOLCK);
  for (const std::uint64_t command : {F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW})
    builder.refuse_if("fcntl", {{1, low_32_bits, command}}, ENOLCK);
  for (const std::uint64_t command : {F_SETPIPE_SZ, F_GETPIPE_SZ})
    builder.refuse_if("fcntl", {{1, low_32_bits, command}}, EPERM);
  builder.otherwise_refuse("fcntl", EINVAL);
  // The kernel looks at the low 32 bits of the command only, so only these may be compared: a TIOCSTI with other bits set above
  // is a TIOCSTI still.
  for (const std::uint64_t command : {TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX})
    builder.allow_if("ioctl", {{1, low_32_bits, command}});
  for (const std::uint64_t command : {TIOCSTI, TIOCLINUX}) builder.violation_if("ioctl", {{1, low_32_bits, command}});
  builder.otherwise_refuse("ioctl", ENOTTY);
  // Nothing outlives the run.
  for (const auto* name : {"sync", "syncfs"}) builder.refuse(name, 0);
}

// --- relaxations --------------------------------------------------------------------------------------------------------

constexpr const char* spawning_calls[] = {"fork", "vfork", "execve", "wait4", "waitid", "setpgid", "setsid"};

void refuse_spawning(SeccompPolicyBuilder& builder) {
  for (const auto* name : {"fork", "vfork", "execve", "setpgid", "setsid"}) builder.violation(name);
  for (const auto* name : {"wait4", "waitid"}) builder.refuse(name, ECHILD);
}

void allow_spawning(SeccompPolicyBuilder& builder) {
  for (const auto* name : spawning_calls) builder.allow(name);
  builder.allow_if("clone", {{0, forbidden_clone_flags | CLONE_THREAD, 0}});
}

/// Younger than some <linux/memfd.h>.
constexpr std::uint64_t memory_file_not_executable = 8;  // MFD_NOEXEC_SEAL
constexpr std::uint64_t memory_file_executable = 16;     // MFD_EXEC

void allow_memory_files(SeccompPolicyBuilder& builder) {
  // No huge pages: they are counted by another controller than the one that limits memory.
  builder.allow_if("memfd_create",
                   {{1, low_32_bits & ~std::uint64_t{MFD_CLOEXEC | MFD_ALLOW_SEALING | memory_file_not_executable}, 0}});
  builder.refuse_if("memfd_create", {{1, MFD_HUGETLB, MFD_HUGETLB}}, EINVAL);
  builder.refuse_if("memfd_create", {{1, memory_file_executable, memory_file_executable}}, EACCES);
  builder.otherwise_refuse("memfd_create", EINVAL);
  for (const std::uint64_t command : {F_ADD_SEALS, F_GET_SEALS}) builder.allow_if("fcntl", {{1, low_32_bits, command}});
}

/// Sockets that are connected from the start and stay so: nobody else can be addressed through them, by whatever call. That is
/// not so of datagrams.
void allow_local_sockets(SeccompPolicyBuilder& builder) {
  constexpr std::uint64_t type_bits = low_32_bits & ~std::uint64_t{SOCK_CLOEXEC | SOCK_NONBLOCK};
  for (const std::uint64_t type : {SOCK_STREAM, SOCK_SEQPACKET})
    builder.allow_if("socketpair", {{0, low_32_bits, AF_UNIX}, {1, type_bits, type}, {2, low_32_bits, 0}});
  builder.otherwise_refuse("socketpair", EPERM);
  for (const auto* name : {"sendto", "recvfrom", "sendmsg", "recvmsg", "shutdown"}) builder.allow(name);
  for (const auto* name : {"sendmmsg", "recvmmsg", "getsockname", "getpeername", "setsockopt", "getsockopt"})
    builder.refuse(name, EOPNOTSUPP);
}

void refuse_local_sockets(SeccompPolicyBuilder& builder) {
  builder.refuse("socketpair", EPERM);
  for (const auto* name : socket_calls) builder.refuse(name, ENOTSOCK);
}

}  // namespace

SeccompPolicyBuilder SeccompPolicyBuilder::for_programs(const SandboxPolicy& policy) {
  SeccompPolicyBuilder builder;
  add_memory_rules(builder, policy.allows(SandboxRelaxation::executable_memory));
  add_file_rules(builder);
  add_process_rules(builder);
  for (const auto* name : signal_calls) builder.allow(name);
  for (const auto* name : time_calls) builder.allow(name);
  for (const auto* name : waiting_calls) builder.allow(name);
  for (const auto* name : not_permitted) builder.refuse(name, EPERM);
  for (const auto* name : attribute_calls) builder.refuse(name, EOPNOTSUPP);
  builder.refuse("name_to_handle_at", EOPNOTSUPP);
  builder.refuse("perf_event_open", EACCES);
  for (const auto* name : violations) builder.violation(name);
  policy.allows(SandboxRelaxation::spawn) ? allow_spawning(builder) : refuse_spawning(builder);
  if (policy.allows(SandboxRelaxation::memory_files)) allow_memory_files(builder);
  policy.allows(SandboxRelaxation::local_sockets) ? allow_local_sockets(builder) : refuse_local_sockets(builder);
  // Everything else does not exist: newer calls, and older ones whose effect a filter cannot judge (clone3, openat2, io_uring)
  // or that nobody needs (landlock, splice, rseq, memory policies, keys, System V's shared memory). Libraries are written for
  // that.
  return builder;
}

}  // namespace forgepool::sandbox
