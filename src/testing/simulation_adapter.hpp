#pragma once
/// The adapter of simulated pools: one number per shard, which follows from the shard's parameters. Its program is never run;
/// the simulator computes outputs itself.
#include <forgepool/adapter.hpp>

namespace forgepool::testing {

/// Operation "simulation", version "1", profile "simulation.v1", argument `shards`.
std::shared_ptr<const AdapterPackage> simulation_adapter();

/// Of the shard with these parameters; `answer` as AgentMind says: 0 for the right one. Every answer is well-formed.
Bytes simulation_output(ByteView params, std::uint64_t answer);
/// A number that stands for the shard with these parameters.
std::uint64_t shard_key(ByteView params);

}  // namespace forgepool::testing
