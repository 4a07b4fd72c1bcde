#include "shuffling_scheduler.hpp"

#include <forgepool/testing/random.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace forgepool::testing {
namespace {

class ShufflingScheduler final : public Scheduler {
 public:
  ShufflingScheduler(std::uint64_t seed, Duration lease_duration) : random_(seed), lease_duration_(lease_duration) {}

  void add_job(const SchedulerJob& job, Time) override { jobs_.try_emplace(job.id, job); }
  void remove_job(const JobId& id) override {
    jobs_.erase(id);
    begun_.erase(id);
    std::erase_if(shards_, [&](const auto& entry) { return entry.first.job == id; });
    std::erase_if(leases_, [&](const auto& entry) { return entry.second.job == id; });
  }
  void want(const ShardId& shard, std::uint32_t count) override {
    if (jobs_.contains(shard.job)) shards_[shard].wanted += count;
  }
  void settle(const ShardId& shard) override {
    if (!jobs_.contains(shard.job)) return;
    shards_[shard].wanted = 0;
  }
  void exclude(const ShardId& shard, const AgentId& agent) override {
    if (!jobs_.contains(shard.job)) return;
    shards_[shard].excluded.insert(agent);
    begun_.insert(shard.job);
  }
  void agent_seen(const SchedulerAgent& agent, Time) override {
    known_[agent.id] = agent;
    agents_.insert(agent.id);
  }
  std::vector<Lease> agent_gone(const AgentId& agent, Time) override {
    agents_.erase(agent);
    return end_all([&](const Lease& lease) { return lease.agent == agent; });
  }

  std::optional<Lease> grant(const AgentId& agent, const LeaseId& id, std::uint32_t max_shards, Time now) override {
    if (!agents_.contains(agent) || leases_.contains(id)) return std::nullopt;
    std::map<std::uint64_t, JobId> order;
    for (const auto& [job, limits] : jobs_) order.emplace(random_.next(), job);
    for (const auto& [key, job] : order) {
      if (!admits(jobs_.at(job), agent)) continue;
      Lease lease{id, job, agent, {}, now, now + lease_duration_};
      std::map<std::uint64_t, std::uint32_t> fitting;
      for (const auto& [shard, state] : shards_)
        if (shard.job == job && state.waiting() > 0 && fits(state, agent, jobs_.at(job)))
          fitting.emplace(random_.next(), shard.index);
      for (const auto& [place, index] : fitting)
        if (lease.shards.size() < max_shards) lease.shards.push_back(index);
      std::ranges::sort(lease.shards);
      if (lease.shards.empty()) continue;
      begin(lease);
      return lease;
    }
    return std::nullopt;
  }

  void restore(const Lease& lease) override {
    if (jobs_.contains(lease.job)) begin(lease);
  }
  Status extend(const LeaseId& id, const AgentId& agent, Time now) override {
    const auto lease = leases_.find(id);
    if (lease == leases_.end() || (lease->second.agent == agent && lease->second.deadline <= now))
      return fail(ErrorKind::not_found, "ended");
    if (lease->second.agent != agent) return fail(ErrorKind::denied, "another agent's");
    lease->second.deadline = std::max(lease->second.deadline, now + lease_duration_);
    return {};
  }
  Result<Lease> finish(const LeaseId& id, const AgentId& agent) override {
    const auto lease = leases_.find(id);
    if (lease == leases_.end()) return fail(ErrorKind::not_found, "ended");
    if (lease->second.agent != agent) return fail(ErrorKind::denied, "another agent's");
    const Lease finished = lease->second;
    end(finished, false);
    return finished;
  }
  std::optional<Lease> find(const LeaseId& id) const override {
    const auto lease = leases_.find(id);
    return lease == leases_.end() ? std::nullopt : std::optional(lease->second);
  }
  std::vector<Lease> expire(Time now) override {
    return end_all([&](const Lease& lease) { return lease.deadline <= now; });
  }
  std::optional<Time> next_deadline() const override {
    std::optional<Time> next;
    for (const auto& [id, lease] : leases_) next = next ? std::min(*next, lease.deadline) : lease.deadline;
    return next;
  }
  JobProgress progress(const JobId& job, Time) const override {
    JobProgress progress;
    for (const auto& [shard, state] : shards_) {
      if (shard.job != job) continue;
      progress.waiting += state.waiting();
      progress.leased += state.with.size();
    }
    if (progress.waiting > 0) progress.reasons.push_back({"waiting", "somebody must ask"});
    return progress;
  }

 private:
  struct Shard {
    std::uint64_t wanted = 0;
    std::set<AgentId> excluded, with;

    std::uint64_t waiting() const { return wanted - std::min<std::uint64_t>(wanted, with.size()); }
  };

  bool allowed(const SchedulerJob& job, const AgentId& id) const {
    return !known_.at(id).draining && unmet_constraints(known_.at(id), job).empty();
  }
  bool fits(const Shard& shard, const AgentId& agent, const SchedulerJob& job) {
    for (const auto* others : {&shard.excluded, &shard.with})
      for (const AgentId& other : *others)
        if (other == agent || !may_share_shard(known_.at(agent), known_[other], job)) return false;
    return true;
  }
  bool admits(const SchedulerJob& job, const AgentId& agent) {
    if (!allowed(job, agent)) return false;
    const auto there = std::ranges::count_if(agents_, [&](const AgentId& id) { return allowed(job, id); });
    std::set<AgentId> working{agent};
    for (const auto& [id, lease] : leases_)
      if (lease.job == job.id) working.insert(lease.agent);
    return (begun_.contains(job.id) || there >= job.min_agents) && working.size() <= job.max_agents;
  }
  void begin(const Lease& lease) {
    begun_.insert(lease.job);
    leases_.emplace(lease.id, lease);
    for (const auto index : lease.shards) {
      Shard& shard = shards_[{lease.job, index}];
      shard.with.insert(lease.agent);
    }
  }
  void end(const Lease& lease, bool back) {
    for (const auto index : lease.shards) {
      Shard& shard = shards_[{lease.job, index}];
      if (shard.with.erase(lease.agent) > 0 && !back && shard.wanted > 0) --shard.wanted;
    }
    leases_.erase(LeaseId(lease.id));
  }
  template <class Predicate>
  std::vector<Lease> end_all(Predicate ends) {
    std::vector<Lease> ended;
    for (const auto& [id, lease] : leases_)
      if (ends(lease)) ended.push_back(lease);
    for (const auto& lease : ended) end(lease, true);
    return ended;
  }

  Random random_;
  const Duration lease_duration_;
  std::map<JobId, SchedulerJob> jobs_;
  std::map<ShardId, Shard> shards_;
  std::map<AgentId, SchedulerAgent> known_;  // Also of those that left.
  std::set<AgentId> agents_;
  std::map<LeaseId, Lease> leases_;
  std::set<JobId> begun_;
};

}  // namespace

std::unique_ptr<Scheduler> make_shuffling_scheduler(std::uint64_t seed, Duration lease_duration) {
  return std::make_unique<ShufflingScheduler>(seed, lease_duration);
}

}  // namespace forgepool::testing
