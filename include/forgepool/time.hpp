#pragma once
/// Time as the protocol cores see it: an argument. Only an event loop (event_loop.hpp) reads a clock.
#include <forgepool/result.hpp>

#include <chrono>
#include <string>

namespace forgepool {

/// Nanoseconds since the Unix epoch (UTC, without leap seconds).
using Time = std::chrono::sys_time<std::chrono::nanoseconds>;
using Duration = std::chrono::nanoseconds;

/// RFC 3339 in UTC with whole seconds: "2026-01-31T08:15:00Z".
FORGEPOOL_API std::string to_rfc3339(Time time);
/// Accepts exactly the form above, with years from 1678 to 2261, and a fraction of up to nine digits; invalid_input otherwise.
FORGEPOOL_API Result<Time> from_rfc3339(std::string_view text);

inline std::int64_t unix_seconds(Time time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace forgepool
