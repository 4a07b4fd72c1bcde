#pragma once
/// System calls as the handlers make them: from the one address from which the program's filter lets them through. The program
/// can jump there too; what it gets is no more than the filter of an ordinary program allows (strict_filter.hpp).
#include "sandbox/box_init/runtime.hpp"
#include "sandbox/strict/layout.hpp"

namespace forgepool::sandbox::box_init {

inline long gate_raw(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("call *%[gate]"
               : "=a"(result)
               : [gate] "r"(strict::gate_address), "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

template <class... Arguments>
inline long gate_call(long number, Arguments... arguments) {
  static_assert(sizeof...(arguments) <= 6);
  const long padded[6] = {as_register(arguments)...};
  return gate_raw(number, padded[0], padded[1], padded[2], padded[3], padded[4], padded[5]);
}

}  // namespace forgepool::sandbox::box_init
