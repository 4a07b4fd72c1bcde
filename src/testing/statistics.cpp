#include "testing/statistics.hpp"

#include <forgepool/testing/scenario.hpp>

#include <cmath>

namespace forgepool::testing {
namespace {

/// P(X ≤ hits) for X binomial.
double binomial_cdf(std::uint64_t hits, std::uint64_t trials, double probability) {
  const auto n = static_cast<double>(trials);
  double sum = 0;
  for (std::uint64_t i = 0; i <= hits; ++i) {
    const auto k = static_cast<double>(i);
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) + k * std::log(probability) +
                    (n - k) * std::log1p(-probability));
  }
  return sum;
}

}  // namespace

double jain_index(std::span<const double> values) {
  double sum = 0, squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  return squares == 0 ? 1 : sum * sum / (static_cast<double>(values.size()) * squares);
}

double upper_confidence_limit(std::uint64_t hits, std::uint64_t trials) {
  if (hits >= trials) return 1;
  // Far from the edge the normal approximation (Wilson) is exact to the digits shown, and the sum would be long.
  if (hits > 10'000) {
    const double n = static_cast<double>(trials), p = static_cast<double>(hits) / n, z = 1.6448536269514722;
    return (p + z * z / (2 * n) + z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n);
  }
  double low = static_cast<double>(hits) / static_cast<double>(trials), high = 1;
  for (int i = 0; i < 200 && high - low > 1e-15; ++i) {
    const double middle = low + (high - low) / 2;
    (binomial_cdf(hits, trials, middle) > 0.05 ? low : high) = middle;
  }
  return high;
}

}  // namespace forgepool::testing
