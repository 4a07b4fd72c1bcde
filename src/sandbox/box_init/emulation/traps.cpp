#include "sandbox/box_init/emulation/traps.hpp"

#include "sandbox/box_init/emulation/delivery.hpp"
#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/gate.hpp"
#include "sandbox/box_init/emulation/processor.hpp"
#include "sandbox/box_init/emulation/signal_numbers.hpp"

// The gate and the way back from a handler, alone on their page (strict/layout.hpp has their places); and the virtual vDSO
// (strict/vdso.cpp), built before.
__asm__(
    ".pushsection .forgepool_gate, \"ax\", @progbits\n"
    "  syscall\n"
    "  ret\n"
    "  .balign 16\n"
    "  mov $15, %eax\n"  // rt_sigreturn
    "  syscall\n"
    "  ud2\n"
    ".popsection\n"
    ".pushsection .forgepool_vdso, \"ax\", @progbits\n"
    "  .incbin \"" FORGEPOOL_VDSO
    "\"\n"
    ".popsection\n");

namespace forgepool::sandbox::box_init {
namespace {

using strict::SignalAction;

using Handler = void (*)(std::int64_t, Info*, Context*);

void answer(long number, Context* context) {
  auto* r = context->registers;
  const TrappedCall call{number, {r[rdi], r[rsi], r[rdx], r[r10], r[r8], r[r9]}, &context->mask};
  long result = 0;
  const long touched = guarded([&] { result = emulate(call); });
  r[rax] = static_cast<std::uint64_t>(failed(touched) ? touched : result);
}

void on_trap(std::int64_t, Info* info, Context* context) {
  if (info->code != from_filter) return deliver(trap_signal, info, context);
  if (info->call_number == __NR_rt_sigreturn) return return_from_delivery(context);
  answer(info->call_number, context);
}

/// The old fixed page of system calls: kernels that still have it show its calls to filters, where others have nothing.
bool emulate_fixed_page(Context* context) {
  constexpr std::uint64_t page = 0xffff'ffff'ff60'0000, distance = 0x400;
  auto* r = context->registers;
  const auto place = r[rip] - page;
  if (place % distance != 0 || place / distance >= 3) return false;
  std::uint64_t back = 0;
  const auto stack = r[rsp];
  if (failed(guarded([&] { back = *reinterpret_cast<const std::uint64_t*>(stack); }))) return false;
  answer(place == 0 ? __NR_gettimeofday : place == distance ? __NR_time : __NR_getcpu, context);
  r[rip] = back;
  r[rsp] = stack + sizeof back;
  return true;
}

void on_fault(std::int64_t, Info* info, Context* context) {
  recover_from_fault(*context);
  if (!is_sent(*info) && emulate_fixed_page(context)) return;
  deliver(fault_signal, info, context);
}

/// uretprobe, which newer kernels do not show to filters, and answer so when nobody has set a probe. For older ones it does not
/// exist.
bool was_hidden_call(const Info& info, const Context& context) {
  const auto* code = reinterpret_cast<const std::uint8_t*>(context.registers[rip]);
  return info.code == from_kernel && code[-2] == 0x0f && code[-1] == 0x05;
}

void on_illegal(std::int64_t, Info* info, Context* context) {
  if (!is_sent(*info) && answer_for_processor(context->registers)) return;
  if (was_hidden_call(*info, *context))
    context->registers[rax] = static_cast<std::uint64_t>(-no_such_call);
  else
    deliver(illegal_signal, info, context);
}

long install(long signal, Handler handler) {
  const SignalAction action{reinterpret_cast<std::uint64_t>(handler),
                            with_info | with_restorer | on_signal_stack | not_deferred, strict::handler_return_address, 0};
  return system_call(__NR_rt_sigaction, signal, &action, nullptr, sizeof action.mask);
}

}  // namespace

long install_traps() {
  const strict::SignalStack stack{strict::handler_stack_address, 0, 0, strict::handler_stack_size};
  if (const long result = system_call(__NR_sigaltstack, &stack, nullptr); failed(result)) return result;
  if (const long result = install(trap_signal, on_trap); failed(result)) return result;
  if (const long result = install(illegal_signal, on_illegal); failed(result)) return result;
  return install(fault_signal, on_fault);
}

}  // namespace forgepool::sandbox::box_init
