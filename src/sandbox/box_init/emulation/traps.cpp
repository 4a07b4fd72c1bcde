#include "sandbox/box_init/emulation/traps.hpp"

#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/gate.hpp"
#include "sandbox/box_init/emulation/processor.hpp"
#include "sandbox/box_init/emulation/signal_numbers.hpp"

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

/// siginfo_t, as far as needed.
struct Info {
  std::int32_t signal, error, code, padding;
  std::uint64_t call_address;
  std::int32_t call_number;
};
constexpr std::int32_t from_filter = 1;  // SYS_SECCOMP

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

void on_illegal(std::int64_t, Info* info, Context* context) {
  const bool sent = info->code <= 0;
  if (!sent && answer_for_processor(context->registers)) return;
  deliver(illegal_signal, world().illegal_action, info, context);
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
  return install(illegal_signal, on_illegal);
}

}  // namespace forgepool::sandbox::box_init
