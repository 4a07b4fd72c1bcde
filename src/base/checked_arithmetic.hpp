#pragma once
/// Arithmetic on times and sizes that others chose: contracts, messages, receipts, manifests, records that may be damaged. What
/// does not fit ends at the nearest value that does, and so stays on its side of every comparison: what was to be kept for a
/// thousand years is kept.
#include <forgepool/time.hpp>

#include <cstdint>
#include <limits>

namespace forgepool {

inline constexpr Time never = Time::max();
/// Nobody waits for longer; what is later than this is `never`.
inline constexpr Duration longest_duration = std::chrono::hours(24 * 366 * 100);

constexpr std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}

constexpr std::uint64_t saturating_multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::uint64_t>::max() : product;
}

/// At most `longest_duration`.
constexpr Duration duration_from_ms(std::uint64_t ms) {
  constexpr auto longest_ms = static_cast<std::uint64_t>(longest_duration / std::chrono::milliseconds(1));
  return ms < longest_ms ? std::chrono::milliseconds(static_cast<std::int64_t>(ms)) : longest_duration;
}

/// So many times the duration, which is not negative: at most `longest_duration`.
constexpr Duration saturating_multiply(Duration duration, std::uint64_t times) {
  return times == 0 || duration <= longest_duration / times ? duration * static_cast<std::int64_t>(times) : longest_duration;
}

/// `never` if that is more than `longest_duration` ahead, or beyond all times there are.
constexpr Time time_after(Time time, std::uint64_t ms) {
  const Duration ahead = duration_from_ms(ms);
  return ahead < longest_duration && (time <= Time() || ahead <= Time::max() - time) ? time + ahead : never;
}

/// Milliseconds since 1970.
constexpr Time time_from_ms(std::int64_t ms) {
  constexpr std::int64_t most = std::chrono::floor<std::chrono::milliseconds>(Time::max()).time_since_epoch().count();
  if (ms >= most) return Time::max();
  if (ms <= -most) return Time::min();
  return Time(std::chrono::milliseconds(ms));
}

}  // namespace forgepool
