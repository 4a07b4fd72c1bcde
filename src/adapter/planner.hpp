#pragma once
/// From contract and manifest to shards. Pure: equal arguments give equal plans on every machine. FORMAT.md, "Planning".
#include "adapter/manifest.hpp"

#include <algorithm>

namespace forgepool::adapter {

/// How the work is cut: shard i has the iterations or items [i * shard_size, min((i + 1) * shard_size, total)).
struct ShardLayout {
  std::uint64_t total = 0;
  std::uint64_t shard_size = 1;
  std::uint32_t count = 0;

  std::uint64_t begin(std::uint32_t shard) const { return shard * shard_size; }
  /// True if some shard has that many.
  bool has_size(std::uint64_t size) const { return size == end(0) || size == total - begin(count - 1); }
  std::uint64_t end(std::uint32_t shard) const { return std::min(total, (shard + std::uint64_t{1}) * shard_size); }
};

/// A contract that was checked against the adapter it names.
struct CheckedContract {
  const Profile* profile = nullptr;  ///< In the manifest.
  json::Object args;                 ///< With the defaults filled in.
  ShardLayout layout;

  std::int64_t integer(const std::string& argument) const { return *args.find(argument)->as_integer(); }
};

/// invalid_input, starting with the pointer into the contract.
Result<CheckedContract> check_contract(const Manifest& manifest, const Contract& contract);

/// Everything of the plan but the package's own digest. Errors as above, and too_large for a plan nobody could hold.
Result<Plan> make_plan(const Manifest& manifest, const Contract& contract);

/// Without making a shard. Errors as above.
Result<PlanSize> measure_plan(const Manifest& manifest, const Contract& contract);

/// 32 bytes: SHA-256 of the explicit seed's canonical JSON, or of a fixed prefix and the contract's digest.
Digest root_seed(const Contract& contract);
/// HKDF-SHA-256 of the root seed, salted with the contract's digest.
Bytes shard_seed(const Contract& contract, std::uint32_t shard);

}  // namespace forgepool::adapter
