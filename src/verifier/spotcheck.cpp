#include "verifier/spotcheck.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "crypto/hkdf.hpp"

namespace forgepool {
namespace {

std::uint64_t draw(const std::array<std::uint8_t, 32>& secret, std::uint32_t index) {
  Bytes message = to_bytes("forgepool spotcheck v1");
  for (int shift = 24; shift >= 0; shift -= 8) message.push_back(static_cast<std::uint8_t>(index >> shift));
  const Digest mac = hmac_sha256(secret, message);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | mac.bytes[i];
  return value;
}

std::uint32_t number_of_checks(std::uint32_t shards, double ratio) {
  if (shards == 0 || !(ratio > 0)) return 0;
  if (ratio >= 1) return shards;
  // The tolerance keeps 0.1 of 30 at 3, whatever 0.1 is in binary.
  const double checks = std::ceil(ratio * shards - 1e-6);
  return std::clamp(static_cast<std::uint32_t>(std::max(checks, 1.0)), std::uint32_t{1}, shards);
}

}  // namespace

std::vector<bool> choose_checked_shards(const std::array<std::uint8_t, 32>& secret, std::uint32_t shards, double ratio) {
  const std::uint32_t checks = number_of_checks(shards, ratio);
  std::vector<bool> checked(shards, checks == shards && shards > 0);
  if (checks == 0 || checks == shards) return checked;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> draws;
  draws.reserve(shards);
  for (std::uint32_t index = 0; index < shards; ++index) draws.emplace_back(draw(secret, index), index);
  std::ranges::nth_element(draws, draws.begin() + checks);
  for (std::uint32_t i = 0; i < checks; ++i) checked[draws[i].second] = true;
  return checked;
}

}  // namespace forgepool
