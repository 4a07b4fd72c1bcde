/// noop@1: the least a shard can do, for measuring what the pool itself costs. No library, not even C's: the program is a few
/// hundred bytes that start without relocating, initialising or looking for anything.
///
/// Writes /out/result as the reducer `count` takes it. For trying it outside a sandbox: --in DIR --out DIR.

namespace {

constexpr long sys_write = 1, sys_open = 2, sys_exit_group = 231;
constexpr long write_only = 01, create = 0100, exclusive = 0200;

long system_call(long number, long a, long b, long c) {
  long result;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

[[noreturn]] void end(long code) {
  for (;;) system_call(sys_exit_group, code, 0, 0);
}

}  // namespace

/// `stack` is what the kernel left: argc, then argv.
extern "C" [[noreturn]] void noop_main(const long* stack) {
  constexpr char result[] = R"({"count":1,"format":"count/1"})";
  char path[4096] = "/out/result";
  if (stack[0] == 5) {
    const char* folder = reinterpret_cast<const char*>(stack[5]);
    constexpr char name[] = "/result";
    unsigned long at = 0;
    for (; folder[at] != '\0'; ++at) {
      if (at + sizeof name >= sizeof path) end(2);
      path[at] = folder[at];
    }
    for (const char c : name) path[at++] = c;
  }
  const long fd = system_call(sys_open, reinterpret_cast<long>(path), write_only | create | exclusive, 0644);
  if (fd < 0 || system_call(sys_write, fd, reinterpret_cast<long>(result), sizeof result - 1) != sizeof result - 1) end(2);
  end(0);
}

asm(R"(
.globl _start
_start:
  xor %ebp, %ebp
  mov %rsp, %rdi
  and $-16, %rsp
  call noop_main
)");
