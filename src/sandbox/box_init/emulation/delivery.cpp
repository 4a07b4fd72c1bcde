#include "sandbox/box_init/emulation/delivery.hpp"

#include "sandbox/box_init/emulation/gate.hpp"
#include "sandbox/box_init/emulation/signal_numbers.hpp"

namespace forgepool::sandbox::box_init {
namespace {

using strict::SignalAction;
using strict::world;

constexpr std::uint64_t red_zone = 128;
constexpr std::uint64_t first_mxcsr = 0x1f80, mxcsr_bits = 0xffff, first_x87_control = 0x37f;
constexpr std::uint64_t shown_context_flags = 6;                 // UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
constexpr std::uint64_t shown_segments = 0x002b'0000'0000'0033;  // SS and CS of 64-bit programs
constexpr std::uint64_t trap_flag = 1 << 8, direction_flag = 1 << 10, resume_flag = 1 << 16;
constexpr std::uint64_t protection_trap = 13;
constexpr std::uint64_t protection_error = 1;
constexpr std::int32_t stack_disabled = 2;  // SS_DISABLE

/// What is written to the program's stack, for handler(signal, &information, &context).
struct Frame {
  std::uint64_t return_address;
  Context context;
  Info info;
};

/// The whole of a processor's state at the moment of the signal, while the program's handler runs. When more of them are under
/// way than there is room for, or the program jumped out of them, the oldest go.
struct KeptState {
  std::uint64_t frame;  ///< Whose.
  std::uint64_t size;
  std::uint8_t bytes[strict::page_size - 16];
};
constexpr std::uint64_t kept_states = strict::kept_states_size / sizeof(KeptState);
KeptState& kept_state(std::uint64_t index) {
  return reinterpret_cast<KeptState*>(strict::kept_states_address)[index % kept_states];
}

void copy(void* to, const void* from, std::uint64_t size) {
  auto* target = static_cast<std::uint8_t*>(to);
  const auto* source = static_cast<const std::uint8_t*>(from);
  asm volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(size) : : "memory");
}

bool is_extended(const FloatingPoint& state) {
  return state.magic == extended_magic;
}

void keep_state(std::uint64_t frame, const FloatingPoint& state) {
  auto& kept = kept_state(world().kept_states++);
  const std::uint64_t size = is_extended(state) ? state.extended_size : floating_point_bytes;
  kept.frame = frame;
  kept.size = size < sizeof kept.bytes ? size : sizeof kept.bytes;
  copy(kept.bytes, &state, kept.size);
}

const KeptState* find_state(std::uint64_t frame) {
  const auto count = world().kept_states;
  for (std::uint64_t i = 1; i <= kept_states && i <= count; ++i)
    if (kept_state(count - i).frame == frame) return &kept_state(count - i);
  return nullptr;
}

bool is_on(const strict::SignalStack& stack, std::uint64_t address) {
  return (stack.flags & stack_disabled) == 0 && address > stack.address && address - stack.address <= stack.size;
}

/// Where the frame's parts lie depends on nothing but where the program's stack was.
std::uint64_t top_for(const SignalAction& action, std::uint64_t stack_pointer) {
  const auto& other = world().signal_stack;
  const bool changes =
      (action.flags & on_signal_stack) != 0 && (other.flags & stack_disabled) == 0 && !is_on(other, stack_pointer);
  return changes ? other.address + other.size : stack_pointer - red_zone;
}

/// Processors with five levels of page tables look addresses up that others do not take for addresses.
void hide_levels(Info& info, Context& context) {
  if (info.signal != fault_signal) return;
  if (info.code == not_mapped && info.address >= strict::address_space_end) context.registers[error_code] |= protection_error;
  if (info.code == not_mapped && info.address >> 47 != 0) {
    info.code = from_kernel;
    info.address = 0;
  }
  if (info.code != from_kernel) return;
  context.registers[trap_number] = protection_trap;
  // Here they may stand from another fault.
  context.registers[error_code] = context.registers[fault_address] = 0;
}

void write_floating_point(FloatingPoint& to, const FloatingPoint& from) {
  copy(&to, &from, __builtin_offsetof(FloatingPoint, magic));
  // Which of these are kept differs between makers.
  to.operation = 0;
  to.instruction = to.operand = 0;
  to.mxcsr_mask = mxcsr_bits;
  for (auto* word = &to.magic; word < reinterpret_cast<std::uint32_t*>(&to) + floating_point_bytes / 4; ++word) *word = 0;
}

void write_frame(Frame& frame, FloatingPoint& state, const SignalAction& action, const Info& info, const Context& context,
                 std::uint64_t shown_mask) {
  frame.return_address = action.restorer;
  frame.info = info;
  auto& shown = frame.context;
  shown = context;
  shown.context_flags = shown_context_flags;
  shown.link = 0;
  shown.stack = world().signal_stack;
  shown.registers[segments] = shown_segments;
  shown.floating_point = &state;
  for (auto& word : shown.reserved) word = 0;
  shown.mask = shown_mask;
  shown.registers[old_mask] = shown_mask;
  if (is_sent(info)) shown.registers[error_code] = shown.registers[trap_number] = shown.registers[fault_address] = 0;
  hide_levels(frame.info, shown);
  write_floating_point(state, *context.floating_point);
}

/// As a handler finds the processor.
void reset(FloatingPoint& state) {
  state.control = first_x87_control;
  state.status = state.tags = 0;
  state.mxcsr = first_mxcsr;
  for (auto& byte : state.registers) byte = 0;
  if (is_extended(state)) state.present &= protection_keys;
}

void set_mask(Context& context, std::uint64_t mask) {
  world().hidden_mask = mask & needed_signals;
  context.mask = mask & ~needed_signals;
}

/// The kernel does what is done by default: a fault happens again when we return, and what was sent has to be sent again.
void let_die(long signal, bool sent) {
  SignalAction fatal{by_default, with_restorer, strict::handler_return_address, 0};
  gate_call(__NR_rt_sigaction, signal, &fatal, nullptr, sizeof fatal.mask);
  if (sent) system_call(__NR_tgkill, system_call(__NR_getpid), system_call(__NR_gettid), signal);
}

void begin_handler(long signal, SignalAction& action, const Info& info, Context& context) {
  auto* r = context.registers;
  const auto state_at = (top_for(action, r[rsp]) - floating_point_bytes) & ~63ull;
  // The stack at a function's first instruction: a return address, and 16 bytes aligned before it.
  const auto frame_at = ((state_at - sizeof(Frame)) & ~15ull) - sizeof(std::uint64_t);
  auto& frame = *reinterpret_cast<Frame*>(frame_at);
  const auto shown_mask = context.mask | world().hidden_mask;
  const long written =
      guarded([&] { write_frame(frame, *reinterpret_cast<FloatingPoint*>(state_at), action, info, context, shown_mask); });
  if (failed(written)) return let_die(fault_signal, true);
  keep_state(frame_at, *context.floating_point);
  reset(*context.floating_point);
  set_mask(context, shown_mask | action.mask | (action.flags & not_deferred ? 0 : bit_of(signal)));
  r[rip] = action.handler;
  r[rsp] = frame_at;
  r[rdi] = static_cast<std::uint64_t>(signal);
  r[rsi] = reinterpret_cast<std::uint64_t>(&frame.info);
  r[rdx] = reinterpret_cast<std::uint64_t>(&frame.context);
  r[rax] = 0;
  r[flags] &= ~(trap_flag | direction_flag | resume_flag);
  if (action.flags & once) action.handler = by_default;
}

}  // namespace

void recover_from_fault(const Context& context) {
  const auto at = context.registers[rip];
  if (world().recovering == 0 || at < strict::code_address || at >= strict::resident_end) return;
  __builtin_longjmp(world().recovery, 1);
}

void deliver(std::int64_t signal, Info* info, Context* context) {
  auto& action = world().actions[signal];
  const bool sent = is_sent(*info);
  const auto at = context->registers[rip];
  const bool in_vdso = at >= strict::vdso_address && at < strict::handler_stack_address;
  const bool in_handlers = at >= strict::resident_begin && at < strict::resident_end && !in_vdso;
  if (in_handlers) {
    // Another signal of ours is being delivered: this one when the program goes on.
    if (!sent) return let_die(signal, false);
    context->mask |= bit_of(signal);
    system_call(__NR_tgkill, system_call(__NR_getpid), system_call(__NR_gettid), signal);
    return;
  }
  if (action.handler == ignored && sent) return;
  if (action.handler == by_default || action.handler == ignored) return let_die(signal, sent);
  begin_handler(signal, action, *info, *context);
}

void return_from_delivery(Context* context) {
  const auto frame_at = context->registers[rsp] - sizeof(std::uint64_t);
  const auto& frame = *reinterpret_cast<const Frame*>(frame_at);
  Context given{};
  FloatingPoint state{};
  const long read = guarded([&] {
    given = frame.context;
    if (given.floating_point) copy(&state, given.floating_point, __builtin_offsetof(FloatingPoint, magic));
  });
  if (failed(read)) return let_die(fault_signal, true);

  auto& real = *context->floating_point;
  if (const auto* kept = find_state(frame_at)) copy(&real, kept->bytes, kept->size);
  if (given.floating_point) {
    state.mxcsr &= mxcsr_bits;
    state.mxcsr_mask = real.mxcsr_mask;
    copy(&real, &state, __builtin_offsetof(FloatingPoint, magic));
    if (is_extended(real)) real.present |= oldest_parts;
  }
  const auto segments_here = context->registers[segments];
  for (int i = 0; i <= flags; ++i) context->registers[i] = given.registers[i];
  context->registers[segments] = segments_here;
  set_mask(*context, given.mask);
}

long install_delivery(long signal) {
  const SignalAction action{reinterpret_cast<std::uint64_t>(&deliver),
                            with_info | with_restorer | on_signal_stack | not_deferred, strict::handler_return_address,
                            ~(needed_signals | synchronous_signals)};
  return gate_call(__NR_rt_sigaction, signal, &action, nullptr, sizeof action.mask);
}

}  // namespace forgepool::sandbox::box_init
