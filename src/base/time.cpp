#include <forgepool/time.hpp>

#include <fmt/core.h>

#include <optional>

namespace forgepool {

using namespace std::chrono;

std::string to_rfc3339(Time time) {
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<seconds>(time - day)};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

Result<Time> from_rfc3339(std::string_view text) {
  const auto malformed = [&] {
    return fail(ErrorKind::invalid_input, "malformed time: expected RFC 3339 in UTC, like 2026-01-31T08:15:00Z");
  };
  const auto number = [&](std::size_t at, std::size_t digits) -> std::optional<int> {
    int value = 0;
    for (std::size_t i = at; i < at + digits; ++i) {
      if (i >= text.size() || text[i] < '0' || text[i] > '9') return std::nullopt;
      value = value * 10 + (text[i] - '0');
    }
    return value;
  };
  const auto y = number(0, 4), mo = number(5, 2), d = number(8, 2), h = number(11, 2), mi = number(14, 2), s = number(17, 2);
  if (!y || !mo || !d || !h || !mi || !s || text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
      text[13] != ':' || text[16] != ':' || text.back() != 'Z')
    return malformed();
  std::int64_t nanos = 0;
  if (text.size() > 20) {
    const std::size_t digits = text.size() - 21;
    if (text[19] != '.' || digits == 0 || digits > 9) return malformed();
    const auto fraction = number(20, digits);
    if (!fraction) return malformed();
    nanos = *fraction;
    for (std::size_t i = digits; i < 9; ++i) nanos *= 10;
  }
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok() || *h > 23 || *mi > 59 || *s > 59) return malformed();
  // Nanoseconds in 64 bits end within 1677 and 2262.
  if (*y < 1678 || *y > 2261) return fail(ErrorKind::invalid_input, "time out of range: expected a year from 1678 to 2261");
  return Time{sys_days{date}} + hours{*h} + minutes{*mi} + seconds{*s} + nanoseconds{nanos};
}

}  // namespace forgepool
