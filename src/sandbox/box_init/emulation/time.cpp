/// Clocks, sleeping, and the resources that a process has used: time in this world is a count of how often it was asked for.
#include "sandbox/box_init/emulation/emulation.hpp"

namespace forgepool::sandbox::box_init {
namespace {

using strict::ns_per_s;
using strict::world;

constexpr std::uint64_t for_ever = 100ull * 365 * 86'400 * ns_per_s;
constexpr std::uint64_t absolute_time = 1;  // TIMER_ABSTIME
constexpr std::size_t usage_size = 144;     // struct rusage

long read_clock(long clock, Timespec* result) {
  std::int64_t base_s = 0;
  if (!strict::clock_base(static_cast<std::int32_t>(clock), base_s)) return -invalid;
  const auto now = strict::look_at_clock();
  *result = {base_s + static_cast<std::int64_t>(now / ns_per_s), static_cast<std::int64_t>(now % ns_per_s)};
  return 0;
}

long resolution(long clock, Timespec* result) {
  std::int64_t base_s = 0;
  if (!strict::clock_base(static_cast<std::int32_t>(clock), base_s)) return -invalid;
  if (result) *result = {0, 1};
  return 0;
}

long time_of_day(std::int64_t* time, std::int32_t* zone) {
  Timespec now{};
  read_clock(0, &now);
  if (time) time[0] = now.seconds, time[1] = now.nanoseconds / 1000;
  if (zone) zone[0] = zone[1] = 0;
  return 0;
}

long sleep(long clock, std::uint64_t flags, const Timespec* duration) {
  std::int64_t base_s = 0;
  if (!strict::clock_base(static_cast<std::int32_t>(clock), base_s) || !is_valid(*duration)) return -invalid;
  if (flags & absolute_time)
    sleep_until(*duration, clock);
  else
    sleep_ns(in_ns(*duration));
  return 0;
}

void clear(void* target, std::size_t size) {
  auto* bytes = static_cast<std::uint8_t*>(target);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = 0;
}

}  // namespace

std::uint64_t in_ns(const Timespec& time) {
  const auto seconds = static_cast<std::uint64_t>(time.seconds);
  if (seconds >= for_ever / ns_per_s) return for_ever;
  return seconds * ns_per_s + static_cast<std::uint64_t>(time.nanoseconds);
}

void sleep_ns(std::uint64_t duration) {
  // The clock itself saturates too; nobody gets there but by sleeping.
  world().now_ns = world().now_ns > for_ever ? world().now_ns : world().now_ns + duration;
}

void sleep_until(const Timespec& moment, long clock) {
  std::int64_t base_s = 0;
  strict::clock_base(static_cast<std::int32_t>(clock), base_s);
  if (moment.seconds < base_s) return;
  const auto target = in_ns({moment.seconds - base_s, moment.nanoseconds});
  if (target > world().now_ns) world().now_ns = target;
}

long emulate_time(const TrappedCall& call) {
  const auto* a = call.argument;
  switch (call.number) {
    case __NR_clock_gettime: return read_clock(static_cast<long>(a[0]), reinterpret_cast<Timespec*>(a[1]));
    case __NR_clock_getres: return resolution(static_cast<long>(a[0]), reinterpret_cast<Timespec*>(a[1]));
    case __NR_gettimeofday: return time_of_day(reinterpret_cast<std::int64_t*>(a[0]), reinterpret_cast<std::int32_t*>(a[1]));
    case __NR_time: {
      Timespec now{};
      read_clock(0, &now);
      if (a[0]) *reinterpret_cast<std::int64_t*>(a[0]) = now.seconds;
      return now.seconds;
    }
    case __NR_nanosleep: return sleep(1, 0, reinterpret_cast<const Timespec*>(a[0]));
    case __NR_clock_nanosleep: return sleep(static_cast<long>(a[0]), a[1], reinterpret_cast<const Timespec*>(a[2]));
    case __NR_times:
      if (a[0]) clear(reinterpret_cast<void*>(a[0]), 32);
      return static_cast<long>(strict::look_at_clock() / 10'000'000);
    case __NR_getrusage: clear(reinterpret_cast<void*>(a[1]), usage_size); return 0;
    default: return not_ours;
  }
}

}  // namespace forgepool::sandbox::box_init
