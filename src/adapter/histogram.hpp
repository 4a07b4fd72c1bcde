#pragma once
/// Counts of whole numbers in fixed buckets, fine for small values and relative to the value for large ones, so that histograms
/// made anywhere add up exactly. (The idea is that of HdrHistogram.) FORMAT.md, "Histogram".
#include "adapter/uint256.hpp"

#include <map>

namespace forgepool::adapter {

inline constexpr std::uint64_t max_sample = (std::uint64_t{1} << 53) - 1;
/// Values up to 511 have a bucket each; above, each power of two is cut into 256 buckets.
inline constexpr unsigned histogram_precision_bits = 8;

std::uint32_t bucket_of(std::uint64_t value);
inline constexpr std::uint32_t max_bucket = 11'775;  ///< bucket_of(max_sample)
/// The smallest and the largest value of a bucket.
std::uint64_t bucket_low(std::uint32_t bucket);
std::uint64_t bucket_high(std::uint32_t bucket);

using Histogram = std::map<std::uint32_t, std::uint64_t>;

/// The upper end of the bucket that holds the value of rank ceil(percent/100 * count), counted from 1: at most 1/256 above the
/// true value, and never below it. The histogram must hold `count` samples, at least one.
std::uint64_t percentile(const Histogram& histogram, std::uint64_t count, unsigned percent);

}  // namespace forgepool::adapter
