#include "base/checked_arithmetic.hpp"

#include <catch2/catch_test_macros.hpp>

namespace forgepool {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t century_ms = 100ull * 366 * 24 * 3'600'000;

TEST_CASE("sums and products that do not fit are the largest number") {
  CHECK(saturating_add(2, 3) == 5);
  CHECK(saturating_add(most, 1) == most);
  CHECK(saturating_add(most - 1, 1) == most);
  CHECK(saturating_multiply(6, 7) == 42);
  CHECK(saturating_multiply(most, 0) == 0);
  CHECK(saturating_multiply(1ull << 32, 1ull << 32) == most);
}

TEST_CASE("a duration of foreign milliseconds is exact up to a century, and a century beyond") {
  CHECK(duration_from_ms(0) == 0ms);
  CHECK(duration_from_ms(1) == 1ms);
  CHECK(duration_from_ms(century_ms - 1) == longest_duration - 1ms);
  for (const auto ms : {century_ms, std::uint64_t{10'000'000'000'000}, std::uint64_t{9'223'372'036'855},
                        std::uint64_t{18'446'744'073'710}, std::uint64_t{1} << 63, most})
    CHECK(duration_from_ms(ms) == longest_duration);
}

TEST_CASE("a duration many times over ends at a century") {
  CHECK(saturating_multiply(Duration(7), 0) == Duration(0));
  CHECK(saturating_multiply(Duration(1s), 10) == 10s);
  CHECK(saturating_multiply(Duration(1h), most) == longest_duration);
  CHECK(saturating_multiply(longest_duration, 2) == longest_duration);
}

TEST_CASE("a time that is further ahead than a century, or than there are times, is never") {
  const Time now(1'800'000'000s);
  CHECK(time_after(now, 1000) == now + 1s);
  CHECK(time_after(now, century_ms - 1) == now + longest_duration - 1ms);
  for (const auto ms : {century_ms, std::uint64_t{10'000'000'000'000}, std::uint64_t{1} << 63, most})
    CHECK(time_after(now, ms) == never);
  CHECK(time_after(Time::max() - 1s, 999) == Time::max() - 1ms);
  CHECK(time_after(Time::max() - 1s, 1001) == never);
  CHECK(time_after(Time::min(), 1) == Time::min() + 1ms);
}

TEST_CASE("milliseconds since 1970 beyond all times are the first or the last one") {
  CHECK(time_from_ms(1'800'000'000'000) == Time(1'800'000'000s));
  CHECK(time_from_ms(-1) == Time(-1ms));
  CHECK(time_from_ms(std::numeric_limits<std::int64_t>::max()) == Time::max());
  CHECK(time_from_ms(std::int64_t{1} << 53) == Time::max());
  CHECK(time_from_ms(std::numeric_limits<std::int64_t>::min()) == Time::min());
}

}  // namespace
}  // namespace forgepool
