#include <forgepool/credibility.hpp>
#include <forgepool/testing/random.hpp>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>

using namespace forgepool;
using Catch::Approx;

namespace {

constexpr Adversary independent{0.2, false}, colluding{0.2, true};

/// The probability that a cheater which lies at rate s lied with one answer, given k passed checks.
double exact(double f, double s, std::uint64_t k) {
  const double passed = std::pow(1 - s, static_cast<double>(k));
  return f * s * passed / ((1 - f) + f * passed);
}

}  // namespace

TEST_CASE("no rate of lying is more likely to have lied than the bound says, and the worst one comes close to it") {
  for (const double f : {0.01, 0.2, 0.45})
    for (const std::uint64_t k : {0, 1, 2, 5, 30, 1000, 92'000}) {
      double worst = 0;
      for (double exponent = -7; exponent <= 0; exponent += 0.01) worst = std::max(worst, exact(f, std::pow(10, exponent), k));
      const double bound = lie_bound({f, false}, {k});
      INFO("f " << f << ", k " << k);
      CHECK(worst <= bound * (1 + 1e-9));
      CHECK(worst >= bound * (1 - f) * 0.98);
    }
}

TEST_CASE("the bound falls with every check, and an agent on probation has further to go") {
  for (std::uint64_t k = 0; k < 2000; ++k) {
    CHECK(lie_bound(independent, {k + 1}) < lie_bound(independent, {k}));
    CHECK(lie_bound(independent, {k, true}) > lie_bound(independent, {k}));
  }
  CHECK(lie_bound(independent, {0}) == 0.2);
  CHECK(lie_bound(independent, {0, true}) == 0.5);
  CHECK(lie_bound(independent, {1'000'000, true}) == Approx(4 * lie_bound(independent, {1'000'000})));
}

TEST_CASE("checks_needed is the fewest that are enough") {
  for (const double error : {0.3, 0.2, 0.1, 1e-2, 1e-3, 1e-6}) {
    const auto needed = checks_needed(independent, error);
    CHECK(lie_bound(independent, {needed}) <= error);
    if (needed > 0) CHECK(lie_bound(independent, {needed - 1}) > error);
  }
  CHECK(checks_needed(independent, 1e-3) == 92);
  CHECK(checks_needed(independent, 1e-6) == 91'970);
  CHECK(checks_needed(colluding, 1e-3) == UINT64_MAX);
}

TEST_CASE("agents that agree are wrong only if all of them lied") {
  const std::vector<AgentTrust> proven{{92}, {92}};
  const double one = lie_bound(independent, {92});
  CHECK(error_bound(independent, proven, 0) == Approx(one * one).epsilon(0.01));
  CHECK(error_bound(independent, std::vector<AgentTrust>(1, {92}), 0) == Approx(one));
  CHECK(error_bound(independent, {}, 0) == 1);
  // Of agents of whom nothing is known: Sarmenta's credibility of a result group.
  CHECK(error_bound(independent, std::vector<AgentTrust>(3), 0) == Approx(0.008 / (0.008 + 0.512)));
  // Contradiction costs, and one against one is no majority however proven.
  CHECK(error_bound(independent, proven, 1) > error_bound(independent, proven, 0));
  CHECK(error_bound(independent, std::vector<AgentTrust>(1, {100'000}), 1) >= 0.5);
}

TEST_CASE("against collusion history proves nothing, and only numbers count") {
  CHECK(error_bound(colluding, std::vector<AgentTrust>(2, {1'000'000}), 0) == Approx(0.0625 / 1.0625));
  CHECK(lead_needed(colluding, 1e-6) == 10);
  CHECK(lead_needed(colluding, 1e-3) == 5);
  CHECK(error_bound(colluding, std::vector<AgentTrust>(7), 2) == error_bound(colluding, std::vector<AgentTrust>(5), 0));
  CHECK(error_bound(colluding, std::vector<AgentTrust>(2), 2) == 0.5);
}

TEST_CASE("the wrong result is ahead first as seldom as the bound of the walk says") {
  testing::Random random(20);
  for (const std::uint32_t lead : {1u, 2u, 3u, 4u}) {
    int wrong = 0;
    constexpr int walks = 200'000;
    for (int i = 0; i < walks; ++i) {
      int ahead = 0;  // Of the right result.
      while (std::abs(ahead) < static_cast<int>(lead)) ahead += random.chance(0.2) ? -1 : 1;
      wrong += ahead < 0;
    }
    const double bound = error_bound(colluding, std::vector<AgentTrust>(lead), 0), observed = 1.0 * wrong / walks;
    INFO("lead " << lead << ", observed " << observed << ", bound " << bound);
    CHECK(std::abs(observed - bound) < 5 * std::sqrt(bound / walks));
  }
}
