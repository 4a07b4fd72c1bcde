#include "hub/job.hpp"

namespace forgepool::hub {

JobStatus Job::status(Time now) const {
  JobStatus status;
  status.id = id;
  status.contract = contract.digest;
  status.state = state;
  status.version = version;
  status.shards = shard_count;
  status.accepted = accepted_count;
  status.executions = answers;
  status.agents = running ? static_cast<std::uint32_t>(running->agents.size()) : agent_count;
  status.error_bound = error_bound;
  status.expected_wrong = expected_wrong;
  status.adversary = contract.policy.adversary;
  status.caught = caught;
  status.overturned.assign(overturned.begin(), overturned.end());
  status.failure = failure;
  status.result = result;
  const Time until = state == JobState::running ? now : ended_at;
  status.elapsed_ms =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, (until - accepted_at) / std::chrono::milliseconds(1)));
  return status;
}

}  // namespace forgepool::hub
