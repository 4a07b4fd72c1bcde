#pragma once
/// Leases are exclusive: a shard is leased only while an execution of it is wanted, to agents that may have it.
#include "testing/pool_truth.hpp"
#include "testing/pool_watcher.hpp"

#include <unordered_map>

namespace forgepool::testing {

class LeaseChecker final : public PoolWatcher {
 public:
  LeaseChecker(const PoolTruth& truth, Violations& violations) : truth_(truth), violations_(violations) {}

  void hub_died() override;
  void job_added(const SchedulerJob& job) override;
  void job_removed(const JobId& job) override;
  void wanted(const ShardId& shard, std::uint32_t count) override;
  void settled(const ShardId& shard) override;
  void excluded(const ShardId& shard, const AgentId& agent) override;
  void agent_seen(const SchedulerAgent& agent) override { seen_.insert_or_assign(agent.id, agent); }
  void granted(const Lease& lease) override;
  void restored(const Lease& lease) override;
  void lease_ended(const Lease& lease, bool finished) override;
  void caught(const Quarantine& quarantine) override { in_quarantine_.insert(quarantine.agent); }
  void benched(const AgentId& agent) override { in_quarantine_.insert(agent); }
  void pardoned(const AgentId& agent) override { in_quarantine_.erase(agent); }

 private:
  struct Shard {
    std::uint64_t wanted = 0;  // Executions, and not delivered.
    std::vector<AgentId> under_way, excluded;
  };
  struct Job {
    SchedulerJob job;
    std::unordered_map<std::uint32_t, Shard> shards;
    std::map<AgentId, std::uint32_t> working;  // Leases by agent.
  };

  void expect(bool holds, const Lease& lease, const std::string& what);
  void check_allowed(const Job& job, const Lease& lease);
  void bind(Job& job, const Lease& lease);

  const PoolTruth& truth_;
  Violations& violations_;
  std::map<JobId, Job> jobs_;
  std::map<AgentId, SchedulerAgent> seen_;  // As the hub told the scheduler.
  std::map<LeaseId, Lease> leases_;
  std::set<LeaseId> ever_granted_;
  std::set<AgentId> in_quarantine_;
};

}  // namespace forgepool::testing
