#pragma once
/// A scheduler whose every call and answer is checked against a plain model of the contract in forgepool/scheduler.hpp. It
/// knows no cleverness: maps and walks over everything. Each call is made on two instances, which must answer alike.
#include <forgepool/scheduler.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>

namespace forgepool::testing {

using SchedulerFactory = std::function<std::unique_ptr<Scheduler>()>;

class CheckedScheduler {
 public:
  explicit CheckedScheduler(const SchedulerFactory& make) : real_(make()), twin_(make()) {}

  void add_job(const SchedulerJob& job, Time now);
  void remove_job(const JobId& job);
  void want(const ShardId& shard, std::uint32_t count);
  void settle(const ShardId& shard);
  void exclude(const ShardId& shard, const AgentId& agent);
  void agent_seen(const SchedulerAgent& agent, Time now);
  void agent_gone(const AgentId& agent, Time now);
  std::optional<Lease> grant(const AgentId& agent, const LeaseId& id, std::uint32_t max_shards, Time now);
  void restore(const Lease& lease);
  void extend(const LeaseId& lease, const AgentId& agent, Time now);
  void finish(const LeaseId& lease, const AgentId& agent);
  void expire(Time now);
  /// Leases, deadlines and progress of everything agree with the model.
  void check_all(Time now) const;

  const std::map<LeaseId, Lease>& leases() const { return leases_; }
  bool is_present(const AgentId& agent) const { return present_.contains(agent); }
  bool has_job(const JobId& job) const { return jobs_.contains(job); }
  /// What the agent could take now, as far as the contract goes.
  std::uint64_t possible(const AgentId& agent) const;
  /// The same scheduler after a restart of its owner: fresh instances, told what is known.
  void restart(const SchedulerFactory& make, Time now);

 private:
  struct Shard {
    std::uint64_t wanted = 0;
    std::set<AgentId> excluded;
    std::map<AgentId, LeaseId> under_way;

    std::uint64_t waiting() const { return wanted - std::min<std::uint64_t>(wanted, under_way.size()); }
  };
  struct Job {
    SchedulerJob limits;
    std::map<std::uint32_t, Shard> shards;
    bool begun = false;
  };

  bool allowed(const Job& job, const AgentId& agent) const;
  std::set<AgentId> working(const JobId& job) const;
  bool admits(const Job& job, const AgentId& agent) const;
  bool fits(const Job& job, const Shard& shard, const AgentId& agent) const;
  /// May be leased once more than wanted.
  bool may_copy(const Job& job, const Shard& shard) const;
  void begin(const Lease& lease);
  void end(const LeaseId& lease, bool back);
  void check_ended(std::vector<Lease> ended, const std::set<LeaseId>& expected);

  std::unique_ptr<Scheduler> real_, twin_;
  std::map<JobId, Job> jobs_;
  std::map<AgentId, SchedulerAgent> known_;  // As last seen.
  std::set<AgentId> present_;
  std::map<LeaseId, Lease> leases_;
};

}  // namespace forgepool::testing
