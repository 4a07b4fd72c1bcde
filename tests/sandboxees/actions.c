/* Many small attempts, chosen by name: hostile_programs.cpp says how each must end. Exits with 0 if everything was refused as
 * it should be; an action that ends in a forbidden call does not come back from it, and exits with 1 if it does. */
#include "sandboxee.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

/* --- one forbidden call, with arguments that would do harm ------------------------------------------------------------ */

static char buffer[4096] = "x";
static struct timespec some_time = {1000000000, 0};
static struct timeval some_timeval = {1000000000, 0};
static struct iovec part = {buffer, sizeof buffer};

#define P(pointer) ((long)(pointer))

static const struct {
  const char* name;
  long number;
  long arguments[6];
} calls[] = {
    {"trace-me", SYS_ptrace, {0}},
    {"trace-first-process", SYS_ptrace, {16, 1}},
    {"read-memory-of-others", SYS_process_vm_readv, {1, P(&part), 1, P(&part), 1, 0}},
    {"write-memory-of-others", SYS_process_vm_writev, {1, P(&part), 1, P(&part), 1, 0}},
    {"compare-with-others", SYS_kcmp, {1, 2, 0, 0, 0}},
    {"queue-signal-to-supervisor", SYS_rt_sigqueueinfo, {1, 9, P(buffer)}},
    {"queue-signal-to-thread", SYS_rt_tgsigqueueinfo, {1, 1, 9, P(buffer)}},
    {"mount-tmpfs", SYS_mount, {P("none"), P("/tmp"), P("tmpfs"), 0, 0}},
    {"mount-proc", SYS_mount, {P("proc"), P("/tmp"), P("proc"), 0, 0}},
    {"remount-writable", SYS_mount, {0, P("/"), 0, 0x20 | 0x1000, 0}},
    {"unmount-output", SYS_umount2, {P("/out"), 2}},
    {"new-mount-api-fsopen", SYS_fsopen, {P("tmpfs"), 0}},
    {"new-mount-api-open-tree", SYS_open_tree, {-100, P("/"), 1}},
    {"new-mount-api-move", SYS_move_mount, {0, P(""), -100, P("/tmp"), 4}},
    {"new-mount-api-attributes", SYS_mount_setattr, {-100, P("/"), 0, P(buffer), 32}},
    {"new-mount-api-pick", SYS_fspick, {-100, P("/"), 0}},
    {"pivot-root", SYS_pivot_root, {P("."), P(".")}},
    {"change-root", SYS_chroot, {P("/tmp")}},
    {"unshare-user-namespace", SYS_unshare, {CLONE_NEWUSER}},
    {"unshare-everything", SYS_unshare, {0x7e020000}},
    {"unshare-files", SYS_unshare, {CLONE_FILES}},
    {"enter-namespace", SYS_setns, {0, 0}},
    {"keyring-add", SYS_add_key, {P("user"), P("k"), P("v"), 1, -4}},
    {"keyring-request", SYS_request_key, {P("user"), P("k"), 0, -4}},
    {"keyring-session", SYS_keyctl, {1, 0}},
    {"bpf-load", SYS_bpf, {5, P(buffer), 48}},
    {"perf-events", SYS_perf_event_open, {P(buffer), 0, -1, -1, 0}},
    {"io-uring", SYS_io_uring_setup, {8, P(buffer)}},
    {"user-fault-handling", SYS_userfaultfd, {1}},
    {"personality-read-implies-exec", SYS_personality, {0x0400000}},
    {"personality-32-bit", SYS_personality, {8}},
    {"local-descriptor-table", SYS_modify_ldt, {1, P(buffer), 16}},
    {"io-privilege", SYS_iopl, {3}},
    {"io-ports", SYS_ioperm, {0x80, 1, 1}},
    {"sysv-shared-memory", SYS_shmget, {0, 4096, 01600}},
    {"sysv-semaphores", SYS_semget, {0, 1, 01600}},
    {"sysv-messages", SYS_msgget, {0, 01600}},
    {"posix-messages", SYS_mq_open, {P("/q"), O_CREAT | O_RDWR, 0600, 0}},
    {"secret-memory", SYS_memfd_secret, {0}},
    {"set-clock", SYS_clock_settime, {0, P(&some_time)}},
    {"set-time-of-day", SYS_settimeofday, {P(&some_timeval), 0}},
    {"adjust-clock", SYS_adjtimex, {P(buffer)}},
    {"adjust-other-clock", SYS_clock_adjtime, {0, P(buffer)}},
    {"load-module", SYS_init_module, {P(buffer), 16, P("")}},
    {"load-module-from-file", SYS_finit_module, {0, P(""), 0}},
    {"unload-module", SYS_delete_module, {P("loop"), 0}},
    {"load-kernel", SYS_kexec_load, {0, 0, 0, 0}},
    {"load-kernel-from-file", SYS_kexec_file_load, {0, 0, 0, P(""), 0}},
    {"reboot", SYS_reboot, {0xfee1dead, 672274793, 0x4321fedc, 0}},
    {"swap-on", SYS_swapon, {P("/tmp/x"), 0}},
    {"accounting", SYS_acct, {P("/tmp/x")}},
    {"quotas", SYS_quotactl, {0x800007, P("/dev/null"), 0, P(buffer)}},
    {"kernel-log", SYS_syslog, {3, P(buffer), sizeof buffer}},
    {"host-name", SYS_sethostname, {P("evil"), 4}},
    {"hang-up-terminal", SYS_vhangup, {0}},
    {"file-handle-take", SYS_name_to_handle_at, {-100, P("/"), P(buffer), P(buffer), 0}},
    {"file-handle-open", SYS_open_by_handle_at, {0, P(buffer), 0}},
    {"watch-file-system", SYS_fanotify_init, {0, 0}},
    {"second-filter", SYS_seccomp, {1, 0, P(buffer)}},
    {"second-filter-listener", SYS_seccomp, {1, 8, P(buffer)}},
    {"own-landlock", SYS_landlock_create_ruleset, {P(buffer), 8, 0}},
    {"prctl-strict-seccomp", SYS_prctl, {PR_SET_SECCOMP, 1}},
    {"prctl-time-stamps-on", SYS_prctl, {PR_SET_TSC, PR_TSC_ENABLE}},
    {"prctl-dumpable", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"prctl-memory-map", SYS_prctl, {PR_SET_MM, PR_SET_MM_ARG_START, 4096, 0, 0}},
    {"prctl-subreaper", SYS_prctl, {PR_SET_CHILD_SUBREAPER, 1}},
    {"prctl-survive-parent", SYS_prctl, {PR_SET_PDEATHSIG, 0}},
    {"prctl-ambient-capability", SYS_prctl, {PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0}},
    {"prctl-secure-bits", SYS_prctl, {PR_SET_SECUREBITS, 0}},
    {"prctl-user-dispatch", SYS_prctl, {59, 1, 0, 0, P(buffer)}},
    {"map-vdso-again", SYS_arch_prctl, {0x2003, 0x10000000}},
    {"cpuid-faulting", SYS_arch_prctl, {0x1012, 1}},
    {"own-capabilities", SYS_capset, {P(buffer), P(buffer)}},
    {"migrate-pages", SYS_migrate_pages, {1, 0, 0, 0}},
    {"move-pages", SYS_move_pages, {1, 0, 0, 0, 0, 0}},
    {"remap-file-pages", SYS_remap_file_pages, {P(buffer), 4096, 0, 0, 0}},
    {"splice-pages", SYS_vmsplice, {1, P(&part), 1, 8}},
    {"duplicate-pipe", SYS_tee, {0, 1, 1, 0}},
    {"splice", SYS_splice, {0, 0, 1, 0, 1, 0}},
    {"old-library", SYS_uselib, {P("/tmp/x")}},
    {"execute-file", SYS_execve, {P("/in/secret"), 0, 0}},
    {"execute-by-descriptor", SYS_execveat, {1, P(""), 0, 0, AT_EMPTY_PATH}},
    {"own-session", SYS_setsid, {0}},
    {"descriptor-owner", SYS_fcntl, {1, F_SETOWN, 1}},
    {"descriptor-signal", SYS_fcntl, {1, F_SETSIG, 9}},
    {"file-lease", SYS_fcntl, {1, F_SETLEASE, F_WRLCK}},
    {"watch-folder", SYS_fcntl, {1, F_NOTIFY, 1}},
    {"seals", SYS_fcntl, {1, 1033, 15}},
    {"controlling-terminal", SYS_ioctl, {1, TIOCSCTTY, 1}},
    {"console-selection", SYS_ioctl, {1, TIOCLINUX, P(buffer)}},
    {"inode-flags", SYS_ioctl, {1, 0x40086602, P(buffer)}},
    {"device-control", SYS_ioctl, {0, 0x1272, P(buffer)}},
};

/* --- attempts that are refused one by one ------------------------------------------------------------------------------ */

static void memory_by_proc(void) {
  REFUSED(10, open("/proc/self/mem", O_RDWR), ENOENT);
  REFUSED(11, open("/proc/1/mem", O_RDWR), ENOENT);
  REFUSED(12, open("/proc/self/oom_score_adj", O_WRONLY), ENOENT);
  REFUSED(13, open("/proc/self/ns/user", O_RDONLY), ENOENT);
  REFUSED(14, open("/proc/sysrq-trigger", O_WRONLY), ENOENT);
  REFUSED(15, open("/proc/sys/kernel/core_pattern", O_WRONLY), ENOENT);
}

static void groups_of_control(void) {
  REFUSED(10, open("/sys/fs/cgroup/memory/memory.limit_in_bytes", O_WRONLY), ENOENT);
  REFUSED(11, open("/sys/fs/cgroup/cgroup.procs", O_WRONLY), ENOENT);
  REFUSED(12, open("/sys/fs/cgroup/release_agent", O_WRONLY), ENOENT);
}

static void processes_by_descriptor(void) {
  REFUSED(10, syscall(SYS_pidfd_open, 1, 0), ENOSYS);
  REFUSED(11, syscall(SYS_pidfd_getfd, 1, 3, 0), ENOSYS);
  REFUSED(12, syscall(SYS_pidfd_send_signal, 1, SIGKILL, NULL, 0), ENOSYS);
}

static void abstract_socket(void) {
  REFUSED(10, socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0forgepool"};
  REFUSED(11, bind(0, (struct sockaddr*)&address, sizeof address), EPERM);
  REFUSED(12, connect(0, (struct sockaddr*)&address, sizeof address), EPERM);
}

static void raw_sockets(void) {
  static const int families[] = {AF_INET,         AF_INET6,          AF_PACKET, AF_NETLINK,
                                 38 /* AF_ALG */, 40 /* AF_VSOCK */, AF_KEY,    AF_BLUETOOTH};
  for (unsigned i = 0; i < sizeof families / sizeof *families; ++i) REFUSED(10, socket(families[i], SOCK_RAW, 255), EPERM);
}

static void socket_as_output(void) {
  REFUSED(10, mknod("/out/x", S_IFSOCK | 0666, 0), EPERM);
  abstract_socket();
}

static void capabilities_of_files(void) {
  const int fd = open("/tmp/x", O_CREAT | O_WRONLY, 0755);
  EXPECT(10, fd >= 0);
  REFUSED(11, syscall(SYS_setxattr, "/tmp/x", "security.capability", buffer, 20, 0), EOPNOTSUPP);
  REFUSED(12, syscall(SYS_fsetxattr, fd, "user.x", buffer, 1, 0), EOPNOTSUPP);
}

static void memory_files(void) {
  REFUSED(10, syscall(SYS_memfd_create, "x", 0), ENOSYS);
  REFUSED(11, open("/dev/shm/x", O_CREAT | O_RDWR, 0600), ENOENT);
}

static void better_schedule(void) {
  struct sched_param high = {.sched_priority = 50};
  REFUSED(10, sched_setscheduler(0, SCHED_FIFO, &high), EPERM);
  REFUSED(11, setpriority(PRIO_PROCESS, 0, -20), EPERM);
  REFUSED(12, syscall(SYS_ioprio_set, 1, 0, 1 << 13), EPERM);
  REFUSED(13, syscall(SYS_sched_setattr, 0, buffer, 0), EPERM);
  cpu_set_t all;
  memset(&all, 0xff, sizeof all);
  REFUSED(14, sched_setaffinity(0, sizeof all, &all), EPERM);
}

static void lock_memory(void) {
  REFUSED(10, mlockall(MCL_CURRENT | MCL_FUTURE), EPERM);
  REFUSED(11, mlock(buffer, sizeof buffer), EPERM);
  EXPECT(12, mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) == MAP_FAILED);
  EXPECT(13, mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0) == MAP_FAILED);
}

static void poison_memory(void) {
  char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(10, page != MAP_FAILED);
  EXPECT(11, madvise(page, 4096, 100 /* MADV_HWPOISON */) == -1);
  EXPECT(12, madvise(page, 4096, 101 /* MADV_SOFT_OFFLINE */) == -1);
}

static void page_zero(void) {
  EXPECT(10, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
}

static void change_own_code(void) {
  char* const page = (char*)((uintptr_t)&change_own_code & ~4095ul);
  /* In one step it is refused; in two, what is writable cannot be made executable again. */
  REFUSED(10, mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC), EACCES);
  const int fd = open("/in/secret", O_RDONLY);
  EXPECT(11, fd >= 0);
  REFUSED(12, (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0), EACCES);
}

static void use_up_descriptors(void) {
  int count = 0;
  while (open("/dev/null", O_RDONLY) >= 0 && count < 100000) ++count;
  EXPECT(10, errno == EMFILE && count < 256);
  REFUSED(11, eventfd(0, 0), EMFILE);
}

static void use_up_timers(void) {
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  timer_t timer;
  int count = 0;
  while (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0 && count < 100000) ++count;
  EXPECT(10, count < 100000);
}

static void use_up_pipes(void) {
  static char data[65536];
  for (;;) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) != 0) break;
    while (write(ends[1], data, sizeof data) > 0) {
    }
  }
  EXPECT(10, errno == EMFILE || errno == ENFILE);
}

static void leave_the_tree(void) {
  REFUSED(10, open("/out/../new", O_CREAT | O_WRONLY, 0644), EROFS);
  REFUSED(11, open("/out/../in/new", O_CREAT | O_WRONLY, 0644), EROFS);
  REFUSED(12, rename("/out", "/tmp/out"), EXDEV);
  REFUSED(13, mkdir("/out/..", 0755), EEXIST);
  REFUSED(14, open("/out/..", O_CREAT | O_WRONLY, 0644), EISDIR);
  REFUSED(15, link("/in/secret", "/out/secret"), EXDEV);
}

static void times_of_shared_device(void) {
  struct timespec times[2] = {some_time, some_time};
  REFUSED(10, utimensat(AT_FDCWD, "/dev/null", times, 0), EROFS);
  REFUSED(11, utimensat(AT_FDCWD, "/dev/null", NULL, 0), EROFS);
  REFUSED(12, truncate("/dev/null", 0), EINVAL);
}

static void watch_files(void) {
  REFUSED(10, syscall(SYS_inotify_init1, 0), EPERM);
  REFUSED(11, syscall(SYS_inotify_init), EPERM);
}

static void block_all_signals(void) {
  sigset_t all;
  sigfillset(&all);
  EXPECT(10, sigprocmask(SIG_SETMASK, &all, NULL) == 0);
  for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
}

static void violation_with_signals_blocked(void) {
  block_all_signals();
  syscall(SYS_ptrace, 0, 0, 0, 0);
  _exit(1);
}

static void violation_in_handler(int number) {
  (void)number;
  syscall(SYS_bpf, 0, 0, 0);
  _exit(1);
}

static void violation_by_signal(void) {
  signal(SIGALRM, violation_in_handler);
  raise(SIGALRM);
}

static void kill_own_group(void) {
  kill(0, SIGKILL);
}

static void alarm_itself(void) {
  struct itimerval soon = {.it_value = {0, 1000}};
  EXPECT(10, setitimer(ITIMER_REAL, &soon, NULL) == 0);
  for (;;) pause();
}

static void write_to_input(void) {
  REFUSED(10, write(0, "x", 1), EBADF);
  char byte;
  EXPECT(11, read(0, &byte, 1) == 0);
}

static void huge_frame(void) {
  volatile char* far = (volatile char*)__builtin_frame_address(0) - (512l << 20);
  *far = 1;
}

/* The old fixed page of system calls: the kernel may have none, may emulate it, and holds emulated calls to the filter. */
static void fixed_page(void) {
  typedef long (*Time)(long*);
  ((Time)0xffffffffff600400ul)(NULL);
}

static void fixed_page_read(void) {
  const volatile char* page = (const volatile char*)0xffffffffff600000ul;
  (void)*page;
}

static void fast_call_32(void) {
  __asm__ volatile("mov %%rsp, %%rbp\n sysenter" : : "a"(20L) : "memory", "rcx", "rdx");
}

static void change_segment_32(void) {
  /* A far return to the 32-bit code segment: there a syscall instruction is one of the other kind. */
  void* low = mmap((void*)0x10000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  EXPECT(10, low != MAP_FAILED);
  REFUSED(11, mprotect(low, 8192, PROT_READ | PROT_EXEC), EACCES);
}

static void swap_entry(const char* path, int turn) {
  static const char* const inside = "inside";
  unlink(path);
  rmdir(path);
  switch (turn % 4) {
    case 0: {
      const int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
      if (fd >= 0 && write(fd, inside, 6) == 6) close(fd);
      break;
    }
    case 1: (void)!symlink("/in/secret", path); break;
    case 2: mkdir(path, 0755); break;
    case 3: (void)!symlink("/etc/passwd", path); break;
  }
}

/* A child that goes on swapping an output after its parent has ended well. */
static void swap_outputs(void) {
  int ready[2];
  char byte;
  EXPECT(10, pipe(ready) == 0);
  if (fork() == 0) {
    setsid();
    for (int turn = 0;; ++turn) {
      swap_entry("/out/x", turn);
      if (turn == 100 && write(ready[1], "r", 1) != 1) _exit(1);
    }
  }
  EXPECT(11, read(ready[0], &byte, 1) == 1);
}

static void orphan_that_writes(void) {
  if (fork() == 0) {
    setsid();
    for (;;)
      if (write(1, buffer, sizeof buffer) < 0) _exit(0);
  }
}

static void orphans_by_the_hundred(void) {
  for (int i = 0; i < 200; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      if (fork() == 0) _exit(0);
      _exit(0);
    }
    if (child > 0) waitpid(child, NULL, 0);
  }
}

static void trace_a_child(void) {
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  syscall(SYS_ptrace, 16, child, 0, 0);
  _exit(1);
}

static void execute_script(void) {
  const int fd = open("/tmp/script", O_CREAT | O_WRONLY, 0755);
  EXPECT(10, fd >= 0 && write(fd, "#!/in/helper\n", 13) == 13);
  close(fd);
  char* list[] = {"script", NULL};
  REFUSED(11, execve("/tmp/script", list, list + 1), EACCES);
}

static const struct {
  const char* name;
  void (*act)(void);
} attempts[] = {
    {"memory-by-proc", memory_by_proc},
    {"groups-of-control", groups_of_control},
    {"processes-by-descriptor", processes_by_descriptor},
    {"abstract-socket", abstract_socket},
    {"raw-sockets", raw_sockets},
    {"socket-as-output", socket_as_output},
    {"capabilities-of-files", capabilities_of_files},
    {"memory-files", memory_files},
    {"better-schedule", better_schedule},
    {"lock-memory", lock_memory},
    {"poison-memory", poison_memory},
    {"page-zero", page_zero},
    {"change-own-code", change_own_code},
    {"use-up-descriptors", use_up_descriptors},
    {"use-up-timers", use_up_timers},
    {"use-up-pipes", use_up_pipes},
    {"leave-the-tree", leave_the_tree},
    {"times-of-shared-device", times_of_shared_device},
    {"watch-files", watch_files},
    {"block-all-signals", block_all_signals},
    {"violation-with-signals-blocked", violation_with_signals_blocked},
    {"violation-by-signal", violation_by_signal},
    {"kill-own-group", kill_own_group},
    {"alarm-itself", alarm_itself},
    {"write-to-input", write_to_input},
    {"huge-frame", huge_frame},
    {"fixed-page", fixed_page},
    {"fixed-page-read", fixed_page_read},
    {"fast-call-32", fast_call_32},
    {"change-segment-32", change_segment_32},
    {"swap-outputs", swap_outputs},
    {"orphan-that-writes", orphan_that_writes},
    {"orphans-by-the-hundred", orphans_by_the_hundred},
    {"trace-a-child", trace_a_child},
    {"execute-script", execute_script},
};

int main(int count, char** arguments) {
  EXPECT(2, count == 2);
  for (unsigned i = 0; i < sizeof attempts / sizeof *attempts; ++i)
    if (!strcmp(arguments[1], attempts[i].name)) {
      attempts[i].act();
      return 0;
    }
  for (unsigned i = 0; i < sizeof calls / sizeof *calls; ++i)
    if (!strcmp(arguments[1], calls[i].name)) {
      const long* a = calls[i].arguments;
      const long result = syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
      dprintf(2, "%s returned %ld, errno %d\n", calls[i].name, result, errno);
      return 1;
    }
  dprintf(2, "no action is called %s\n", arguments[1]);
  return 3;
}
