/* A strict program's process is forked from another one, the stem, which has the same user and may fork. Looks for what of it
 * is left here, and for ways to get at it or to do what it may. */
#include "sandboxee.h"

#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>

/* The registers at the first instruction. */
long first_registers[15];

/* The entry (see CMakeLists.txt): before anything of the C library runs. */
__asm__(
    ".globl first_instruction\n"
    "first_instruction:\n"
    "  mov %rax, first_registers(%rip)\n"
    "  mov %rbx, first_registers+8(%rip)\n"
    "  mov %rcx, first_registers+16(%rip)\n"
    "  mov %rdx, first_registers+24(%rip)\n"
    "  mov %rsi, first_registers+32(%rip)\n"
    "  mov %rdi, first_registers+40(%rip)\n"
    "  mov %rbp, first_registers+48(%rip)\n"
    "  mov %r8, first_registers+56(%rip)\n"
    "  mov %r9, first_registers+64(%rip)\n"
    "  mov %r10, first_registers+72(%rip)\n"
    "  mov %r11, first_registers+80(%rip)\n"
    "  mov %r12, first_registers+88(%rip)\n"
    "  mov %r13, first_registers+96(%rip)\n"
    "  mov %r14, first_registers+104(%rip)\n"
    "  mov %r15, first_registers+112(%rip)\n"
    "  jmp _start\n");

static void find_nothing_in_registers(void) {
  for (int i = 0; i < 15; ++i)
    if (first_registers[i] != 0) report(10, "a register at the start", first_registers[i]);
}

/* What serves to start a strict program is between these addresses (src/sandbox/strict/layout.hpp). */
static void find_nothing_in_memory(void) {
  int ends[2];
  EXPECT(20, pipe(ends) == 0);
  const struct {
    uintptr_t begin;
    int pages;
  } places[] = {{0x5e0000000000, 64}, {0x5eff00000000, 32}, {0x5eff10000000, 4}, {0x5eff20000000, 16}};
  for (int place = 0; place < 4; ++place)
    for (int page = 0; page < places[place].pages; ++page)
      REFUSED(21, write(ends[1], (const void*)(places[place].begin + (uintptr_t)page * 4096), 1), EFAULT);
  /* What is there can be written. */
  EXPECT(22, write(ends[1], ".", 1) == 1);
}

static void reach_by_number(void) {
  signal(SIGTERM, SIG_IGN);
  const int signals[] = {0, SIGKILL, SIGSTOP, SIGTERM, SIGCONT};
  for (int i = 0; i < 5; ++i) {
    REFUSED(30, kill(-1, signals[i]), ESRCH);
    /* The kernel looks at the low half alone. */
    REFUSED(31, syscall(SYS_kill, 0xffffffffffffffff, signals[i]), ESRCH);
    REFUSED(32, syscall(SYS_kill, 0x1ffffffff, signals[i]), ESRCH);
    for (long pid = 3; pid < 100; ++pid) {
      const long with_more = pid | (1l << 40);
      REFUSED(33, kill((pid_t)pid, signals[i]), ESRCH);
      REFUSED(34, syscall(SYS_kill, with_more, signals[i]), ESRCH);
      REFUSED(35, syscall(SYS_kill, -pid, signals[i]), ESRCH);
      REFUSED(36, syscall(SYS_tkill, with_more, signals[i]), ESRCH);
      REFUSED(37, syscall(SYS_tgkill, with_more, with_more, signals[i]), ESRCH);
      REFUSED(38, syscall(SYS_tgkill, getpid(), with_more, signals[i]), ESRCH);
    }
  }
  for (long pid = 3; pid < 100; ++pid) {
    void* list;
    size_t size;
    REFUSED(40, syscall(SYS_getpgid, pid | (1l << 40)), ESRCH);
    REFUSED(41, syscall(SYS_getsid, pid), ESRCH);
    REFUSED(42, syscall(SYS_get_robust_list, pid, &list, &size), ESRCH);
  }
}

/* With other tokens than the right one in the last two arguments. */
static void fork_by_guess(void) {
  struct clone_args arguments = {.exit_signal = SIGCHLD};
  const unsigned long guesses[] = {0, 1, ~0ul, 0x0123456789abcdef};
  for (int i = 0; i < 4; ++i)
    for (int k = 0; k < 4; ++k) {
      REFUSED(50, syscall(SYS_clone3, &arguments, sizeof arguments, 0, 0, guesses[i], guesses[k]), ENOSYS);
      const unsigned long limit[2] = {1, 1};
      REFUSED(51, syscall(SYS_prlimit64, 0, 0, limit, 0, guesses[i], guesses[k]), EPERM);
    }
}

int main(int count, char** arguments) {
  if (count > 1) { /* What only the stem may do, and has no answer but the end. */
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    if (strcmp(arguments[1], "capabilities") == 0) syscall(SYS_capset, &header, data, 0, 0, 1ul, 2ul);
    if (strcmp(arguments[1], "group") == 0) syscall(SYS_setpgid, 0, 0, 0, 0, 1ul, 2ul);
    return 1;
  }
  find_nothing_in_registers();
  find_nothing_in_memory();
  reach_by_number();
  fork_by_guess();
  return 0;
}
