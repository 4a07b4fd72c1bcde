#pragma once
/// Answers in the processor's place: what a strict program's image has been rewritten for (machine_code/rewrite.hpp).
#include <cstdint>

namespace forgepool::sandbox::box_init {

/// Places in a signal's context, in the kernel's order.
enum Register {
  r8 = 0,
  r9 = 1,
  r10 = 2,
  rdi = 8,
  rsi = 9,
  rbp = 10,
  rbx = 11,
  rdx = 12,
  rax = 13,
  rcx = 14,
  rsp = 15,
  rip = 16,
  flags = 17
};

/// If the instruction at rip is one that was rewritten and has an answer: puts that into the registers and goes on behind it.
bool answer_for_processor(std::uint64_t* registers);

}  // namespace forgepool::sandbox::box_init
