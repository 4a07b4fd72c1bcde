#pragma once
/// What a strict program gets in place of the system calls that would tell it something about the machine or the moment. Called
/// in the program's own process, from the handler of SIGSYS (traps.hpp): one thread, never two at once.
#include "sandbox/box_init/runtime.hpp"
#include "sandbox/strict/world.hpp"

namespace forgepool::sandbox::box_init {

struct TrappedCall {
  long number;
  std::uint64_t argument[6];
  std::uint64_t* signal_mask;  ///< Of the interrupted program; what is written here holds when it goes on.
};

/// The result, as the kernel would return it.
long emulate(const TrappedCall& call);

// By subject; each returns `not_ours` for calls of other subjects.
constexpr long not_ours = -100'000;
long emulate_time(const TrappedCall& call);
long emulate_waiting(const TrappedCall& call);
long emulate_system(const TrappedCall& call);
long emulate_memory(const TrappedCall& call);
long emulate_descriptors(const TrappedCall& call);
long emulate_files(const TrappedCall& call);
long emulate_signals(const TrappedCall& call);

// The kernel's numbers; <errno.h> belongs to the C library.
enum Errno : long {
  no_such_call = 38,
  bad_descriptor = 9,
  again = 11,
  no_memory = 12,
  access_denied = 13,
  exists = 17,
  invalid = 22,
  too_many_files = 24,
  not_permitted = 1,
  no_such_process = 3,
  timed_out = 110,
};

/// The time structure of system calls.
struct Timespec {
  std::int64_t seconds;
  std::int64_t nanoseconds;
};
inline bool is_valid(const Timespec& time) {
  return time.seconds >= 0 && time.nanoseconds >= 0 && time.nanoseconds < static_cast<std::int64_t>(strict::ns_per_s);
}
/// Saturates: a century is as good as for ever.
std::uint64_t in_ns(const Timespec& time);
/// Lets time pass.
void sleep_ns(std::uint64_t duration);
/// Until a moment of a clock.
void sleep_until(const Timespec& moment, long clock);

/// The next random bytes.
void take_random(void* target, std::size_t size);
void seed_random(const std::uint8_t (&seed)[32]);

}  // namespace forgepool::sandbox::box_init
