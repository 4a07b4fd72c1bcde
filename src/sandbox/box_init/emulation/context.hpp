#pragma once
/// What the kernel gives a handler, and what it takes back when the handler returns (rt_sigreturn).
#include "sandbox/strict/world.hpp"

namespace forgepool::sandbox::box_init {

/// siginfo_t of x86-64.
struct Info {
  std::int32_t signal, error, code, padding;
  std::uint64_t address;     ///< Of the fault, or of the system call.
  std::int32_t call_number;  ///< Of SIGSYS.
  std::uint8_t more[100];
};
static_assert(sizeof(Info) == 128);
constexpr std::int32_t from_filter = 1;    // SYS_SECCOMP
constexpr std::int32_t from_kernel = 128;  // SI_KERNEL, as of a general protection fault
constexpr std::int32_t not_mapped = 1;     // SEGV_MAPERR

/// A signal that was sent, by kill() for one; others come from what the program did.
inline bool is_sent(const Info& info) {
  return info.code <= 0;
}

/// FXSAVE's 512 bytes, whose last 48 say what the kernel has put behind them; behind them XSAVE's header, and all that this
/// processor has beside.
struct FloatingPoint {
  std::uint16_t control, status, tags, operation;
  std::uint64_t instruction, operand;
  std::uint32_t mxcsr, mxcsr_mask;
  std::uint8_t registers[432];
  std::uint32_t magic, extended_size;
  std::uint64_t features;
  std::uint32_t size, unused[7];
  std::uint64_t present;  ///< XSTATE_BV: which of the parts are not as at the start.
};
static_assert(__builtin_offsetof(FloatingPoint, magic) == 464 && __builtin_offsetof(FloatingPoint, present) == 512);
constexpr std::uint64_t floating_point_bytes = 512;
constexpr std::uint32_t extended_magic = 0x46505853;  // FP_XSTATE_MAGIC1
constexpr std::uint64_t oldest_parts = 3;             // x87 and SSE
constexpr std::uint64_t protection_keys = 1 << 9;

/// In the kernel's order.
enum Register {
  r8 = 0,
  r9,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  rdi,
  rsi,
  rbp,
  rbx,
  rdx,
  rax,
  rcx,
  rsp,
  rip,
  flags,
  segments,
  error_code,
  trap_number,
  old_mask,
  fault_address,
  register_count
};

/// ucontext_t of x86-64.
struct Context {
  std::uint64_t context_flags, link;
  strict::SignalStack stack;
  std::uint64_t registers[register_count];
  FloatingPoint* floating_point;
  std::uint64_t reserved[8];
  std::uint64_t mask;
};
static_assert(__builtin_offsetof(Context, mask) == 296 && sizeof(Context) == 304);

}  // namespace forgepool::sandbox::box_init
