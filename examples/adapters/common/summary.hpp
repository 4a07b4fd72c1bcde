#pragma once
/// Gathers whole numbers and writes them as the reducer `summary` takes them (src/adapter/FORMAT.md, "Shard outputs"): exact
/// sums, and a histogram with fixed buckets.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace adapter_program {

/// An unsigned sum of up to 192 bits.
class WideSum {
 public:
  __extension__ using Wide = unsigned __int128;

  void add(Wide value) {
    Wide carry = Wide{limbs_[0]} + static_cast<std::uint64_t>(value);
    limbs_[0] = static_cast<std::uint64_t>(carry);
    carry = (carry >> 64) + limbs_[1] + static_cast<std::uint64_t>(value >> 64);
    limbs_[1] = static_cast<std::uint64_t>(carry);
    limbs_[2] += static_cast<std::uint64_t>(carry >> 64);
  }

  std::string decimal() const {
    std::array<std::uint64_t, 3> rest = limbs_;
    std::string digits;
    do {
      std::uint64_t remainder = 0;
      for (std::size_t i = 3; i-- > 0;) {
        const Wide part = Wide{remainder} << 64 | rest[i];
        rest[i] = static_cast<std::uint64_t>(part / 10);
        remainder = static_cast<std::uint64_t>(part % 10);
      }
      digits.push_back(static_cast<char>('0' + remainder));
    } while (rest[0] || rest[1] || rest[2]);
    return {digits.rbegin(), digits.rend()};
  }

 private:
  std::array<std::uint64_t, 3> limbs_{};
};

class Summary {
 public:
  static constexpr std::uint64_t max_sample = (std::uint64_t{1} << 53) - 1;

  /// Rounds half up. What is below 0 counts as 0, what is above `max_sample` as that, and is counted as saturated.
  void add_rounded(double value) {
    if (!(value < static_cast<double>(max_sample))) {
      ++saturated_;
      return add(max_sample);
    }
    add(value > 0 ? static_cast<std::uint64_t>(value + 0.5) : 0);
  }

  void add(std::uint64_t sample) {
    ++count_;
    min_ = std::min(min_, sample);
    max_ = std::max(max_, sample);
    sum_.add(sample);
    sum_squares_.add(WideSum::Wide{sample} * sample);
    ++buckets_[bucket_of(sample)];
  }

  std::string json() const {
    std::string histogram;
    for (std::size_t i = 0; i < buckets_.size(); ++i)
      if (buckets_[i] != 0)
        histogram += (histogram.empty() ? "[" : ",[") + std::to_string(i) + "," + std::to_string(buckets_[i]) + "]";
    return "{\"count\":" + std::to_string(count_) + ",\"format\":\"summary/1\",\"histogram\":[" + histogram +
           "],\"max\":" + std::to_string(max_) + ",\"min\":" + std::to_string(min_) +
           ",\"saturated\":" + std::to_string(saturated_) + ",\"sum\":\"" + sum_.decimal() + "\",\"sum_squares\":\"" +
           sum_squares_.decimal() + "\"}";
  }

 private:
  /// A bucket for each value up to 511, then 256 to each power of two.
  static std::size_t bucket_of(std::uint64_t value) {
    if (value < 512) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 9;
    return shift * 256 + (value >> shift);
  }

  std::uint64_t count_ = 0, min_ = max_sample, max_ = 0, saturated_ = 0;
  WideSum sum_, sum_squares_;
  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(11'776);
};

}  // namespace adapter_program
