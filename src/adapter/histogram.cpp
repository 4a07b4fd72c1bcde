#include "adapter/histogram.hpp"

#include <bit>

namespace forgepool::adapter {
namespace {

constexpr std::uint32_t buckets_per_octave = 1u << histogram_precision_bits;

/// The buckets of one octave are 2^shift wide.
unsigned shift_of(std::uint32_t bucket) {
  return bucket < 2 * buckets_per_octave ? 0 : bucket / buckets_per_octave - 1;
}

}  // namespace

std::uint32_t bucket_of(std::uint64_t value) {
  if (value < 2 * buckets_per_octave) return static_cast<std::uint32_t>(value);
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - (histogram_precision_bits + 1);
  return shift * buckets_per_octave + static_cast<std::uint32_t>(value >> shift);
}

std::uint64_t bucket_low(std::uint32_t bucket) {
  const unsigned shift = shift_of(bucket);
  return (std::uint64_t{bucket} - std::uint64_t{shift} * buckets_per_octave) << shift;
}

std::uint64_t bucket_high(std::uint32_t bucket) {
  return bucket_low(bucket) + (std::uint64_t{1} << shift_of(bucket)) - 1;
}

std::uint64_t percentile(const Histogram& histogram, std::uint64_t count, unsigned percent) {
  __extension__ using Wide = unsigned __int128;
  const auto rank = static_cast<std::uint64_t>((Wide{count} * percent + 99) / 100);
  std::uint64_t seen = 0;
  for (const auto& [bucket, samples] : histogram) {
    seen += samples;
    if (seen >= rank) return bucket_high(bucket);
  }
  return 0;
}

}  // namespace forgepool::adapter
