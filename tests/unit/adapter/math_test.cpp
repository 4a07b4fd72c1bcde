/// The mathematics inside mc@1, against published values and against the C library's.
#include "common/exact_math.hpp"
#include "common/philox.hpp"
#include "common/poisson.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <random>
#include <set>

using namespace adapter_program;

TEST_CASE("Philox 4x32-10 gives the published known answers") {
  CHECK(philox4x32_10({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(philox4x32_10({ones, ones, ones, ones}, {ones, ones}) == PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a stream depends on seed and iteration only, and none repeats another") {
  const StreamSeed seed = StreamSeed::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  CHECK(seed.key == PhiloxKey{0x03020100, 0x07060504});
  CHECK(seed.domain == 0x0b0a0908);
  IterationStream stream(seed, 0x100000002);
  const PhiloxCounter first = philox4x32_10({0, 2, 1, seed.domain}, seed.key),
                      second = philox4x32_10({1, 2, 1, seed.domain}, seed.key);
  CHECK(stream.next() == (first[0] | std::uint64_t{first[1]} << 32));
  CHECK(stream.next() == (first[2] | std::uint64_t{first[3]} << 32));
  CHECK(stream.next() == (second[0] | std::uint64_t{second[1]} << 32));
  std::set<std::uint64_t> numbers;
  for (std::uint64_t iteration = 0; iteration < 1000; ++iteration) {
    IterationStream one(seed, iteration);
    for (int i = 0; i < 10; ++i) numbers.insert(one.next());
  }
  CHECK(numbers.size() == 10'000);
}

TEST_CASE("exp and log agree with the C library to a few units in the last place") {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> exponents(-690, 700);
  double worst_exp = 0, worst_log = 0;
  for (int i = 0; i < 200'000; ++i) {
    const double x = exponents(random);
    worst_exp = std::max(worst_exp, std::abs(exact_exp(x) / std::exp(x) - 1));
    const double y = std::exp(x);
    if (std::abs(std::log(y)) > 1e-3) worst_log = std::max(worst_log, std::abs(exact_log(y) / std::log(y) - 1));
  }
  CHECK(worst_exp < 1e-15);
  CHECK(worst_log < 1e-15);
  CHECK(exact_exp(0) == 1);
  CHECK(exact_exp(-1000) == 0);
  CHECK(std::isinf(exact_exp(1000)));
  CHECK(exact_log(1) == 0);
  for (double x = 1 - 1e-3; x < 1 + 1e-3; x += 1.7e-7)
    if (std::abs(exact_log(x) - std::log(x)) > 4e-19 + 1e-15 * std::abs(std::log(x))) FAIL("log of " << x);
}

TEST_CASE("the normal quantile inverts the normal distribution") {
  CHECK(normal_quantile(0.5) == 0);
  CHECK(std::abs(normal_quantile(0.975) - 1.959963984540054) < 1e-14);
  const auto distribution = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  double worst = 0;
  for (double p = 0x1p-53; p < 0.5; p = p < 1e-3 ? p * 1.01 : p + 1e-4) {
    const double x = normal_quantile(p);
    // An error in x weighs x times as much in the tail's probability.
    worst = std::max(worst, std::abs(distribution(x) / p - 1) / (1 + x * x));
    if (p > 1e-3 && std::abs(normal_quantile(1 - p) + x) > 1e-12) FAIL("not symmetric at " << p);
  }
  CHECK(worst < 2e-15);
  CHECK(std::abs(normal_quantile(open_uniform(0))) < 8.4);
  CHECK(normal_quantile(open_uniform(~std::uint64_t{0})) == -normal_quantile(open_uniform(0)));
}

TEST_CASE("Poisson numbers have the mean, variance and small probabilities of their rate") {
  std::mt19937_64 random(11);
  for (const double rate : {0.0, 1e-6, 0.1, 1.0, 2.5, 30.0, 744.0, 1000.5, 10'000.0}) {
    INFO("rate " << rate);
    const Poisson poisson(rate);
    const int n = 100'000;
    double sum = 0, squares = 0, zeros = 0;
    for (int i = 0; i < n; ++i) {
      const auto k = static_cast<double>(poisson(random()));
      sum += k - rate;
      squares += (k - rate) * (k - rate);
      zeros += k == 0;
    }
    const double error = std::sqrt(rate / n);
    CHECK(std::abs(sum / n) <= 5 * error);
    CHECK(std::abs(squares / n - rate) <= 5 * std::sqrt((rate + 2 * rate * rate) / n));
    CHECK(std::abs(zeros / n - std::exp(-rate)) <= 5 * std::sqrt(std::exp(-rate) / n) + 1e-9);
    // The ends of the distribution function.
    CHECK(poisson(0) <= static_cast<std::uint64_t>(rate));
    CHECK(poisson(~std::uint64_t{0}) < static_cast<std::uint64_t>(rate + 20 + 10 * std::sqrt(rate)));
  }
}

TEST_CASE("the Poisson table is the distribution function") {
  const double rate = 2.5;
  const Poisson poisson(rate);
  double probability = std::exp(-rate), cumulative = probability;
  for (std::uint64_t k = 0; k < 15; ++k) {
    const auto threshold = static_cast<std::uint64_t>(cumulative * 0x1p53);
    CHECK(poisson((threshold - 64) << 11) == k);
    CHECK(poisson((threshold + 64) << 11) == k + 1);
    probability *= rate / static_cast<double>(k + 1);
    cumulative += probability;
  }
}
