#pragma once
/// Poisson numbers by inverting the distribution function: one uniform each, whatever the rate.
#include <algorithm>
#include <cstdint>
#include <vector>

namespace adapter_program {

/// Holds the distribution function for one rate. The probabilities come from the recurrence p(k+1) = p(k) * rate / (k+1),
/// outward from the mode (so that nothing underflows for large rates), and are scaled to add up to 1; they are cut where they
/// fall below 2^-70 of the mode's. Exact but for the rounding of doubles, about 1e-15 of the probability.
class Poisson {
 public:
  explicit Poisson(double rate) {
    const auto mode = static_cast<std::uint64_t>(rate);
    std::vector<double> below;  // From the mode down.
    double weight = 1;
    for (std::uint64_t k = mode; k > 0 && (weight = weight * static_cast<double>(k) / rate) > 0x1p-70; --k)
      below.push_back(weight);
    first_ = mode - below.size();
    std::vector<double> weights(below.rbegin(), below.rend());
    weight = 1;
    for (std::uint64_t k = mode; weight > 0x1p-70; ++k) {
      weights.push_back(weight);
      weight = weight * rate / static_cast<double>(k + 1);
    }

    double total = 0;
    for (const double one : weights) total += one;
    double sum = 0;
    for (const double one : weights) {
      sum += one;
      thresholds_.push_back(static_cast<std::uint64_t>(std::min(sum / total, 1.0) * 0x1p53));
    }
    thresholds_.back() = std::uint64_t{1} << 53;

    // For each of the highest 10 bits of a draw, where the search can start.
    guide_.resize(1024);
    for (std::size_t i = 0; i < guide_.size(); ++i)
      guide_[i] = static_cast<std::uint32_t>(std::upper_bound(thresholds_.begin(), thresholds_.end(), std::uint64_t{i} << 43) -
                                             thresholds_.begin());
  }

  std::uint64_t operator()(std::uint64_t bits) const {
    std::size_t k = guide_[bits >> 54];
    while (thresholds_[k] <= bits >> 11) ++k;
    return first_ + k;
  }

 private:
  std::uint64_t first_ = 0;
  std::vector<std::uint64_t> thresholds_;  ///< Of 2^53: k has come up if the draw is below thresholds_[k - first_].
  std::vector<std::uint32_t> guide_;
};

}  // namespace adapter_program
