#pragma once
/// A scheduler as unlike the default one as the contract allows: plain maps, jobs and shards in an order that a hash makes up,
/// whole batches, no preferences. It shows that the suite asks for the contract and not for one way to keep it.
#include <forgepool/scheduler.hpp>

#include <memory>

namespace forgepool::testing {

std::unique_ptr<Scheduler> make_shuffling_scheduler(std::uint64_t seed, Duration lease_duration);

}  // namespace forgepool::testing
