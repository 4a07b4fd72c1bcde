#pragma once
/// Why a job's shards wait, for people and programs.
#include "scheduler/fair_shares.hpp"

namespace forgepool::scheduling {

/// What keeps the job from agents, the main thing first. Empty if nothing of it waits. Agents with a lease whose deadline is
/// before `late_before` count as late.
std::vector<WaitReason> wait_reasons(const JobQueue& job, const Roster& roster, const LeaseTable& leases,
                                     const FairShares& shares, Time late_before);

/// The same for one shard; empty if no execution of it waits.
std::vector<WaitReason> shard_reasons(const JobQueue& job, std::uint32_t index, const Roster& roster, const LeaseTable& leases,
                                      const FairShares& shares, Time late_before);

}  // namespace forgepool::scheduling
