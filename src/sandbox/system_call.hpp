#pragma once
/// Raw x86-64 system calls, without errno, locks or allocation: for code that runs between clone and exec in a process with
/// many threads, and for the box's first process, which has no C library at all.
#include <asm/unistd.h>

namespace forgepool::sandbox {

/// The kernel's result: negative values down to -4095 are -errno.
[[gnu::always_inline]] inline long raw_call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

template <class Argument>
[[gnu::always_inline]] inline long as_register(Argument argument) {
  return (long)argument;  // NOLINT: pointers and integers of every kind, as the kernel takes them
}

template <class... Arguments>
[[gnu::always_inline]] inline long system_call(long number, Arguments... arguments) {
  static_assert(sizeof...(arguments) <= 6);
  const long padded[6] = {as_register(arguments)...};
  return raw_call(number, padded[0], padded[1], padded[2], padded[3], padded[4], padded[5]);
}

[[gnu::always_inline]] inline bool failed(long result) {
  return result < 0 && result >= -4095;
}

}  // namespace forgepool::sandbox
