/// Waiting: whether something is there is asked once; if not, the time passes at once, because nobody else could bring it.
#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/file_identity.hpp"
#include "sandbox/box_init/emulation/gate.hpp"

#include <linux/futex.h>

namespace forgepool::sandbox::box_init {
namespace {

constexpr std::uint16_t writable = 0x4 | 0x100;  // POLLOUT, POLLWRNORM
constexpr std::uint64_t max_polled = 256;
constexpr std::uint64_t mask_size = 8;

struct PollEntry {
  std::int32_t fd;
  std::int16_t events, returned;
};

void pass(const Timespec* timeout) {
  if (timeout) sleep_ns(in_ns(*timeout));
}

/// Without a timeout, and with nothing to wait for, the wait is for ever: until the supervisor's limit.
long poll_now(PollEntry* entries, std::uint64_t count, const Timespec* timeout) {
  if (count > max_polled) return -invalid;
  if (timeout && !is_valid(*timeout)) return -invalid;
  Timespec at_once{0, 0};
  long ready = gate_call(__NR_ppoll, entries, count, &at_once, nullptr, mask_size);
  if (failed(ready)) return ready;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto& entry = entries[i];
    const auto wanted = static_cast<std::int16_t>(entry.events & writable);
    if (entry.fd < 0 || !wanted || !is_output_pipe_fd(entry.fd)) continue;
    if (entry.returned == 0) ++ready;
    entry.returned = wanted;
  }
  if (ready > 0) return ready;
  if (!timeout) return gate_call(__NR_ppoll, entries, count, nullptr, nullptr, mask_size);
  pass(timeout);
  return 0;
}

bool is_in(const std::uint64_t* set, std::uint64_t fd) {
  return set && (set[fd / 64] >> (fd % 64) & 1) != 0;
}

long select_now(const TrappedCall& call, const Timespec* timeout) {
  const auto count = static_cast<std::uint32_t>(call.argument[0]);
  auto* const writing = reinterpret_cast<std::uint64_t*>(call.argument[2]);
  if (count > max_polled || (timeout && !is_valid(*timeout))) return -invalid;
  std::uint64_t outputs[max_polled / 64] = {};
  for (std::uint64_t fd = 0; fd < count; ++fd)
    if (is_in(writing, fd) && is_output_pipe_fd(static_cast<long>(fd))) outputs[fd / 64] |= 1ull << (fd % 64);
  Timespec at_once{0, 0};
  long ready = gate_call(__NR_pselect6, count, call.argument[1], writing, call.argument[3], &at_once, nullptr);
  if (failed(ready)) return ready;
  for (std::uint64_t fd = 0; fd < count; ++fd) {
    if (!is_in(outputs, fd) || is_in(writing, fd)) continue;
    writing[fd / 64] |= 1ull << (fd % 64);
    ++ready;
  }
  if (ready > 0) return ready;
  if (!timeout) return gate_call(__NR_ppoll, nullptr, 0, nullptr, nullptr, mask_size);
  pass(timeout);
  return 0;
}

long wait_on_word(const TrappedCall& call, std::uint64_t command) {
  const auto* a = call.argument;
  const auto* timeout = reinterpret_cast<const Timespec*>(a[3]);
  if (*reinterpret_cast<const std::uint32_t*>(a[0]) != static_cast<std::uint32_t>(a[2])) return -again;
  if (!timeout) return gate_call(__NR_ppoll, nullptr, 0, nullptr, nullptr, mask_size);
  if (!is_valid(*timeout)) return -invalid;
  if (command == FUTEX_WAIT)
    pass(timeout);
  else
    sleep_until(*timeout, a[1] & FUTEX_CLOCK_REALTIME ? 0 : 1);
  return -timed_out;
}

/// There is one thread: nobody else waits, nobody else wakes.
long futex(const TrappedCall& call) {
  const auto command = call.argument[1] & FUTEX_CMD_MASK;
  switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: return wait_on_word(call, command);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: return 0;
    default: return -no_such_call;
  }
}

}  // namespace

long emulate_waiting(const TrappedCall& call) {
  const auto* a = call.argument;
  auto* const entries = reinterpret_cast<PollEntry*>(a[0]);
  switch (call.number) {
    case __NR_poll: {
      const auto ms = static_cast<std::int32_t>(a[2]);
      const Timespec timeout{ms / 1000, ms % 1000 * 1'000'000};
      return poll_now(entries, a[1], ms < 0 ? nullptr : &timeout);
    }
    case __NR_ppoll: return poll_now(entries, a[1], reinterpret_cast<const Timespec*>(a[2]));
    case __NR_select: {
      const auto* given = reinterpret_cast<const Timespec*>(a[4]);  // Microseconds in place of nanoseconds.
      const Timespec timeout{given ? given->seconds : 0, given ? given->nanoseconds * 1000 : 0};
      return select_now(call, given ? &timeout : nullptr);
    }
    case __NR_pselect6: return select_now(call, reinterpret_cast<const Timespec*>(a[4]));
    case __NR_futex: return futex(call);
    default: return not_ours;
  }
}

}  // namespace forgepool::sandbox::box_init
