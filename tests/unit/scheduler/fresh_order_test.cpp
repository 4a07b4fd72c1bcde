#include "scheduler/fresh_order.hpp"

#include <forgepool/testing/random.hpp>

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace forgepool;
using scheduling::FreshOrder;

TEST_CASE("an empty order has nothing at or after any index") {
  const FreshOrder order;
  CHECK(order.end() == 0);
  CHECK(order.next(0) == 0);
  CHECK(order.next(7) == 0);
}

TEST_CASE("indices that were skipped when appending are not in the order") {
  FreshOrder order;
  order.append(3);
  order.append(5);
  CHECK(order.end() == 6);
  CHECK(order.next(0) == 3);
  CHECK(order.next(4) == 5);
  CHECK(order.next(6) == 6);
}

TEST_CASE("the next index is always that of an ordered set with the same history") {
  const std::uint64_t seed = 20260101;
  INFO("seed " << seed);
  testing::Random random(seed);
  FreshOrder order;
  std::set<std::uint32_t> model;
  for (int i = 0; i < 20'000; ++i) {
    if (random.chance(0.5)) {
      const std::uint32_t index = order.end() + static_cast<std::uint32_t>(random.below(3));
      order.append(index);
      model.insert(index);
    } else if (const auto victim = model.lower_bound(static_cast<std::uint32_t>(random.below(order.end() + 1)));
               victim != model.end()) {
      order.remove(*victim);
      model.erase(victim);
    }
    const auto from = static_cast<std::uint32_t>(random.below(order.end() + 2));
    const auto expected = model.lower_bound(from);
    REQUIRE(order.next(from) == (expected == model.end() ? order.end() : *expected));
  }
}
