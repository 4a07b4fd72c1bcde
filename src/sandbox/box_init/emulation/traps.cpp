#include "sandbox/box_init/emulation/traps.hpp"

#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/gate.hpp"
#include "sandbox/box_init/emulation/signal_numbers.hpp"

#include <linux/prctl.h>

// The gate, alone on its page; the virtual vDSO (strict/vdso.cpp), built before; and the way back from a handler.
__asm__(
    ".pushsection .forgepool_gate, \"ax\", @progbits\n"
    "  syscall\n"
    "  ret\n"
    ".popsection\n"
    ".pushsection .forgepool_vdso, \"ax\", @progbits\n"
    "  .incbin \"" FORGEPOOL_VDSO
    "\"\n"
    ".popsection\n"
    ".globl box_return_from_handler\n"
    ".hidden box_return_from_handler\n"
    "box_return_from_handler:\n"
    "  mov $15, %eax\n"  // rt_sigreturn
    "  syscall\n"
    "  ud2\n");
extern "C" [[gnu::visibility("hidden")]] void box_return_from_handler();

namespace forgepool::sandbox::box_init {
namespace {

using strict::SignalAction;
using strict::world;

/// ucontext_t of x86-64, as far as needed.
struct Context {
  std::uint64_t flags, link;
  strict::SignalStack stack;
  // In the kernel's order: r8 … r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, …
  std::uint64_t registers[23];
  std::uint64_t floating_point, reserved[8];
  std::uint64_t mask;
};
static_assert(__builtin_offsetof(Context, mask) == 296);
enum Register { r8 = 0, r9 = 1, r10 = 2, rdi = 8, rsi = 9, rdx = 12, rax = 13, rcx = 14, rip = 16 };

/// siginfo_t, as far as needed.
struct Info {
  std::int32_t signal, error, code, padding;
  std::uint64_t call_address;
  std::int32_t call_number;
};
constexpr std::int32_t from_filter = 1;    // SYS_SECCOMP
constexpr std::int32_t from_kernel = 128;  // SI_KERNEL, as of a general protection fault

using Handler = void (*)(std::int64_t, Info*, Context*);

/// A signal that is the program's own matter.
void deliver(long signal, SignalAction& action, Info* info, Context* context) {
  const bool sent = info->code <= 0;
  if (action.handler == ignored && sent) return;
  if (action.handler == by_default || action.handler == ignored) {
    SignalAction fatal{by_default, with_restorer, reinterpret_cast<std::uint64_t>(&box_return_from_handler), 0};
    gate_call(__NR_rt_sigaction, signal, &fatal, nullptr, sizeof fatal.mask);
    // A fault happens again when we return; what was sent has to be sent again.
    if (sent) system_call(__NR_tgkill, system_call(__NR_getpid), system_call(__NR_gettid), signal);
    return;
  }
  const auto handler = reinterpret_cast<Handler>(action.handler);
  if (action.flags & once) action.handler = by_default;
  handler(signal, info, context);
}

void on_trap(std::int64_t, Info* info, Context* context) {
  if (info->code != from_filter) return deliver(trap_signal, world().trap_action, info, context);
  auto* r = context->registers;
  const TrappedCall call{info->call_number, {r[rdi], r[rsi], r[rdx], r[r10], r[r8], r[r9]}, &context->mask};
  r[rax] = static_cast<std::uint64_t>(emulate(call));
}

/// rdtsc and rdtscp fault because of PR_SET_TSC. They count nanoseconds, as a processor of 1 GHz would.
bool emulate_time_stamp(Context* context) {
  auto* r = context->registers;
  const auto* code = reinterpret_cast<const std::uint8_t*>(r[rip]);
  const bool plain = code[0] == 0x0f && code[1] == 0x31;
  const bool with_processor = code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xf9;
  if (!plain && !with_processor) return false;
  const auto now = strict::look_at_clock();
  r[rax] = now & 0xffff'ffff;
  r[rdx] = now >> 32;
  if (with_processor) r[rcx] = 0;
  r[rip] += plain ? 2 : 3;
  return true;
}

void on_fault(std::int64_t, Info* info, Context* context) {
  if (info->code == from_kernel && emulate_time_stamp(context)) return;
  deliver(fault_signal, world().fault_action, info, context);
}

long install(long signal, Handler handler) {
  const SignalAction action{reinterpret_cast<std::uint64_t>(handler),
                            with_info | with_restorer | on_signal_stack | not_deferred,
                            reinterpret_cast<std::uint64_t>(&box_return_from_handler), 0};
  return system_call(__NR_rt_sigaction, signal, &action, nullptr, sizeof action.mask);
}

}  // namespace

long install_traps() {
  const strict::SignalStack stack{strict::handler_stack_address, 0, 0, strict::handler_stack_size};
  if (const long result = system_call(__NR_sigaltstack, &stack, nullptr); failed(result)) return result;
  if (const long result = install(trap_signal, on_trap); failed(result)) return result;
  if (const long result = install(fault_signal, on_fault); failed(result)) return result;
  return system_call(__NR_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
}

}  // namespace forgepool::sandbox::box_init
