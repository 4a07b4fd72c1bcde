#include "base/parallel.hpp"

#include <forgepool/result.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>

namespace forgepool {
namespace {

constexpr std::size_t counts[] = {0, 1, 7, 8, 9, 16, 1'000};

}  // namespace

TEST_CASE("work spread over threads is done once each") {
  for (const std::size_t count : counts) {
    std::vector<std::atomic<int>> calls(count);
    for_each_until(count, [&](std::size_t i) { return ++calls[i] == 1; });
    for (const auto& number : calls) CHECK(number == 1);
  }
}

TEST_CASE("outcomes stand in order and end with the first error") {
  for (const std::size_t count : counts) {
    const auto all = map_in_order(count, [](std::size_t i) -> Result<std::size_t> { return 2 * i; });
    REQUIRE(all.size() == count);
    for (std::size_t i = 0; i < count; ++i) CHECK(*all[i] == 2 * i);
  }
  for (const std::size_t first : {0, 3, 8, 500, 999})
    for (int round = 0; round < 20; ++round) {
      const auto some = map_in_order(1'000, [&](std::size_t i) -> Result<std::size_t> {
        if (i >= first && (i - first) % 3 == 0) return fail(ErrorKind::corrupt, std::to_string(i));
        return i;
      });
      REQUIRE(some.size() == first + 1);
      CHECK(some.back().error().message == std::to_string(first));
      CHECK(std::ranges::all_of(some.begin(), some.end() - 1, [](const auto& outcome) { return outcome.has_value(); }));
    }
}

TEST_CASE("what work throws on any thread reaches the caller") {
  for (const std::size_t at : {0, 8, 999})
    CHECK_THROWS_AS(for_each_until(1'000,
                                   [&](std::size_t i) {
                                     if (i == at) throw std::runtime_error("here");
                                     return true;
                                   }),
                    std::runtime_error);
}

}  // namespace forgepool
