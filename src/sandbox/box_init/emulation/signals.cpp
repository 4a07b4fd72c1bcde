/// Signal handling around the two signals that belong to the handlers. Nothing from outside sends a strict program signals:
/// what arrives it has sent or caused itself.
#include "sandbox/box_init/emulation/delivery.hpp"
#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/gate.hpp"
#include "sandbox/box_init/emulation/signal_numbers.hpp"

namespace forgepool::sandbox::box_init {
namespace {

using strict::SignalAction;
using strict::SignalStack;
using strict::world;

constexpr std::uint64_t mask_size = 8;
constexpr std::int32_t last_signal = 64;
enum MaskChange : std::uint64_t { block, unblock, set };
constexpr std::int32_t stack_disabled = 2;             // SS_DISABLE
constexpr std::uint64_t smallest_signal_stack = 2048;  // MINSIGSTKSZ

bool is_handler(const SignalAction& action) {
  return action.handler != by_default && action.handler != ignored;
}

/// As the kernel is to have it: by default, ignored, or through us.
long change_kernel_action(long signal, const SignalAction& action) {
  if (is_handler(action)) return install_delivery(signal);
  const SignalAction plain{action.handler, with_restorer, strict::handler_return_address, 0};
  return gate_call(__NR_rt_sigaction, signal, &plain, nullptr, mask_size);
}

long change_action(const TrappedCall& call) {
  const auto signal = static_cast<std::int32_t>(call.argument[0]);
  const auto* wanted = reinterpret_cast<const SignalAction*>(call.argument[1]);
  auto* before = reinterpret_cast<SignalAction*>(call.argument[2]);
  if (call.argument[3] != mask_size || signal < 1 || signal > last_signal) return -invalid;
  auto& action = world().actions[signal];
  const SignalAction old = action;
  if (wanted) {
    if (bit_of(signal) & unstoppable_signals) return -invalid;
    SignalAction changed = *wanted;
    changed.mask &= ~unstoppable_signals;
    changed.flags &= known_action_flags;
    if (!(bit_of(signal) & needed_signals))
      if (const long result = change_kernel_action(signal, changed); failed(result)) return result;
    action = changed;
  }
  if (before) *before = old;
  return 0;
}

long change_mask(const TrappedCall& call) {
  const auto* wanted = reinterpret_cast<const std::uint64_t*>(call.argument[1]);
  auto* before = reinterpret_cast<std::uint64_t*>(call.argument[2]);
  if (call.argument[3] != mask_size) return -invalid;
  const std::uint64_t old = *call.signal_mask | world().hidden_mask;
  std::uint64_t mask = old;
  if (wanted) {
    switch (static_cast<std::uint32_t>(call.argument[0])) {
      case block: mask |= *wanted; break;
      case unblock: mask &= ~*wanted; break;
      case set: mask = *wanted; break;
      default: return -invalid;
    }
  }
  mask &= ~unstoppable_signals;
  world().hidden_mask = mask & needed_signals;
  *call.signal_mask = mask & ~needed_signals;
  if (before) *before = old;
  return 0;
}

long change_stack(const TrappedCall& call) {
  const auto* wanted = reinterpret_cast<const SignalStack*>(call.argument[0]);
  auto* before = reinterpret_cast<SignalStack*>(call.argument[1]);
  const SignalStack old = world().signal_stack;
  if (wanted) {
    if (wanted->flags & ~stack_disabled) return -invalid;
    if (wanted->flags & stack_disabled)
      world().signal_stack = {0, stack_disabled, 0, 0};
    else if (wanted->size < smallest_signal_stack)
      return -no_memory;
    else
      world().signal_stack = *wanted;
  }
  if (before) *before = old;
  return 0;
}

}  // namespace

long emulate_signals(const TrappedCall& call) {
  switch (call.number) {
    case __NR_rt_sigaction: return change_action(call);
    case __NR_rt_sigprocmask: return change_mask(call);
    case __NR_sigaltstack: return change_stack(call);
    default: return not_ours;
  }
}

}  // namespace forgepool::sandbox::box_init
