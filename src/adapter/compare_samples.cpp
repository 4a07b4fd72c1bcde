#include <algorithm>
#include <cmath>
#include <numbers>

#include "adapter/comparison.hpp"

namespace forgepool::adapter {
namespace {

/// Q(x) = 2 Σ (-1)^(j-1) exp(-2 j² x²): the limit of the distribution of sqrt(nm/(n+m)) D. Of its two series each is quick
/// where the other is not.
double kolmogorov(double x) {
  if (x < 0.2) return 1;
  double sum = 0;
  if (x < 1.2) {
    const double t = -std::numbers::pi * std::numbers::pi / (8 * x * x);
    for (int j = 1; j <= 9; j += 2) sum += std::exp(t * j * j);
    return std::clamp(1 - std::sqrt(2 * std::numbers::pi) / x * sum, 0.0, 1.0);
  }
  for (int j = 1; j <= 20; ++j) sum += (j % 2 ? 2 : -2) * std::exp(-2.0 * j * j * x * x);
  return std::clamp(sum, 0.0, 1.0);
}

}  // namespace

double same_distribution(const std::map<std::int64_t, std::uint64_t>& a, const std::map<std::int64_t, std::uint64_t>& b) {
  double n = 0, m = 0;
  for (const auto& [value, samples] : a) n += static_cast<double>(samples);
  for (const auto& [value, samples] : b) m += static_cast<double>(samples);
  if (n == 0 || m == 0) return 1;
  double below_a = 0, below_b = 0, furthest = 0;
  auto x = a.begin();
  auto y = b.begin();
  while (x != a.end() || y != b.end()) {
    const std::int64_t next = y == b.end() || (x != a.end() && x->first <= y->first) ? x->first : y->first;
    if (x != a.end() && x->first == next) below_a += static_cast<double>((x++)->second);
    if (y != b.end() && y->first == next) below_b += static_cast<double>((y++)->second);
    furthest = std::max(furthest, std::abs(below_a / n - below_b / m));
  }
  return kolmogorov(std::sqrt(n * m / (n + m)) * furthest);
}

}  // namespace forgepool::adapter
