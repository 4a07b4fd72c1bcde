/* Asks the world of strict programs (src/sandbox/strict/WORLD.md) what a program can ask, and prints a line "question=answer"
 * for each. Without a C library, whose version would be in the answers; what an answer says of the machine or the moment is a
 * fault of the world. Refusals are printed as the kernel returns them, -38 for ENOSYS. */
#include <asm/ioctls.h>
#include <asm/prctl.h>
#include <linux/auxvec.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/stat.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

typedef uint64_t u64;
typedef uint32_t u32;

/* --- what a program has without a library --------------------------------------------------------------------------------- */

__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call begin\n"
    "  ud2\n"
    ".globl return_from_handler\n"
    "return_from_handler:\n"
    "  mov $15, %eax\n"
    "  syscall\n");
void return_from_handler(void);

static long call6(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#define CALL_(n, a, b, c, d, e, f, ...) call6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define CALL(...) CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

void* memset(void* to, int value, size_t size) {
  for (size_t i = 0; i < size; ++i) ((volatile char*)to)[i] = (char)value;
  return to;
}
void* memcpy(void* to, const void* from, size_t size) {
  for (size_t i = 0; i < size; ++i) ((volatile char*)to)[i] = ((const char*)from)[i];
  return to;
}

static char line[512];
static size_t used;

static void put(char c) {
  if (used < sizeof line) line[used++] = c;
}
static void text(const char* words) {
  while (*words) put(*words++);
}
static void number(u64 value, unsigned base) {
  char digits[24];
  int count = 0;
  do digits[count++] = "0123456789abcdef"[value % base];
  while (value /= base);
  while (count > 0) put(digits[--count]);
}
static void decimal(long value) {
  if (value < 0) put('-');
  number(value < 0 ? 0 - (u64)value : (u64)value, 10);
}
static void hex(const void* data, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    put("0123456789abcdef"[((const uint8_t*)data)[i] >> 4]);
    put("0123456789abcdef"[((const uint8_t*)data)[i] & 15]);
  }
}
static void end(void) {
  put('\n');
  for (size_t at = 0; at < used;) {
    const long written = CALL(SYS_write, 1, line + at, used - at);
    if (written <= 0) CALL(SYS_exit_group, 9);
    at += (size_t)written;
  }
  used = 0;
}

static void tell(const char* question, long answer) {
  text(question);
  put('=');
  decimal(answer);
  end();
}
static void tell_of(const char* question, long which, long answer) {
  text(question);
  put(' ');
  decimal(which);
  put('=');
  decimal(answer);
  end();
}
static void tell_address(const char* question, u64 answer) {
  text(question);
  text("=0x");
  number(answer, 16);
  end();
}
static void tell_bytes(const char* question, const void* data, size_t size) {
  text(question);
  put('=');
  hex(data, size);
  end();
}
static void tell_text(const char* question, const char* answer) {
  text(question);
  put('=');
  text(answer);
  end();
}
#define ASK(question, ...) tell(question, CALL(__VA_ARGS__))

/* --- at the start ------------------------------------------------------------------------------------------------------- */

static u64* auxiliary;

static u64 auxiliary_value(u64 key) {
  for (u64* at = auxiliary; at[0] != AT_NULL; at += 2)
    if (at[0] == key) return at[1];
  return ~0ull;
}

static void ask_start(u64* stack) {
  tell_address("stack pointer at the start", (u64)stack);
  tell("argument count", (long)stack[0]);
  char** at = (char**)(stack + 1);
  for (; *at; ++at) tell_text("argument", *at);
  for (++at; *at; ++at) tell_text("variable", *at);
  auxiliary = (u64*)(at + 1);
  /* Addresses of the program are its own affair. */
  for (u64* word = auxiliary; word[0] != AT_NULL; word += 2) {
    if (word[0] == AT_PHDR || word[0] == AT_ENTRY || word[0] == AT_PHNUM) continue;
    text("auxiliary ");
    decimal((long)word[0]);
    text("=0x");
    number(word[1], 16);
    end();
  }
  tell_bytes("AT_RANDOM", (void*)auxiliary_value(AT_RANDOM), 16);
  tell_text("AT_PLATFORM", (char*)auxiliary_value(AT_PLATFORM));
  tell_text("AT_EXECFN", (char*)auxiliary_value(AT_EXECFN));
  u32 control = 0;
  __asm__("stmxcsr %0" : "=m"(control));
  tell("MXCSR", (long)control);
  uint16_t x87 = 0;
  __asm__("fnstcw %0" : "=m"(x87));
  tell("x87 control word", x87);
}

/* --- time ----------------------------------------------------------------------------------------------------------------- */

static void ask_time(void) {
  long time[2] = {0, 0};
  for (long clock = -3; clock < 18; ++clock) {
    time[0] = time[1] = 0;
    tell_of("clock_gettime", clock, CALL(SYS_clock_gettime, clock, time));
    tell_of(" seconds", clock, time[0]);
    tell_of(" nanoseconds", clock, time[1]);
    time[0] = time[1] = 0;
    tell_of("clock_getres", clock, CALL(SYS_clock_getres, clock, time));
    tell_of(" nanoseconds", clock, time[1]);
  }
  ASK("time", SYS_time, 0);
  int zone[2] = {7, 7};
  ASK("gettimeofday", SYS_gettimeofday, time, zone);
  tell(" seconds", time[0]);
  tell(" microseconds", time[1]);
  tell(" zone", zone[0] + zone[1]);
  long times[4] = {7, 7, 7, 7};
  ASK("times", SYS_times, times);
  tell(" user", times[0]);
  long usage[18];
  memset(usage, 7, sizeof usage);
  ASK("getrusage", SYS_getrusage, 0, usage);
  tell_bytes(" usage", usage, sizeof usage);
  const long pause[2] = {3, 500}, wrong[2] = {0, 1000000000};
  ASK("nanosleep", SYS_nanosleep, pause, 0);
  ASK("nanosleep of too many nanoseconds", SYS_nanosleep, wrong, 0);
  ASK("clock_nanosleep", SYS_clock_nanosleep, 1, 0, pause, 0);
  ASK("clock_nanosleep of no clock", SYS_clock_nanosleep, 99, 0, pause, 0);
  ASK("clock_gettime after sleeping", SYS_clock_gettime, 1, time);
  tell(" seconds", time[0]);
  tell(" nanoseconds", time[1]);
  ASK("alarm 0", SYS_alarm, 0);
  ASK("timer_delete", SYS_timer_delete, 0);
  ASK("timer_gettime", SYS_timer_gettime, 0, time);
  ASK("timerfd_create", SYS_timerfd_create, 1, 0);
  ASK("getitimer", SYS_getitimer, 0, time);
  ASK("clock_adjtime", SYS_clock_adjtime, 0, 0);
  ASK("adjtimex", SYS_adjtimex, 0);
}

/* --- randomness ------------------------------------------------------------------------------------------------------------
 */

static void ask_randomness(void) {
  uint8_t bytes[24];
  ASK("getrandom", SYS_getrandom, bytes, sizeof bytes, 0);
  tell_bytes(" bytes", bytes, sizeof bytes);
  ASK("getrandom of one", SYS_getrandom, bytes, 1, 0);
  tell_bytes(" bytes", bytes, 1);
  for (int i = 0; i < 2; ++i) {
    const long fd = CALL(SYS_open, i ? "/dev/random" : "/dev/urandom", O_RDONLY);
    tell("open a random device", fd);
    tell(" read", CALL(SYS_read, fd, bytes, sizeof bytes));
    tell_bytes(" bytes", bytes, sizeof bytes);
    tell(" write", CALL(SYS_write, fd, bytes, 4));
    tell(" close", CALL(SYS_close, fd));
  }
}

/* --- the machine, the process ------------------------------------------------------------------------------------------------
 */

static void ask_machine(void) {
  static char names[390];
  ASK("uname", SYS_uname, names);
  for (int i = 0; i < 6; ++i) tell_text(" name", names + 65 * i);
  static u64 information[14];
  ASK("sysinfo", SYS_sysinfo, information);
  tell_bytes(" information", information, sizeof information);
  u32 processor = 9, node = 9;
  ASK("getcpu", SYS_getcpu, &processor, &node, 0);
  tell(" processor", processor);
  tell(" node", node);
  u64 set[16] = {0};
  ASK("sched_getaffinity", SYS_sched_getaffinity, 0, sizeof set, set);
  tell_address(" processors", set[0]);
  ASK("sched_getscheduler", SYS_sched_getscheduler, 0);
  ASK("getpriority", SYS_getpriority, 0, 0);
  ASK("sched_yield", SYS_sched_yield);
  for (long policy = -1; policy < 9; ++policy) {
    tell_of("sched_get_priority_max", policy, CALL(SYS_sched_get_priority_max, policy));
    tell_of("sched_get_priority_min", policy, CALL(SYS_sched_get_priority_min, policy));
  }
  for (long resource = 0; resource < 17; ++resource) {
    u64 limit[2] = {0, 0};
    tell_of("getrlimit", resource, CALL(SYS_getrlimit, resource, limit));
    tell_address(" soft", limit[0]);
    tell_address(" hard", limit[1]);
  }
  const u64 limit[2] = {1, 1};
  ASK("prlimit64", SYS_prlimit64, 0, 7, limit, 0);
  ASK("prlimit64 of another", SYS_prlimit64, 1, 7, 0, 0);
  ASK("setrlimit", SYS_setrlimit, 7, limit);
}

static void ask_process(void) {
  ASK("getpid", SYS_getpid);
  ASK("gettid", SYS_gettid);
  ASK("getppid", SYS_getppid);
  ASK("getpgrp", SYS_getpgrp);
  for (long pid = 0; pid < 4; ++pid) {
    tell_of("getpgid", pid, CALL(SYS_getpgid, pid));
    tell_of("kill with 0", pid, CALL(SYS_kill, pid, 0));
  }
  ASK("getsid", SYS_getsid, 0);
  ASK("getsid of another", SYS_getsid, 1);
  ASK("kill everybody", SYS_kill, -1, 0);
  ASK("kill with no signal", SYS_kill, 2, 65);
  ASK("getuid", SYS_getuid);
  ASK("geteuid", SYS_geteuid);
  ASK("getgid", SYS_getgid);
  ASK("getegid", SYS_getegid);
  u32 ids[3] = {0, 0, 0};
  ASK("getresuid", SYS_getresuid, ids, ids + 1, ids + 2);
  tell(" sum", (long)ids[0] + ids[1] + ids[2]);
  ASK("getgroups", SYS_getgroups, 0, 0);
  ASK("setuid", SYS_setuid, 0);
  ASK("setgid", SYS_setgid, 0);
  ASK("personality", SYS_personality, 0xffffffff);
  ASK("personality of another", SYS_personality, 8);
  ASK("umask", SYS_umask, 022);
  ASK("umask again", SYS_umask, 022);
  ASK("set_tid_address", SYS_set_tid_address, ids);
  ASK("set_robust_list", SYS_set_robust_list, 0, 24);
  ASK("set_robust_list of another size", SYS_set_robust_list, 0, 23);
  ASK("clone", SYS_clone, 0x50f00, 0);
  ASK("wait4", SYS_wait4, -1, 0, 0, 0);
  char name[17] = {0};
  ASK("prctl name", SYS_prctl, PR_GET_NAME, name);
  tell_text(" name", name);
  ASK("prctl another name", SYS_prctl, PR_SET_NAME, "asking");
  ASK("prctl name again", SYS_prctl, PR_GET_NAME, name);
  tell_text(" name", name);
  ASK("prctl no_new_privs", SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
  for (long option = 1; option < 90; ++option) {
    if (option == PR_SET_NAME || option == PR_GET_NAME || option == PR_SET_TSC || option == PR_SET_MM ||
        option == PR_SET_SECUREBITS)
      continue;
    tell_of("prctl", option, CALL(SYS_prctl, option, 0));
  }
  u64 base = 0;
  ASK("arch_prctl FS", SYS_arch_prctl, ARCH_GET_FS, &base);
  tell_address(" base", base);
  ASK("arch_prctl FS set", SYS_arch_prctl, ARCH_SET_FS, name);
  ASK("arch_prctl FS set to 2^47", SYS_arch_prctl, ARCH_SET_FS, 1l << 47);
  ASK("arch_prctl FS set to 2^50", SYS_arch_prctl, ARCH_SET_FS, 1l << 50);
  const long options[] = {0x1001, 0x1004, 0x1011, 0x1021, 0x1022, 0x1023, 0x1024, 0x1025, 0x3001, 0x3002,
                          0x3003, 0x4001, 0x4002, 0x4003, 0x4004, 0x5001, 0x5002, 0x5003, 0x5004, 0x5005};
  for (unsigned i = 0; i < sizeof options / sizeof *options; ++i)
    tell_of("arch_prctl", options[i], CALL(SYS_arch_prctl, options[i], &base));
}

/* --- memory
 * -------------------------------------------------------------------------------------------------------------------- */

enum { rw = PROT_READ | PROT_WRITE, own = MAP_PRIVATE | MAP_ANONYMOUS };

static void ask_memory(void) {
  const u64 heap = (u64)CALL(SYS_brk, 0);
  tell("brk, off its page", (long)(heap & 4095));
  tell("brk grows", CALL(SYS_brk, heap + 10000) - (long)heap);
  tell("brk shrinks", CALL(SYS_brk, heap + 100) - (long)heap);
  tell("brk too far", CALL(SYS_brk, 1ull << 47) - (long)heap);
  const u64 one = (u64)CALL(SYS_mmap, 0, 4096, rw, own, -1, 0);
  tell_address("mmap", one);
  tell_address("mmap of 3 MiB", (u64)CALL(SYS_mmap, 0, 3 << 20, rw, own, -1, 0));
  tell_address("mmap with a wish", (u64)CALL(SYS_mmap, 1l << 40, 4096, rw, own, -1, 0));
  tell_address("mmap with a high wish", (u64)CALL(SYS_mmap, 1l << 50, 4096, rw, own, -1, 0));
  tell_address("mmap shared", (u64)CALL(SYS_mmap, 0, 4096, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const long far[] = {0,        4096,     32768,    1l << 46, (1l << 47) - (1l << 32), (1l << 47) - 4096,
                      1l << 47, 1l << 50, 1l << 56, -4096};
  for (unsigned i = 0; i < sizeof far / sizeof *far; ++i) {
    tell_of("mmap fixed", far[i], CALL(SYS_mmap, far[i], 4096, rw, own | MAP_FIXED, -1, 0));
    tell_of("munmap", far[i], CALL(SYS_munmap, far[i], 4096));
    tell_of("mprotect", far[i], CALL(SYS_mprotect, far[i], 4096, PROT_READ));
    tell_of("msync", far[i], CALL(SYS_msync, far[i], 4096, 4));
    tell_of("mremap", far[i], CALL(SYS_mremap, far[i], 4096, 8192, 1));
    tell_of("mremap to", far[i], CALL(SYS_mremap, one, 4096, 4096, 3, far[i] == 0 ? 4096 : far[i]) == far[i] ? 0 : -1);
    CALL(SYS_mmap, one, 4096, rw, own | MAP_FIXED, -1, 0);
    CALL(SYS_munmap, far[i], 4096);
  }
  ASK("munmap of far too much", SYS_munmap, one, 1l << 50);
  ASK("munmap of nothing", SYS_munmap, one, 0);
  ASK("munmap off a page", SYS_munmap, one + 1, 4096);
  for (long type = 0; type < 16; ++type) {
    const long got = CALL(SYS_mmap, 0, 4096, rw, type | MAP_ANONYMOUS, -1, 0);
    tell_of("mmap of type", type, got < 0 && got > -4096 ? got : 0);
  }
  for (int bit = 4; bit < 32; ++bit) {
    const long got = CALL(SYS_mmap, 0, 4096, rw, own | 1l << bit, -1, 0);
    tell_of("mmap with flag", bit, got < 0 && got > -4096 ? got : 0);
  }
  ASK("mmap of nothing", SYS_mmap, 0, 0, rw, own, -1, 0);
  ASK("mmap of everything", SYS_mmap, 0, 1l << 46, rw, own, -1, 0);
  ASK("mmap executable", SYS_mmap, 0, 4096, rw | PROT_EXEC, own, -1, 0);
  ASK("mprotect executable", SYS_mprotect, one, 4096, PROT_READ | PROT_EXEC);
  for (int bit = 3; bit < 32; ++bit) tell_of("mprotect", bit, CALL(SYS_mprotect, one, 4096, PROT_READ | 1l << bit));
  ASK("mprotect back", SYS_mprotect, one, 4096, rw);
  /* More than most machines have, and reserved by none: only the limit counts. */
  for (long mb = 16; mb <= 1024; mb *= 2) {
    const long got = CALL(SYS_mmap, 0, mb << 20, rw, own, -1, 0);
    tell_of("mmap of MiB", mb, got < 0 && got > -4096 ? got : 0);
    if (got > 0) CALL(SYS_munmap, got, mb << 20);
  }
  for (long advice = 0; advice < 30; ++advice) tell_of("madvise", advice, CALL(SYS_madvise, one, 4096, advice));
  ASK("mlock", SYS_mlock, one, 4096);
  ASK("mincore", SYS_mincore, one, 4096, line);
  ASK("membarrier", SYS_membarrier, 0, 0);
  ASK("memfd_create", SYS_memfd_create, "x", 0);
  ASK("process_madvise", SYS_process_madvise, 0, 0, 0, 0, 0);
}

/* --- signals
 * ------------------------------------------------------------------------------------------------------------------ */

struct action {
  void (*handler)(int, void*, void*);
  u64 flags;
  void (*restorer)(void);
  u64 mask;
};
static u64 sent_from;
static __attribute__((aligned(4096))) u64 other_stack[4096];
static volatile int handled;

static void on_signal(int signal, void* information, void* context) {
  handled = signal;
  const u64* words = context;
  tell_of("handler of", signal, 0);
  tell(" off a multiple of 16", (long)((u64)__builtin_frame_address(0) & 15));
  if (sent_from) tell(" from where it was sent to the information", (long)(sent_from - (u64)information));
  tell(" from the information to the context", (long)((u64)context - (u64)information));
  tell_bytes(" signal, error, code", information, 12);
  tell_address(" flags of the context", words[0]);
  tell_address(" link", words[1]);
  tell(" stack, from where it is", words[2] ? (long)(words[2] - (u64)other_stack) : -1);
  tell(" its flags", (long)words[3]);
  tell(" its size", (long)words[4]);
  tell_address(" segments", words[5 + 18]);
  tell(" trap", (long)words[5 + 20]);
  tell_address(" mask", words[37]);
  tell(" to the floating-point state", (long)(words[28] - (u64)context));
  tell_bytes(" what comes behind it", (const uint8_t*)words[28] + 464, 48);
  u64 mask = 0;
  CALL(SYS_rt_sigprocmask, 0, 0, &mask, 8);
  tell_address(" blocked", mask);
}

/* From a place on the stack that no compiler decides. */
static void send(int signal) {
  long result = SYS_kill;
  handled = 0;
  __asm__ volatile(
      "mov %%rsp, %%rbx\n"
      "and $-4096, %%rsp\n"
      "mov %%rsp, %1\n"
      "syscall\n"
      "mov %%rbx, %%rsp\n"
      : "+a"(result), "=m"(sent_from)
      : "D"(2l), "S"((long)signal)
      : "rbx", "rcx", "r11", "memory");
  sent_from = 0;
  tell_of("kill itself", signal, result);
  tell("handled", handled);
}

static u64 go_on_at;

static void on_fault(int signal, void* information, void* context) {
  u64* words = context;
  tell_of("fault", signal, *(int*)((char*)information + 8));
  tell_address(" address", *(u64*)((char*)information + 16));
  tell(" trap", (long)words[5 + 20]);
  tell(" error", (long)words[5 + 19]);
  tell_address(" address in the context", words[5 + 22]);
  words[5 + 16] = go_on_at;
}

static void touch(u64 address) {
  __asm__ volatile(
      "lea 1f(%%rip), %%rax\n"
      "mov %%rax, %0\n"
      "movb $1, (%1)\n"
      "1:\n"
      : "=m"(go_on_at)
      : "r"(address)
      : "rax", "memory");
}

/* What the processor holds, seen from before and after a handler that changes it. */
static void spoil(int signal, void* information, void* context) {
  (void)signal, (void)information;
  u64 found[2] = {1, 1};
  __asm__ volatile("movdqu %%xmm7, %0\n pcmpeqd %%xmm7, %%xmm7\n" : "=m"(found) : : "xmm7");
  handled = found[0] == 0 && found[1] == 0;
  const u64* state = (const u64*)((u64*)context)[28];
  handled += 2 * (state[20 + 14] == 0x1122334455667788);
}

static void ask_registers(void) {
  struct action action = {spoil, 4 | 0x04000000, return_from_handler, 0};
  CALL(SYS_rt_sigaction, 10, &action, 0, 8);
  u64 pattern[2] = {0x1122334455667788, 0x99aabbccddeeff00}, found[2] = {0, 0};
  long result = SYS_kill;
  __asm__ volatile(
      "movdqu %2, %%xmm7\n"
      "syscall\n"
      "movdqu %%xmm7, %1\n"
      : "+a"(result), "=m"(found)
      : "m"(pattern), "D"(2l), "S"(10l)
      : "rcx", "r11", "memory", "xmm7");
  tell("a handler starts with empty registers, and is shown the others", handled);
  tell("registers are kept over a handler", found[0] == pattern[0] && found[1] == pattern[1]);
}

/* The old fixed page, which some kernels have. */
static void ask_fixed_page(void) {
  u32 processor = 9, node = 9;
  long time[2] = {0, 0};
  long second = 0;
  tell("fixed page, gettimeofday", ((long (*)(long*, void*))0xffffffffff600000ul)(time, 0));
  tell(" seconds", time[0]);
  tell("fixed page, time", ((long (*)(long*))0xffffffffff600400ul)(&second));
  tell(" seconds", second);
  tell("fixed page, getcpu", ((long (*)(u32*, u32*, void*))0xffffffffff600800ul)(&processor, &node, 0));
  tell(" processor and node", (long)processor + node);
}

static void ask_faults(void) {
  struct action action = {on_fault, 4 | 0x04000000, return_from_handler, 0};
  CALL(SYS_rt_sigaction, 11, &action, 0, 8);
  touch(8);
  touch((1ull << 47) - 4096);
  touch(1ull << 47);
  touch(1ull << 50);
  touch(1ull << 56);
  touch(~0ull << 47);
  touch(0xffffffffff600000);
  ask_fixed_page();
  ASK("clock_gettime into nowhere", SYS_clock_gettime, 0, 8);
  ASK("uname into nowhere", SYS_uname, 1l << 50);
  ASK("write from nowhere", SYS_write, 1, 8, 4);
  struct action plain = {0, 0, 0, 0};
  CALL(SYS_rt_sigaction, 11, &plain, 0, 8);
}

static void ask_signals(void) {
  struct action action = {on_signal, 4 | 0x04000000, return_from_handler, 0};
  u64 mask = 0, old = 0;
  for (int signal = 0; signal < 66; ++signal) {
    struct action before = {0, 0, 0, 0};
    tell_of("rt_sigaction", signal, CALL(SYS_rt_sigaction, signal, 0, &before, 8));
    tell_address(" handler", (u64)before.handler);
  }
  ASK("rt_sigaction of another size", SYS_rt_sigaction, 10, &action, 0, 16);
  ASK("rt_sigaction", SYS_rt_sigaction, 10, &action, 0, 8);
  send(10);
  mask = 1ull << 11;
  ASK("rt_sigprocmask", SYS_rt_sigprocmask, 0, &mask, &old, 8);
  tell_address(" before", old);
  CALL(SYS_rt_sigaction, 12, &action, 0, 8);
  send(12);
  u64 pending = 0;
  ASK("rt_sigpending", SYS_rt_sigpending, &pending, 8);
  tell_address(" pending", pending);
  ASK("rt_sigprocmask back", SYS_rt_sigprocmask, 2, &old, &mask, 8);
  tell("handled", handled);
  tell_address(" before", mask);
  struct {
    void* address;
    int flags, unused;
    u64 size;
  } stack = {other_stack, 0, 0, sizeof other_stack}, before = {0, 0, 0, 0};
  ASK("sigaltstack", SYS_sigaltstack, &stack, &before);
  tell(" before", before.flags);
  ASK("sigaltstack again", SYS_sigaltstack, 0, &before);
  tell(" size", (long)before.size);
  stack.size = 2047;
  ASK("sigaltstack too small", SYS_sigaltstack, &stack, 0);
  action.flags |= 0x08000000;
  CALL(SYS_rt_sigaction, 10, &action, 0, 8);
  handled = 0;
  sent_from = (u64)(other_stack + 4096);
  tell("kill itself, on the other stack", CALL(SYS_kill, 2, 10));
  tell("handled", handled);
  ask_registers();
  ask_faults();
  ASK("rt_sigtimedwait", SYS_rt_sigtimedwait, &mask, 0, 0, 8);
  ASK("signalfd4", SYS_signalfd4, -1, &mask, 8, 0);
  ASK("rt_sigqueueinfo", SYS_rt_sigqueueinfo, 2, 10, 0);
}

/* --- descriptors, waiting
 * ------------------------------------------------------------------------------------------------------ */

static char buffer[80000];

static void ask_descriptors(void) {
  for (long fd = 0; fd < 6; ++fd) {
    tell_of("F_GETFD", fd, CALL(SYS_fcntl, fd, F_GETFD));
    tell_of("F_GETFL", fd, CALL(SYS_fcntl, fd, F_GETFL));
    tell_of("lseek", fd, CALL(SYS_lseek, fd, 0, 1));
    for (unsigned i = 0; i < 9; ++i) {
      const long commands[] = {TCGETS,    TIOCGWINSZ, FIONREAD,        FIONBIO,   TIOCGPGRP,
                               TIOCNOTTY, FICLONE,    FS_IOC_GETFLAGS, 0x802c542a};
      tell_of(" ioctl", (long)i, CALL(SYS_ioctl, fd, commands[i], buffer));
    }
  }
  ASK("read standard input", SYS_read, 0, buffer, 10);
  ASK("write standard input", SYS_write, 0, buffer, 10);
  int ends[2];
  ASK("pipe2", SYS_pipe2, ends, O_NONBLOCK);
  tell(" read end", ends[0]);
  tell(" write end", ends[1]);
  ASK(" read", SYS_read, ends[0], buffer, 10);
  ASK(" write", SYS_write, ends[1], buffer, 10);
  ASK(" write all", SYS_write, ends[1], buffer, sizeof buffer);
  ASK(" write more", SYS_write, ends[1], buffer, sizeof buffer);
  ASK(" read some", SYS_read, ends[0], buffer, 5000);
  ASK(" write more", SYS_write, ends[1], buffer, sizeof buffer);
  ASK(" size", SYS_fcntl, ends[0], F_GETPIPE_SZ);
  ASK(" another size", SYS_fcntl, ends[0], F_SETPIPE_SZ, 4096);
  struct {
    int fd;
    short events, returned;
  } polled[3] = {{1, 4, 0}, {ends[0], 1, 0}, {ends[1], 4, 0}};
  ASK(" poll", SYS_poll, polled, 3, 1000);
  for (int i = 0; i < 3; ++i) tell("  returned", polled[i].returned);
  u64 sets[3][16] = {{0}, {1ull << 1}, {0}};
  long timeout[2] = {1, 0};
  ASK(" select", SYS_select, 3, sets[0], sets[1], sets[2], timeout);
  tell_address("  ready", sets[1][0]);
  ASK(" dup", SYS_dup, ends[0]);
  ASK(" dup2", SYS_dup2, ends[0], 100);
  ASK(" dup3 onto itself", SYS_dup3, ends[0], ends[0], 0);
  ASK(" dup beyond the limit", SYS_dup2, ends[0], 256);
  for (long command = 0; command < 17; ++command)
    if (command != F_DUPFD && command != F_SETFD && command != F_SETFL)
      tell_of(" fcntl", command, CALL(SYS_fcntl, ends[0], command, 0));
  for (long command = 1024; command < 1044; ++command)
    if (command != F_DUPFD_CLOEXEC) tell_of(" fcntl", command, CALL(SYS_fcntl, ends[0], command, 0));
  ASK(" O_DIRECT", SYS_fcntl, ends[0], F_SETFL, O_DIRECT);
  ASK(" close_range", SYS_close_range, 100, 200, 0);
  ASK(" close_range with flags", SYS_close_range, 100, 200, 64);
  for (int bit = 0; bit < 24; ++bit) {
    const long got = CALL(SYS_pipe2, ends, 1l << bit);
    tell_of("pipe2", bit, got);
    if (got == 0) CALL(SYS_close, ends[0]), CALL(SYS_close, ends[1]);
  }
  u32 word = 5;
  ASK("futex", SYS_futex, &word, FUTEX_WAIT, 6, 0);
  ASK("futex wait", SYS_futex, &word, FUTEX_WAIT, 5, timeout);
  ASK("futex wake", SYS_futex, &word, FUTEX_WAKE, 1);
  ASK("futex requeue", SYS_futex, &word, FUTEX_REQUEUE, 1, 1, &word, 0);
  ASK("epoll_create1", SYS_epoll_create1, 0);
  ASK("epoll_pwait2", SYS_epoll_pwait2, 0, 0, 0, 0, 0);
  ASK("eventfd2", SYS_eventfd2, 0, 0);
  ASK("socket", SYS_socket, 1, 1, 0);
  ASK("socketpair", SYS_socketpair, 1, 1, 0, ends);
  ASK("getpeername", SYS_getpeername, 0, 0, 0);
  ASK("flock", SYS_flock, 1, 2);
}

/* --- files
 * --------------------------------------------------------------------------------------------------------------------- */

static void tell_status(const char* path) {
  static u64 status[18];
  memset(status, 0x55, sizeof status);
  text("stat ");
  tell(path, CALL(SYS_stat, path, status));
  tell_bytes(" status", status, sizeof status);
  static uint8_t extended[256];
  memset(extended, 0x55, sizeof extended);
  tell(" statx", CALL(SYS_statx, AT_FDCWD, path, 0, 0xfff, extended));
  tell_bytes("  status", extended, sizeof extended / 2);
  tell_bytes("  and", extended + sizeof extended / 2, sizeof extended / 2);
}

static void tell_listing(const char* path) {
  const long fd = CALL(SYS_open, path, O_RDONLY | O_DIRECTORY);
  text("entries of ");
  tell(path, fd);
  for (;;) {
    const long got = CALL(SYS_getdents64, fd, buffer, 2000);
    if (got <= 0) break;
    for (long at = 0; at < got;) {
      text(" ");
      text(buffer + at + 19);
      tell(" type", buffer[at + 18]);
      at += *(uint16_t*)(buffer + at + 16);
    }
  }
  CALL(SYS_close, fd);
}

static void ask_files(void) {
  ASK("getcwd", SYS_getcwd, buffer, sizeof buffer);
  tell_text(" path", buffer);
  const char* folders[] = {"/", "/in", "/out", "/tmp", "/dev"};
  for (int i = 0; i < 5; ++i) {
    tell_status(folders[i]);
    tell_listing(folders[i]);
    static u64 room[15];
    tell(" statfs", CALL(SYS_statfs, folders[i], room));
    tell_bytes("  room", room, sizeof room);
    for (int mode = 0; mode < 8; ++mode) tell_of(" access", mode, CALL(SYS_access, folders[i], mode));
  }
  const char* devices[] = {"/dev/null", "/dev/urandom", "/dev/random", "/dev/zero",
                           "/dev/tty",  "/proc/self",   "/sys",        "/program"};
  for (int i = 0; i < 8; ++i) tell_status(devices[i]);
  tell_status("/in/secret");
  ASK("open for reading", SYS_open, "/in/secret", O_RDONLY);
  ASK("open for writing", SYS_open, "/in/secret", O_RDWR);
  ASK("create in /in", SYS_open, "/in/new", O_CREAT | O_WRONLY, 0644);
  ASK("create in /", SYS_open, "/new", O_CREAT | O_WRONLY, 0644);
  for (int bit = 6; bit < 32; ++bit) {
    const long fd = CALL(SYS_open, "/tmp/flags", O_CREAT | O_RDWR | 1l << bit, 0644);
    tell_of("open with flag", bit, fd);
    if (fd >= 0) CALL(SYS_close, fd);
    CALL(SYS_unlink, "/tmp/flags");
  }
  ASK("open a new folder", SYS_open, "/tmp/folder", O_CREAT | O_DIRECTORY, 0755);
  ASK("open unnamed", SYS_open, "/tmp", O_TMPFILE | O_RDWR, 0644);
  ASK("openat2", SYS_openat2, AT_FDCWD, "/tmp", buffer, 24);
  const long fd = CALL(SYS_creat, "/tmp/file", 0666);
  tell("creat", fd);
  ASK("write", SYS_write, fd, buffer, 10000);
  tell_status("/tmp/file");
  for (long whence = 0; whence < 7; ++whence) tell_of("lseek", whence, CALL(SYS_lseek, fd, 5, whence));
  for (long mode = 0; mode < 256; mode = mode * 2 + 1) tell_of("fallocate", mode, CALL(SYS_fallocate, fd, mode, 0, 8192));
  for (long mode = 1; mode < 256; mode *= 2) tell_of("fallocate", mode, CALL(SYS_fallocate, fd, mode, 0, 8192));
  ASK("ftruncate", SYS_ftruncate, fd, 5000);
  tell_status("/tmp/file");
  ASK("fsync", SYS_fsync, fd);
  ASK("fsync standard output", SYS_fsync, 1);
  ASK("sync_file_range", SYS_sync_file_range, fd, 0, 100, 7);
  ASK("fadvise64", SYS_fadvise64, fd, 0, 100, 3);
  ASK("fadvise64 unknown", SYS_fadvise64, fd, 0, 100, 30);
  ASK("readahead", SYS_readahead, fd, 0, 100);
  const long from = CALL(SYS_open, "/in/secret", O_RDONLY);
  ASK("copy_file_range", SYS_copy_file_range, from, 0, fd, 0, 4, 0);
  ASK("sendfile", SYS_sendfile, fd, from, 0, 4);
  ASK("splice", SYS_splice, from, 0, 1, 0, 4, 0);
  ASK("preadv2", SYS_preadv2, from, 0, 0, 0, 0, 0);
  ASK("mkdir", SYS_mkdir, "/tmp/folder", 0777);
  ASK("mkdir again", SYS_mkdir, "/tmp/folder", 0777);
  tell_status("/tmp/folder");
  ASK("symlink", SYS_symlink, "file", "/tmp/name");
  tell_status("/tmp/name");
  ASK("readlink", SYS_readlink, "/tmp/name", buffer, 100);
  ASK("link", SYS_link, "/tmp/file", "/tmp/second");
  ASK("mknod", SYS_mknod, "/tmp/fifo", 0010644, 0);
  ASK("rename", SYS_rename, "/tmp/file", "/tmp/renamed");
  ASK("rename across", SYS_rename, "/tmp/renamed", "/out/renamed");
  for (long flags = 0; flags < 16; ++flags)
    tell_of("renameat2", flags, CALL(SYS_renameat2, AT_FDCWD, "/tmp/renamed", AT_FDCWD, "/tmp/name", flags));
  tell_listing("/tmp");
  ASK("chmod", SYS_chmod, "/tmp/folder", 0700);
  ASK("chmod in /in", SYS_chmod, "/in/secret", 0700);
  ASK("chown", SYS_chown, "/tmp/folder", 1000, 1000);
  ASK("utimensat", SYS_utimensat, AT_FDCWD, "/tmp/folder", 0, 0);
  tell_status("/tmp/folder");
  ASK("getxattr", SYS_getxattr, "/tmp/folder", "user.x", buffer, 10);
  ASK("rmdir", SYS_rmdir, "/tmp/folder");
  ASK("rmdir of /in", SYS_rmdir, "/in");
  ASK("chdir", SYS_chdir, "/out");
  ASK("getcwd", SYS_getcwd, buffer, sizeof buffer);
  ASK("sync", SYS_sync);
  ASK("inotify_init1", SYS_inotify_init1, 0);
  ASK("name_to_handle_at", SYS_name_to_handle_at, 0, 0, 0, 0, 0);
}

/* --- every call that is refused whatever its arguments
 * ------------------------------------------------------------------------ */

static const short answered_elsewhere[] = {
    0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15,  16,  17,  18,  19,  20,  21,
    22,  23,  24,  25,  26,  28,  32,  33,  34,  35,  37,  39,  56,  60,  62,  63,  72,  74,  75,  76,  77,  79,
    80,  81,  82,  83,  84,  85,  87,  88,  89,  90,  91,  95,  96,  97,  98,  99,  100, 102, 104, 107, 108, 110,
    111, 115, 118, 120, 121, 124, 127, 130, 131, 132, 135, 137, 138, 140, 143, 145, 146, 147, 157, 158, 186, 200,
    201, 202, 204, 217, 218, 219, 221, 228, 229, 230, 231, 234, 235, 257, 258, 261, 262, 263, 264, 266, 267, 268,
    269, 270, 271, 273, 274, 277, 280, 285, 292, 293, 295, 296, 302, 309, 316, 318, 332, 436, 439};
/* Which end the run. */
static const short violations[] = {38,  57,  58,  59,  101, 103, 109, 112, 126, 153, 154, 155, 161, 163, 164, 165, 166,
                                   167, 168, 169, 170, 171, 172, 173, 175, 176, 179, 222, 227, 246, 272, 300, 301, 304,
                                   308, 310, 311, 313, 320, 321, 322, 428, 429, 430, 431, 432, 433, 442, 443};

static int is_in(const short* list, size_t count, long value) {
  for (size_t i = 0; i < count; ++i)
    if (list[i] == value) return 1;
  return 0;
}

static void ask_numbers(void) {
  for (long call = 0; call < 520; ++call)
    if (!is_in(answered_elsewhere, sizeof answered_elsewhere / 2, call) && !is_in(violations, sizeof violations / 2, call))
      tell_of("call", call, CALL(call));
  tell_of("call", 1000, CALL(1000));
  tell_of("call", 0x3fffffff, CALL(0x3fffffff));
}

__attribute__((used)) void begin(u64* stack) {
  ask_start(stack);
  ask_time();
  ask_randomness();
  ask_machine();
  ask_process();
  ask_descriptors();
  ask_memory();
  ask_signals();
  ask_files();
  ask_numbers();
  CALL(SYS_exit_group, 0);
}
