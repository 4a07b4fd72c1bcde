/// The program that is run to find out whether strict programs are held to their world here: it looks at what the machine would
/// tell, and ends with 0 if everything comes from the world. A program of its own, without a C library. Its argument says what
/// to try; other ends than by exit are the trier's to judge.
#include "sandbox/strict/processor.hpp"
#include "sandbox/strict/world.hpp"
#include "sandbox/system_call.hpp"

#include <linux/mman.h>

namespace sandbox = forgepool::sandbox;
namespace strict = forgepool::sandbox::strict;

// The kernel starts a program with the stack pointer at argc. The compiler turns loops and initialisations into calls of
// memset.
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call probe_start\n"
    "  ud2\n");
extern "C" void* memset(void* target, int value, unsigned long size) {
  auto* bytes = static_cast<volatile unsigned char*>(target);
  for (unsigned long i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(value);
  return target;
}

namespace {

[[noreturn]] void end(int code) {
  for (;;) sandbox::system_call(__NR_exit_group, code);
}

/// Ends with the number of the first thing that is wrong.
void expect(int number, bool right) {
  if (!right) end(number);
}

std::uint64_t time_stamp() {
  std::uint64_t low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return high << 32 | low;
}
std::uint64_t time_stamp_and_processor(std::uint32_t& processor) {
  std::uint64_t low, high;
  asm volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(processor));
  return high << 32 | low;
}
bool same_processor(std::uint32_t leaf, std::uint32_t subleaf) {
  strict::ProcessorAnswer told;
  asm volatile("cpuid" : "=a"(told.eax), "=b"(told.ebx), "=c"(told.ecx), "=d"(told.edx) : "a"(leaf), "c"(subleaf));
  const auto expected = strict::processor_answer(leaf, subleaf);
  return told.eax == expected.eax && told.ebx == expected.ebx && told.ecx == expected.ecx && told.edx == expected.edx;
}

/// Processors that lack the newer of them fault, and are answered for all the same.
void try_instructions() {
  const auto first = time_stamp();
  expect(1, time_stamp() == first + strict::tick_ns);
  std::uint32_t processor = ~0u;
  expect(2, time_stamp_and_processor(processor) == first + 2 * strict::tick_ns && processor == 0);
  constexpr std::uint32_t leaves[] = {0, 1, 2, 7, 0x8000'0000, 0x8000'0001};
  for (const auto leaf : leaves) expect(3, same_processor(leaf, 0));
  std::uint32_t low = 0, high = ~0u;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  expect(4, low == strict::extended_state && high == 0);
  std::uint64_t random[2] = {};
  unsigned char had[2] = {};
  asm volatile("rdrand %0\n setc %1" : "=r"(random[0]), "=q"(had[0]) : : "cc");
  asm volatile("rdseed %0\n setc %1" : "=r"(random[1]), "=q"(had[1]) : : "cc");
  // Of the seed that the trier gives; another try has the same.
  expect(5, had[0] == 1 && had[1] == 1 && random[0] != random[1]);
  std::uint64_t number = ~0ull;
  asm volatile("rdpid %0" : "=r"(number));
  expect(6, number == 0);
  for (const auto value : random) {
    constexpr int standard_output = 1;
    expect(7, sandbox::system_call(__NR_write, standard_output, &value, sizeof value) == sizeof value);
  }
}

void try_calls() {
  std::int64_t time[2][2] = {};
  for (auto& moment : time) expect(1, sandbox::system_call(__NR_clock_gettime, 0, moment) == 0);
  expect(2, time[0][0] == strict::epoch_s && time[1][1] == time[0][1] + static_cast<std::int64_t>(strict::tick_ns));
  const long page =
      sandbox::system_call(__NR_mmap, 0, strict::page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(3, page == static_cast<long>(strict::arena_top - strict::page_size));
  std::uint64_t random[2] = {};
  expect(4, sandbox::system_call(__NR_getrandom, random, sizeof random, 0) == sizeof random);
  constexpr int standard_output = 1;
  expect(5, sandbox::system_call(__NR_write, standard_output, random, sizeof random) == sizeof random);
}

/// As a 32-bit program would.
[[noreturn]] void try_legacy_call() {
  constexpr long their_getpid = 20;
  long result;
  asm volatile("int $0x80" : "=a"(result) : "a"(their_getpid) : "memory");
  end(1);
}

[[noreturn]] void try_forbidden_call() {
  sandbox::system_call(__NR_ptrace, 0, 0, 0, 0);
  end(1);
}

}  // namespace

/// By the argument's first letter.
extern "C" [[noreturn]] [[gnu::used]] void probe_start(const long* stack) {
  constexpr int unknown = 100;
  if (*stack != 2) end(unknown);
  switch (*reinterpret_cast<const char*>(stack[2])) {
    case 'i': try_instructions(); break;
    case 'c': try_calls(); break;
    case 'l': try_legacy_call();
    case 'f': try_forbidden_call();
    default: end(unknown);
  }
  end(0);
}
