#pragma once
/// Why a job's shards wait, for people and programs.
#include "scheduler/job_queue.hpp"

namespace forgepool {

/// Codes: no_agents, region, too_few_agents, agents_used, max_agents, all_agents_busy, waiting_for_agents_to_ask. Empty if
/// nothing waits.
std::vector<WaitReason> wait_reasons(const JobQueue& job, const AgentRegistry& agents);

}  // namespace forgepool
