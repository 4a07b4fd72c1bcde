/* Turns against what a strict program is run by: it lies in the program's own address space, at addresses that are no secret.
 * They come as arguments: the gate, the beginning and end of the supervisor's part, its code. Exits with 0 if the attack came
 * to nothing. */
#include "sandboxee.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

static char *gate, *begin, *end, *code;

static long by_gate(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("call *%[gate]"
                   : "=a"(result)
                   : [gate] "r"(gate), "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}

/* What the emulation has to go on doing after the attack. */
static void still_emulated(int number) {
  struct timespec first, second;
  EXPECT(number, syscall(SYS_clock_gettime, CLOCK_REALTIME, &first) == 0 && first.tv_sec > 0);
  EXPECT(number + 1, clock_gettime(CLOCK_REALTIME, &second) == 0);
  EXPECT(number + 2, second.tv_sec - first.tv_sec < 60 && first.tv_sec % 86400 < 60);
}

static void unmap(void) {
  EXPECT(10, munmap(begin, (size_t)(end - begin)) == -1);
  EXPECT(11, munmap(gate, 4096) == -1);
  EXPECT(12, munmap(code, 4096) == -1);
}

static void map_over(void) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  EXPECT(10, mmap(gate, 4096, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED);
  EXPECT(11, mmap(code, 4096, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED);
  EXPECT(12, mmap(begin - 4096, 1 << 20, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED);
}

static void protect(void) {
  EXPECT(10, mprotect(gate, 4096, PROT_READ | PROT_WRITE) == -1);
  EXPECT(11, mprotect(code, 4096, PROT_READ | PROT_WRITE) == -1);
  EXPECT(12, mprotect(code, 4096, PROT_NONE) == -1);
}

static void move(void) {
  EXPECT(10, mremap(code, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
  char* mine = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(11, mine != MAP_FAILED);
  EXPECT(12, mremap(mine, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, gate) == MAP_FAILED);
}

static void forget(void) {
  madvise(code, 4096, MADV_DONTNEED);
  madvise(begin, (size_t)(end - begin), MADV_DONTNEED);
}

static void forbidden_by_gate(void) {
  by_gate(SYS_ptrace, 0, 0, 0);
  _exit(1);
}
static void execute_by_gate(void) {
  by_gate(SYS_execve, (long)"/in/secret", 0, 0);
  _exit(1);
}
static void thread_by_gate(void) {
  EXPECT(10, by_gate(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES, 0, 0) < 0);
}
static void executable_by_gate(void) {
  char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(10, page != MAP_FAILED);
  EXPECT(11, by_gate(SYS_mprotect, (long)page, 4096, PROT_READ | PROT_EXEC) < 0);
}

static volatile int called;
static void handler(int number) {
  called = number;
}

static void block_signal(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
}
static void ignore_signal(void) {
  signal(SIGSYS, SIG_IGN);
  signal(SIGSEGV, SIG_IGN);
}
static void default_signal(void) {
  signal(SIGSYS, SIG_DFL);
}
static void own_handler(void) {
  signal(SIGSYS, handler);
}

/* Pages that exist, found by the kernel's own answer, and whether an ELF image begins there. */
static void scan_for_images(void) {
  int ends[2];
  char byte;
  EXPECT(10, pipe(ends) == 0);
  for (char* page = (char*)0x7ffff7000000; page < (char*)0x7ffffffff000; page += 4096) {
    if (write(ends[1], page, 1) != 1) continue;
    EXPECT(11, read(ends[0], &byte, 1) == 1);
    EXPECT(12, memcmp(page, "\177ELF", 4) != 0);
  }
}

int main(int count, char** arguments) {
  static const struct {
    const char* name;
    void (*attack)(void);
  } attacks[] = {
      {"unmap", unmap},
      {"map-over", map_over},
      {"protect", protect},
      {"move", move},
      {"forget", forget},
      {"forbidden-by-gate", forbidden_by_gate},
      {"execute-by-gate", execute_by_gate},
      {"thread-by-gate", thread_by_gate},
      {"executable-by-gate", executable_by_gate},
      {"block-signal", block_signal},
      {"ignore-signal", ignore_signal},
      {"default-signal", default_signal},
      {"own-handler", own_handler},
      {"scan-for-images", scan_for_images},
  };
  EXPECT(2, count == 6);
  char** const pointers[] = {&gate, &begin, &end, &code};
  for (int i = 0; i < 4; ++i) *pointers[i] = (char*)strtoul(arguments[2 + i], NULL, 0);
  for (unsigned i = 0; i < sizeof attacks / sizeof *attacks; ++i)
    if (!strcmp(arguments[1], attacks[i].name)) {
      attacks[i].attack();
      still_emulated(30);
      EXPECT(40, called == 0);
      return 0;
    }
  return 3;
}
