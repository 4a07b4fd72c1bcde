#include "adapter/uint256.hpp"
#include "adapter/histogram.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <random>

using forgepool::adapter::Uint256;
using namespace forgepool::adapter;

TEST_CASE("256-bit integers calculate as integers do") {
  __extension__ using Wide = unsigned __int128;
  const auto wide = [](Wide value) {
    return Uint256(static_cast<std::uint64_t>(value >> 64)) * (Uint256(1ull << 32) * Uint256(1ull << 32)) +
           Uint256(static_cast<std::uint64_t>(value));
  };
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t a = random() >> random() % 64, b = random() >> random() % 64;
    const Wide product = Wide{a} * b;
    if (Uint256(a) * Uint256(b) != wide(product)) FAIL(a << " * " << b);
    if (wide(product) + Uint256(a) != wide(product + a)) FAIL(a << " * " << b << " + " << a);
    if (wide(product) - Uint256(product >= a ? a : 0) != wide(product - (product >= a ? a : 0)))
      FAIL(a << " * " << b << " - " << a);
    if ((Uint256(a) < wide(product)) != (a < product)) FAIL(a << " < " << a << " * " << b);
    if (wide(product).to_double() != static_cast<double>(product)) FAIL("double of " << wide(product).str());
    const auto back = Uint256::parse(wide(product).str());
    if (!back || *back != wide(product)) FAIL("decimal of " << wide(product).str());
  }
}

TEST_CASE("256-bit integers are read and written in decimal") {
  const std::string largest_read(77, '9');
  CHECK(Uint256::parse(largest_read)->str() == largest_read);
  CHECK(Uint256().str() == "0");
  for (const char* text : {"", "00", "01", "-1", "+1", " 1", "1 ", "1e3", "0x1", "1.0"})
    CHECK_FALSE(Uint256::parse(text).has_value());
  CHECK_FALSE(Uint256::parse(largest_read + "9").has_value());
  CHECK(Uint256::parse("100000000000000000000000000000000000000000000000000000000000000000000000000000").has_value() == false);
  CHECK(Uint256::parse("10000000000000000000000000000000000000000000000000000000000000000000000000000")->to_double() == 1e76);
}

TEST_CASE("rounding to double is to the nearest, ties to even") {
  const Uint256 two64 = Uint256(1ull << 32) * Uint256(1ull << 32);
  const Uint256 half_ulp = two64 * Uint256(1u << 20);  // 2^84; a double of 2^137 has steps of 2^85.
  const Uint256 big = two64 * two64 * Uint256(512);    // 2^137
  CHECK((big + half_ulp).to_double() == std::ldexp(1.0, 137));
  CHECK((big + half_ulp + Uint256(1)).to_double() == std::ldexp(1.0, 137) + std::ldexp(1.0, 85));
  CHECK((big + half_ulp - Uint256(1)).to_double() == std::ldexp(1.0, 137));
  CHECK((big + half_ulp * Uint256(3)).to_double() == std::ldexp(1.0, 137) + std::ldexp(2.0, 85));
}

TEST_CASE("buckets follow each other without gaps and are at most 1/256 of their values wide") {
  CHECK(bucket_of(max_sample) == max_bucket);
  CHECK(bucket_high(max_bucket) == max_sample);
  std::uint64_t next = 0;
  for (std::uint32_t bucket = 0; bucket <= max_bucket; ++bucket) {
    const std::uint64_t low = bucket_low(bucket), high = bucket_high(bucket);
    if (low != next || high < low || bucket_of(low) != bucket || bucket_of(high) != bucket || (high - low) * 256 > low)
      FAIL("bucket " << bucket);
    next = high + 1;
  }
}

TEST_CASE("percentiles are by nearest rank") {
  const Histogram histogram{{1, 50}, {2, 40}, {3, 5}, {4, 4}, {5, 1}};
  CHECK(percentile(histogram, 100, 50) == 1);
  CHECK(percentile(histogram, 100, 51) == 2);
  CHECK(percentile(histogram, 100, 90) == 2);
  CHECK(percentile(histogram, 100, 95) == 3);
  CHECK(percentile(histogram, 100, 99) == 4);
  CHECK(percentile(histogram, 100, 100) == 5);
  CHECK(percentile({{7, 1}}, 1, 1) == 7);
}
