#pragma once
/// The hub's state machine lives in wall-clock time, for what it decides is dated, signed and kept. What it waits for must not
/// depend on somebody who sets that clock: this says how far it was set, and keeps the scheduler in a time that nobody sets.
#include <forgepool/scheduler.hpp>

namespace forgepool::hub {

class WallClock {
 public:
  /// Compares the loop's two clocks. By how much the wall clock was set since the last look; zero unless it was.
  Duration look(Time wall, Time steady);
  /// By how much it was set since the hub began.
  Duration set_by() const { return set_by_; }

 private:
  Duration set_by_{};
};

/// An agent whose clock is further from the hub's than this gets no work: receipts are dated by it, and held against its
/// certificate, which is valid from so long before it was issued.
constexpr Duration most_clock_difference = std::chrono::minutes(5);
/// "10.0 hours ahead of the hub's"
std::string describe_clock(Duration ahead);

/// A scheduler that is told steady time, and whose leases are told in wall-clock time.
class SteadyScheduler final : public Scheduler {
 public:
  SteadyScheduler(Scheduler& scheduler, const WallClock& clock) : scheduler_(scheduler), clock_(clock) {}

  Status has_room(const SchedulerJob& job, std::uint64_t executions) const override {
    return scheduler_.has_room(job, executions);
  }
  void add_job(const SchedulerJob& job, Time now) override;
  void remove_job(const JobId& job) override { scheduler_.remove_job(job); }
  void want(const ShardId& shard, std::uint32_t count) override { scheduler_.want(shard, count); }
  void settle(const ShardId& shard) override { scheduler_.settle(shard); }
  void exclude(const ShardId& shard, const AgentId& agent) override { scheduler_.exclude(shard, agent); }
  void failed(const ShardId& shard, const AgentId& agent) override { scheduler_.failed(shard, agent); }
  void avoid(const ShardId& shard, const AgentId& agent, Time until) override { scheduler_.avoid(shard, agent, steady(until)); }
  bool resume(const Lease& lease, Time now) override;
  void agent_seen(const SchedulerAgent& agent, Time now) override { scheduler_.agent_seen(agent, steady(now)); }
  std::vector<Lease> agent_gone(const AgentId& agent, Time now) override {
    return dated(scheduler_.agent_gone(agent, steady(now)));
  }
  std::optional<Lease> grant(const AgentId& agent, const LeaseId& id, std::uint32_t max_shards, Time now) override {
    return dated(scheduler_.grant(agent, id, max_shards, steady(now)));
  }
  void restore(const Lease& lease) override;
  Status extend(const LeaseId& lease, const AgentId& agent, Time now) override {
    return scheduler_.extend(lease, agent, steady(now));
  }
  Result<Lease> finish(const LeaseId& lease, const AgentId& agent) override;
  std::optional<Lease> find(const LeaseId& lease) const override { return dated(scheduler_.find(lease)); }
  std::vector<Lease> expire(Time now) override { return dated(scheduler_.expire(steady(now))); }
  std::optional<Time> next_deadline() const override;
  JobProgress progress(const JobId& job, Time now) const override { return scheduler_.progress(job, steady(now)); }
  std::vector<WaitReason> reasons(const ShardId& shard, Time now) const override {
    return scheduler_.reasons(shard, steady(now));
  }

 private:
  Time steady(Time wall) const { return wall - clock_.set_by(); }
  std::optional<Lease> dated(std::optional<Lease> lease) const;
  std::vector<Lease> dated(std::vector<Lease> leases) const;
  void date(Lease& lease) const;
  Lease placed(const Lease& lease) const;

  Scheduler& scheduler_;
  const WallClock& clock_;
};

}  // namespace forgepool::hub
