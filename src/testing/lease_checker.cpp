#include "testing/lease_checker.hpp"

#include <algorithm>

namespace forgepool::testing {
namespace {

bool contains(const std::vector<AgentId>& agents, const AgentId& agent) {
  return std::ranges::find(agents, agent) != agents.end();
}

bool may_copy(const SchedulerJob& job) {
  return job.speculative || job.longest_execution > Duration::zero();
}

}  // namespace

void LeaseChecker::expect(bool holds, const Lease& lease, const std::string& what) {
  violations_.expect(holds, "leases",
                     "lease " + lease.id.str() + " of job " + lease.job.str() + " to " + lease.agent.str() + ": " + what);
}

void LeaseChecker::hub_died() {
  jobs_.clear();
  leases_.clear();
  in_quarantine_.clear();
}

void LeaseChecker::job_added(const SchedulerJob& job) {
  jobs_.try_emplace(job.id, Job{job, {}, {}});
}

void LeaseChecker::job_removed(const JobId& job) {
  jobs_.erase(job);
  std::erase_if(leases_, [&](const auto& entry) { return entry.second.job == job; });
}

void LeaseChecker::wanted(const ShardId& shard, std::uint32_t count) {
  if (const auto job = jobs_.find(shard.job); job != jobs_.end()) job->second.shards[shard.index].wanted += count;
}

void LeaseChecker::settled(const ShardId& shard) {
  if (const auto job = jobs_.find(shard.job); job != jobs_.end()) job->second.shards[shard.index].wanted = 0;
}

void LeaseChecker::excluded(const ShardId& shard, const AgentId& agent) {
  if (const auto job = jobs_.find(shard.job); job != jobs_.end()) job->second.shards[shard.index].excluded.push_back(agent);
}

void LeaseChecker::bind(Job& job, const Lease& lease) {
  for (const auto index : lease.shards) {
    auto& shard = job.shards[index];
    expect(!contains(shard.under_way, lease.agent), lease,
           "the agent has shard " + std::to_string(index) + " under another lease");
    shard.under_way.push_back(lease.agent);
  }
  ++job.working[lease.agent];
  expect(leases_.emplace(lease.id, lease).second, lease, "there is another of that id");
}

void LeaseChecker::check_allowed(const Job& job, const Lease& lease) {
  const auto seen = seen_.find(lease.agent);
  if (seen == seen_.end()) return expect(false, lease, "the agent was never there");
  for (const auto constraint : unmet_constraints(seen->second, job.job))
    expect(false, lease, "the agent does not meet the job's constraint " + std::string(to_string(constraint)));
  expect(!seen->second.draining, lease, "the agent drains");
  // And is what the hub told the scheduler what was attested? Regions are the grant checker's.
  const auto agent = truth_.agents.find(lease.agent);
  if (agent == truth_.agents.end()) return expect(false, lease, "nobody enrolled this agent");
  const auto truth = truth_.jobs.find(lease.job);
  if (truth == truth_.jobs.end()) return;  // A canary: no job that anybody submitted.
  const auto& policy = truth->second.policy;
  expect(policy.target == "any" || policy.target == agent->second->tier, lease, "the agent is not of the contract's tier");
}

void LeaseChecker::granted(const Lease& lease) {
  const auto found = jobs_.find(lease.job);
  if (found == jobs_.end()) return expect(false, lease, "the job is over");
  Job& job = found->second;
  expect(ever_granted_.insert(lease.id).second, lease, "there was one of that id");
  expect(!in_quarantine_.contains(lease.agent), lease, "the agent is in quarantine");
  expect(!lease.shards.empty(), lease, "it has no shards");
  expect(std::ranges::is_sorted(lease.shards) && std::ranges::adjacent_find(lease.shards) == lease.shards.end(), lease,
         "its shards are not in order, each once");
  check_allowed(job, lease);
  for (const auto index : lease.shards) {
    const auto& shard = job.shards[index];
    // A straggler's shard may go to one agent more than wanted.
    const bool wanted = shard.under_way.size() < shard.wanted + (shard.wanted > 0 && may_copy(job.job) ? 1 : 0);
    expect(wanted, lease, "no further execution of shard " + std::to_string(index) + " is wanted");
    expect(!contains(shard.excluded, lease.agent), lease, "the agent may not have shard " + std::to_string(index) + " again");
  }
  bind(job, lease);
  expect(job.working.size() <= job.job.max_agents, lease, "more agents than the contract allows work on the job");
}

void LeaseChecker::restored(const Lease& lease) {
  const auto job = jobs_.find(lease.job);
  if (job == jobs_.end()) return expect(false, lease, "it came back for a job that is over");
  ever_granted_.insert(lease.id);
  bind(job->second, lease);
}

void LeaseChecker::lease_ended(const Lease& lease, bool finished) {
  expect(leases_.erase(lease.id) == 1, lease, "it ended, and was not under way");
  const auto found = jobs_.find(lease.job);
  if (found == jobs_.end()) return;
  Job& job = found->second;
  for (const auto index : lease.shards) {
    auto& shard = job.shards[index];
    std::erase(shard.under_way, lease.agent);
    if (finished && shard.wanted > 0) --shard.wanted;
  }
  if (--job.working[lease.agent] == 0) job.working.erase(lease.agent);
}

}  // namespace forgepool::testing
