#pragma once
/// Which shards are spot-checked: the ceil(ratio * shards), at least one unless the ratio is 0, whose HMAC-SHA-256 under the
/// job's secret over "forgepool spotcheck v1" and the index (4 bytes, big-endian) is smallest; compared by its first 8 bytes,
/// big-endian, then by index. Nobody without the secret can tell; whoever is given it later can check the choice.
#include <array>
#include <cstdint>
#include <vector>

namespace forgepool {

/// One entry per shard.
std::vector<bool> choose_checked_shards(const std::array<std::uint8_t, 32>& secret, std::uint32_t shards, double ratio);

}  // namespace forgepool
