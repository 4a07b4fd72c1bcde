#pragma once
/// The signals that the handlers need for themselves, and the kernel's words about signals (<signal.h> belongs to the C
/// library).
#include <cstdint>

namespace forgepool::sandbox::box_init {

constexpr long illegal_signal = 4;  // SIGILL: rewritten instructions, and a system call that kernels keep from filters
constexpr long fault_signal = 11;   // SIGSEGV: faults of the handlers' own
constexpr long trap_signal = 31;    // SIGSYS: trapped system calls

constexpr std::uint64_t bit_of(long signal) {
  return 1ull << (signal - 1);
}
/// The program may not block these: a blocked trap would end it. It believes that it may.
constexpr std::uint64_t needed_signals = bit_of(illegal_signal) | bit_of(fault_signal) | bit_of(trap_signal);
/// What an instruction can cause: SIGILL, SIGTRAP, SIGBUS, SIGFPE and SIGSEGV.
constexpr std::uint64_t synchronous_signals = bit_of(illegal_signal) | bit_of(5) | bit_of(7) | bit_of(8) | bit_of(fault_signal);
constexpr std::uint64_t unstoppable_signals = bit_of(9) | bit_of(19);  // SIGKILL, SIGSTOP

constexpr std::uint64_t known_action_flags = 0xdc00'0807;  ///< The kernel forgets others.
enum ActionFlags : std::uint64_t {
  with_info = 4,                  // SA_SIGINFO
  with_restorer = 0x0400'0000,    // SA_RESTORER
  on_signal_stack = 0x0800'0000,  // SA_ONSTACK
  not_deferred = 0x4000'0000,     // SA_NODEFER
  once = 0x8000'0000,             // SA_RESETHAND
};
constexpr std::uint64_t by_default = 0, ignored = 1;  // SIG_DFL, SIG_IGN

}  // namespace forgepool::sandbox::box_init
