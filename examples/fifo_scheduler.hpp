#pragma once
// A scheduler of one's own: jobs in the order they came, shards in index order, whole batches to whoever asks. Plain maps and
// walks over them: it shows what the interface asks for (tests/conformance/scheduler runs on it) and not how to be fast.
#include <forgepool/scheduler.hpp>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>

using namespace forgepool;
class FifoScheduler final : public Scheduler {
 public:
  explicit FifoScheduler(Duration lease_duration = std::chrono::seconds(15)) : lease_duration_(lease_duration) {}

  void add_job(const SchedulerJob& job, Time) override {
    if (!find_job(job.id)) jobs_.push_back({job});
  }
  void remove_job(const JobId& id) override {
    std::erase_if(jobs_, [&](const Job& job) { return job.asks.id == id; });
    std::erase_if(leases_, [&](const auto& entry) { return entry.second.job == id; });
  }
  void want(const ShardId& shard, std::uint32_t count) override {
    if (Job* job = find_job(shard.job)) job->shards[shard.index].wanted += count;
  }
  void settle(const ShardId& shard) override {
    if (Job* job = find_job(shard.job)) job->shards[shard.index].wanted = 0;
  }
  void exclude(const ShardId& shard, const AgentId& agent) override {
    if (Job* job = find_job(shard.job)) job->shards[shard.index].excluded.insert(agent), job->begun = true;
  }
  void agent_seen(const SchedulerAgent& agent, Time) override { agents_[agent.id] = {agent, true}; }
  std::vector<Lease> agent_gone(const AgentId& agent, Time) override {
    agents_[agent].second = false;  // What it was is still needed, for shards that it had.
    return end_all([&](const Lease& lease) { return lease.agent == agent; });
  }
  std::optional<Lease> grant(const AgentId& id, const LeaseId& lease_id, std::uint32_t max_shards, Time now) override {
    const auto agent = agents_.find(id);
    if (agent == agents_.end() || leases_.contains(lease_id)) return std::nullopt;
    for (Job& job : jobs_) {
      if (!admits(job, agent->second)) continue;
      Lease lease{lease_id, job.asks.id, id, {}, now, now + lease_duration_};
      for (const auto& [index, shard] : job.shards)
        if (lease.shards.size() < max_shards && fits(job, shard, agent->second.first)) lease.shards.push_back(index);
      if (lease.shards.empty()) continue;
      begin(job, lease);
      return lease;
    }
    return std::nullopt;
  }
  void restore(const Lease& lease) override {
    if (Job* job = find_job(lease.job)) begin(*job, lease);
  }
  Status extend(const LeaseId& id, const AgentId& agent, Time now) override {
    const auto lease = held(id, agent);
    if (!lease) return fail(lease.error());
    if ((*lease)->deadline <= now) return fail(ErrorKind::not_found, "the lease has ended");
    (*lease)->deadline = std::max((*lease)->deadline, now + lease_duration_);
    return {};
  }
  Result<Lease> finish(const LeaseId& id, const AgentId& agent) override {
    const auto lease = held(id, agent);
    return lease ? end(Lease(**lease), 1) : Result<Lease>(fail(lease.error()));
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
  JobProgress progress(const JobId& id, Time) const override {
    JobProgress progress;
    for (const Job& job : jobs_)
      for (const auto& [index, shard] : job.shards)
        if (job.asks.id == id) progress.waiting += waiting(shard), progress.leased += shard.under_way.size();
    if (progress.waiting > 0) progress.reasons.push_back({"waiting", "shards wait", 0, "an agent that may have them must ask"});
    return progress;
  }

 private:
  using Agent = std::pair<SchedulerAgent, bool>;  // What it is or was, and whether it is there.
  struct Shard {
    std::uint32_t wanted = 0;
    std::map<AgentId, LeaseId> under_way;
    std::set<AgentId> excluded;
  };
  struct Job {
    SchedulerJob asks;
    std::map<std::uint32_t, Shard> shards{};
    bool begun = false;
  };
  Result<Lease*> held(const LeaseId& id, const AgentId& agent) {
    const auto lease = leases_.find(id);
    if (lease == leases_.end()) return fail(ErrorKind::not_found, "the lease has ended; ask for a new one");
    if (lease->second.agent != agent) return fail(ErrorKind::denied, "the lease is another agent's");
    return &lease->second;
  }
  Job* find_job(const JobId& id) {
    const auto job = std::ranges::find(jobs_, id, [](const Job& one) { return one.asks.id; });
    return job == jobs_.end() ? nullptr : &*job;
  }
  static std::size_t waiting(const Shard& of) { return of.wanted - std::min<std::size_t>(of.wanted, of.under_way.size()); }
  bool may_work(const Job& job, const Agent& agent) const {
    return agent.second && !agent.first.draining && unmet_constraints(agent.first, job.asks).empty();
  }
  bool admits(const Job& job, const Agent& agent) const {
    const auto there = std::ranges::count_if(agents_, [&](const auto& entry) { return may_work(job, entry.second); });
    std::set<AgentId> working{agent.first.id};
    for (const auto& [id, lease] : leases_)
      if (lease.job == job.asks.id) working.insert(lease.agent);
    return may_work(job, agent) && (job.begun || there >= job.asks.min_agents) && working.size() <= job.asks.max_agents;
  }
  bool fits(const Job& job, const Shard& shard, const SchedulerAgent& agent) {
    if (waiting(shard) == 0 || shard.excluded.contains(agent.id) || shard.under_way.contains(agent.id)) return false;
    const auto may_join = [&](const AgentId& other) { return may_share_shard(agent, agents_[other].first, job.asks); };
    return std::ranges::all_of(shard.excluded, may_join) && std::ranges::all_of(shard.under_way | std::views::keys, may_join);
  }
  void begin(Job& job, const Lease& lease) {
    job.begun = true;
    leases_.emplace(lease.id, lease);
    for (const auto index : lease.shards) job.shards[index].under_way.emplace(lease.agent, lease.id);
  }
  Lease end(const Lease& lease, std::uint32_t delivered) {
    auto& shards = find_job(lease.job)->shards;
    for (const auto index : lease.shards)
      if (std::erase_if(shards[index].under_way, [&](const auto& entry) { return entry.second == lease.id; }) > 0)
        shards[index].wanted -= std::min(shards[index].wanted, delivered);
    leases_.erase(lease.id);
    return lease;
  }
  template <class Predicate>
  std::vector<Lease> end_all(Predicate ends) {
    std::vector<Lease> ended;
    for (const auto& [id, lease] : leases_)
      if (ends(lease)) ended.push_back(lease);
    for (const auto& lease : ended) end(lease, 0);
    return ended;
  }
  const Duration lease_duration_;
  std::vector<Job> jobs_;
  std::map<AgentId, Agent> agents_;
  std::map<LeaseId, Lease> leases_;
};
