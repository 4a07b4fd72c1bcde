#pragma once
/// An instruction that has been rewritten so that it faults (`ud2`), as who answers in the processor's place needs to know it.
/// Usable without the standard library.
#include <cstdint>

namespace forgepool::machine_code {

/// What the original instruction asks for.
enum class Question : std::uint8_t {
  none,                      ///< Something to which there is no answer: it stays a fault.
  time_stamp,                ///< rdtsc
  time_stamp_and_processor,  ///< rdtscp
  processor,                 ///< cpuid
  extended_state,            ///< xgetbv
  random,                    ///< rdrand, rdseed
  processor_number,          ///< rdpid
};

/// In tables sorted by address.
struct RewrittenInstruction {
  std::uint64_t address;
  Question question;
  std::uint8_t length;  ///< Of the original, in bytes; what follows it is where it was.
  std::uint8_t
      target;  ///< The general-purpose register that takes the answer, numbered as in encodings; where there is a choice.
  std::uint8_t bits;  ///< Of that register: 16, 32 or 64.
  std::uint32_t unused;

  friend bool operator==(const RewrittenInstruction&, const RewrittenInstruction&) = default;
};
static_assert(sizeof(RewrittenInstruction) == 16);

}  // namespace forgepool::machine_code
