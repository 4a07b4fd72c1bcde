#pragma once
/// Every system call that a strict program gets an answer to, with the reason why the answer is the same on every kernel from
/// 6.1 on, every processor and every machine. What is not in the table does not exist for it (ENOSYS), or is refused or a
/// violation as for ordinary programs (seccomp_rules.cpp), which is the same everywhere by itself. WORLD.md is the same for
/// readers.
#include <cstdint>
#include <set>
#include <span>

namespace forgepool::sandbox::strict {

enum class Handling : std::uint8_t {
  native,      ///< The kernel's answer.
  examined,    ///< The kernel's answer for the arguments that strict_filter.cpp lets through.
  emulated,    ///< Answered by the handlers, which do not ask the kernel.
  from_gate,   ///< The handlers ask the kernel, and change question or answer.
  by_number,   ///< As `from_gate` for descriptors that may stand for a random device, otherwise native.
  no_threads,  ///< EAGAIN: there is one thread, and libraries that want more are told that there are too many already.
};

struct CallRule {
  std::uint32_t number;
  Handling handling;
  const char* why;  ///< Why the answer is the same everywhere.
};

/// Each call once.
std::span<const CallRule> call_rules();

/// Those that may reach the kernel.
std::set<std::uint32_t> kernel_calls();

}  // namespace forgepool::sandbox::strict
