#pragma once
#include "sandbox/seccomp_policy.hpp"

#include <catch2/catch_test_macros.hpp>

#include <linux/seccomp.h>
#include <cstring>

namespace forgepool::sandbox {

/// What the kernel would make of a call. Classic BPF as in its documentation (networking/filter.rst), as far as filters use it.
inline std::uint32_t decide(const SeccompProgram& program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const auto& [code, jt, jf, k] = program[at];
    const auto jump = [&, yes = jt, no = jf](bool condition) { at += condition ? yes : no; };
    switch (code) {
      case BPF_LD | BPF_W | BPF_ABS:
        REQUIRE(k + sizeof accumulator <= sizeof data);
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + k, sizeof accumulator);
        break;
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= k; break;
      case BPF_JMP | BPF_JA: at += k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: jump(accumulator == k); break;
      case BPF_JMP | BPF_JGE | BPF_K: jump(accumulator >= k); break;
      case BPF_JMP | BPF_JGT | BPF_K: jump(accumulator > k); break;
      case BPF_JMP | BPF_JSET | BPF_K: jump((accumulator & k) != 0); break;
      case BPF_RET | BPF_K: return k;
      default: FAIL("an instruction that filters do not use: " << code);
    }
  }
  FAIL("the filter has no answer");
  return 0;
}

}  // namespace forgepool::sandbox
