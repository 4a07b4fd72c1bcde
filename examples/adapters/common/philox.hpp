#pragma once
/// Philox 4x32-10, a counter-based generator: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC
/// 2011). A block is a pure function of counter and key, so that any iteration's numbers can be made without those before it.
#include <array>
#include <cstdint>
#include <string_view>

namespace adapter_program {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

constexpr PhiloxCounter philox4x32_10(PhiloxCounter counter, PhiloxKey key) {
  constexpr std::uint64_t multiplier_0 = 0xd2511f53, multiplier_1 = 0xcd9e8d57;
  constexpr std::uint32_t weyl_0 = 0x9e3779b9, weyl_1 = 0xbb67ae85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product_0 = multiplier_0 * counter[0], product_1 = multiplier_1 * counter[2];
    counter = {static_cast<std::uint32_t>(product_1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product_1),
               static_cast<std::uint32_t>(product_0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product_0)};
    key = {key[0] + weyl_0, key[1] + weyl_1};
  }
  return counter;
}

/// The shard's seed as the generator uses it: the first 12 of its 32 bytes, as three little-endian words.
struct StreamSeed {
  PhiloxKey key{};
  std::uint32_t domain = 0;

  /// From 64 hex digits; zeros in place of what is not hex.
  static StreamSeed from_hex(std::string_view hex) {
    std::array<std::uint32_t, 3> words{};
    for (std::size_t i = 0; i < 24 && i < hex.size(); ++i) {
      const char c = hex[i];
      const auto digit = static_cast<std::uint32_t>(c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0);
      const std::size_t byte = i / 2;
      words[byte / 4] |= digit << (8 * (byte % 4) + (i % 2 == 0 ? 4 : 0));
    }
    return {{words[0], words[1]}, words[2]};
  }
};

/// The random numbers of one iteration: 64 bits at a time, two from each block. The counter is (block, iteration, domain).
class IterationStream {
 public:
  IterationStream(const StreamSeed& seed, std::uint64_t iteration)
      : seed_(seed),
        iteration_low_(static_cast<std::uint32_t>(iteration)),
        iteration_high_(static_cast<std::uint32_t>(iteration >> 32)) {}

  std::uint64_t next() {
    if (have_second_) {
      have_second_ = false;
      return second_;
    }
    const PhiloxCounter block = philox4x32_10({block_++, iteration_low_, iteration_high_, seed_.domain}, seed_.key);
    second_ = block[2] | std::uint64_t{block[3]} << 32;
    have_second_ = true;
    return block[0] | std::uint64_t{block[1]} << 32;
  }

 private:
  const StreamSeed seed_;
  const std::uint32_t iteration_low_, iteration_high_;
  std::uint32_t block_ = 0;
  std::uint64_t second_ = 0;
  bool have_second_ = false;
};

}  // namespace adapter_program
