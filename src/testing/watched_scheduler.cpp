#include "testing/watched_parts.hpp"

namespace forgepool::testing {
namespace {

class WatchedScheduler final : public Scheduler {
 public:
  WatchedScheduler(std::unique_ptr<Scheduler> inner, PoolWatcher& watcher) : inner_(std::move(inner)), watcher_(watcher) {}

  Status has_room(const SchedulerJob& job, std::uint64_t executions) const override {
    return inner_->has_room(job, executions);
  }
  void add_job(const SchedulerJob& job, Time now) override {
    watcher_.job_added(job);
    inner_->add_job(job, now);
  }
  void remove_job(const JobId& job) override {
    watcher_.job_removed(job);
    inner_->remove_job(job);
  }
  void want(const ShardId& shard, std::uint32_t count) override {
    watcher_.wanted(shard, count);
    inner_->want(shard, count);
  }
  void settle(const ShardId& shard) override {
    watcher_.settled(shard);
    inner_->settle(shard);
  }
  void exclude(const ShardId& shard, const AgentId& agent) override {
    watcher_.excluded(shard, agent);
    inner_->exclude(shard, agent);
  }
  void failed(const ShardId& shard, const AgentId& agent) override {
    watcher_.excluded(shard, agent);
    inner_->failed(shard, agent);
  }
  void avoid(const ShardId& shard, const AgentId& agent, Time until) override { inner_->avoid(shard, agent, until); }
  bool resume(const Lease& lease, Time now) override {
    if (!inner_->resume(lease, now)) return false;
    if (const auto resumed = inner_->find(lease.id)) watcher_.restored(*resumed);
    return true;
  }
  std::vector<WaitReason> reasons(const ShardId& shard, Time now) const override { return inner_->reasons(shard, now); }
  void agent_seen(const SchedulerAgent& agent, Time now) override {
    watcher_.agent_seen(agent);
    inner_->agent_seen(agent, now);
  }
  std::vector<Lease> agent_gone(const AgentId& agent, Time now) override { return lost(inner_->agent_gone(agent, now)); }
  std::optional<Lease> grant(const AgentId& agent, const LeaseId& id, std::uint32_t max_shards, Time now) override {
    auto lease = inner_->grant(agent, id, max_shards, now);
    if (lease) watcher_.granted(*lease);
    return lease;
  }
  void restore(const Lease& lease) override {
    inner_->restore(lease);
    if (const auto restored = inner_->find(lease.id)) watcher_.restored(*restored);
  }
  Status extend(const LeaseId& lease, const AgentId& agent, Time now) override { return inner_->extend(lease, agent, now); }
  Result<Lease> finish(const LeaseId& id, const AgentId& agent) override {
    auto lease = inner_->finish(id, agent);
    if (lease) watcher_.lease_ended(*lease, true);
    return lease;
  }
  std::optional<Lease> find(const LeaseId& lease) const override { return inner_->find(lease); }
  std::vector<Lease> expire(Time now) override { return lost(inner_->expire(now)); }
  std::optional<Time> next_deadline() const override { return inner_->next_deadline(); }
  JobProgress progress(const JobId& job, Time now) const override { return inner_->progress(job, now); }

 private:
  std::vector<Lease> lost(std::vector<Lease> leases) {
    for (const auto& lease : leases) watcher_.lease_ended(lease, false);
    return leases;
  }

  const std::unique_ptr<Scheduler> inner_;
  PoolWatcher& watcher_;
};

}  // namespace

std::unique_ptr<Scheduler> watch(std::unique_ptr<Scheduler> scheduler, PoolWatcher& watcher) {
  return std::make_unique<WatchedScheduler>(std::move(scheduler), watcher);
}

}  // namespace forgepool::testing
