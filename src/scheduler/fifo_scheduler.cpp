#include <forgepool/backends/fifo_scheduler.hpp>

#include <algorithm>

#include "scheduler/job_queue.hpp"
#include "scheduler/wait_reasons.hpp"

namespace forgepool {
namespace {

class FifoScheduler final : public Scheduler {
 public:
  explicit FifoScheduler(FifoSchedulerOptions options) : options_(options) {}

  void add_job(const SchedulerJob& job, Time) override {
    if (jobs_.contains(job.id)) return;
    jobs_.emplace(job.id, std::make_unique<JobQueue>(job, next_job_++, agents_));
  }

  void remove_job(const JobId& id) override {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    const std::vector<LeaseRecord*> leases(found->second->leases().begin(), found->second->leases().end());
    with_work_.erase(found->second->number());
    jobs_.erase(found);
    for (LeaseRecord* lease : leases) drop(lease);
  }

  void want(const ShardId& shard, std::uint32_t count) override {
    if (JobQueue* job = find_job(shard.job)) {
      job->want(shard.index, count);
      note_work(*job);
    }
  }

  void settle(const ShardId& shard) override {
    if (JobQueue* job = find_job(shard.job)) {
      job->settle(shard.index);
      note_work(*job);
    }
  }

  void exclude(const ShardId& shard, const AgentId& agent) override {
    if (JobQueue* job = find_job(shard.job)) job->exclude(shard.index, agents_.obtain(agent));
  }

  void agent_seen(const SchedulerAgent& agent, Time now) override { agents_.seen(agents_.obtain(agent.id), agent.region, now); }

  std::vector<Lease> agent_gone(const AgentId& id, Time) override {
    KnownAgent& agent = agents_.obtain(id);
    std::vector<LeaseRecord*> records(agent.leases.begin(), agent.leases.end());
    std::ranges::sort(records, {}, &LeaseRecord::number);
    std::vector<Lease> ended;
    agents_.remember(agent);  // Ending its last lease must not destroy it under our feet.
    for (LeaseRecord* record : records) ended.push_back(end(record, JobQueue::End::lost));
    agents_.left(agent);
    agents_.release(agent);
    return ended;
  }

  std::optional<Lease> grant(const AgentId& id, const LeaseId& lease, std::uint32_t max_shards, Time now) override {
    KnownAgent* agent = agents_.find_present(id);
    if (!agent || max_shards == 0 || leases_.contains(lease)) return std::nullopt;
    for (const auto& [number, job] : with_work_) {
      if (!job->admits(*agent)) continue;
      std::vector<std::uint32_t> shards = job->select(*agent, max_shards, now);
      if (shards.empty()) continue;
      return record(*job, *agent, {lease, job->job().id, id, std::move(shards), now, now + options_.lease_duration}).lease;
    }
    return std::nullopt;
  }

  void restore(const Lease& lease) override {
    JobQueue* job = find_job(lease.job);
    if (!job || leases_.contains(lease.id)) return;
    Lease restored = lease;
    std::ranges::sort(restored.shards);
    restored.shards.erase(std::unique(restored.shards.begin(), restored.shards.end()), restored.shards.end());
    record(*job, agents_.obtain(lease.agent), std::move(restored));
  }

  Status extend(const LeaseId& id, const AgentId& agent, Time now) override {
    const auto record = find_lease(id, agent);
    if (!record) return fail(record.error());
    Lease& lease = (*record)->lease;
    if (lease.deadline <= now) return fail(no_such_lease(id));
    deadlines_.erase({lease.deadline, (*record)->number});
    lease.deadline = std::max(lease.deadline, now + options_.lease_duration);
    deadlines_.emplace(std::pair(lease.deadline, (*record)->number), *record);
    return {};
  }

  Result<Lease> finish(const LeaseId& id, const AgentId& agent) override {
    const auto record = find_lease(id, agent);
    if (!record) return fail(record.error());
    return end(*record, JobQueue::End::finished);
  }

  std::optional<Lease> find(const LeaseId& id) const override {
    const auto found = leases_.find(id);
    if (found == leases_.end()) return std::nullopt;
    return found->second.lease;
  }

  std::vector<Lease> expire(Time now) override {
    std::vector<Lease> ended;
    while (!deadlines_.empty() && deadlines_.begin()->first.first <= now)
      ended.push_back(end(deadlines_.begin()->second, JobQueue::End::expired, now + options_.lease_duration));
    // The leases of an agent that fell silent run on to their own deadlines.
    for (KnownAgent* agent = agents_.longest_silent(); agent && agent->last_seen + options_.agent_timeout <= now;
         agent = agents_.longest_silent())
      agents_.left(*agent);
    return ended;
  }

  std::optional<Time> next_deadline() const override {
    std::optional<Time> next;
    if (!deadlines_.empty()) next = deadlines_.begin()->first.first;
    if (const KnownAgent* agent = agents_.longest_silent()) {
      const Time silence = agent->last_seen + options_.agent_timeout;
      next = next ? std::min(*next, silence) : silence;
    }
    return next;
  }

  JobProgress progress(const JobId& id, Time) const override {
    const auto job = jobs_.find(id);
    if (job == jobs_.end()) return {};
    return {job->second->waiting(), job->second->leased(), wait_reasons(*job->second, agents_)};
  }

 private:
  JobQueue* find_job(const JobId& id) {
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? nullptr : found->second.get();
  }

  static Error no_such_lease(const LeaseId& id) {
    return {ErrorKind::not_found,
            "lease " + id.str() + " is not under way: it was finished, ran out, or never was; ask for a new one"};
  }

  Result<LeaseRecord*> find_lease(const LeaseId& id, const AgentId& agent) {
    const auto found = leases_.find(id);
    if (found == leases_.end()) return fail(no_such_lease(id));
    if (found->second.lease.agent != agent)
      return fail(ErrorKind::denied, "lease " + id.str() + " was granted to another agent than " + agent.str());
    return &found->second;
  }

  LeaseRecord& record(JobQueue& job, KnownAgent& agent, Lease lease) {
    const LeaseId id = lease.id;
    LeaseRecord& record = leases_.try_emplace(id, LeaseRecord{std::move(lease), next_lease_++, &job, &agent}).first->second;
    deadlines_.emplace(std::pair(record.lease.deadline, record.number), &record);
    job.bind(record);
    note_work(job);
    return record;
  }

  Lease end(LeaseRecord* record, JobQueue::End how, Time avoid_until = {}) {
    JobQueue& job = *record->job;
    job.end(*record, how, avoid_until);
    note_work(job);
    return drop(record);
  }

  Lease drop(LeaseRecord* record) {
    deadlines_.erase({record->lease.deadline, record->number});
    Lease lease = std::move(record->lease);
    leases_.erase(lease.id);
    return lease;
  }

  void note_work(JobQueue& job) {
    if (job.waiting() > 0)
      with_work_.emplace(job.number(), &job);
    else
      with_work_.erase(job.number());
  }

  const FifoSchedulerOptions options_;

  AgentRegistry agents_;  // These two before the jobs, which let go of them when they end.
  std::unordered_map<LeaseId, LeaseRecord> leases_;
  std::unordered_map<JobId, std::unique_ptr<JobQueue>> jobs_;
  std::map<std::uint64_t, JobQueue*> with_work_;  // In the order the jobs came; only those of which something waits.
  std::map<std::pair<Time, std::uint64_t>, LeaseRecord*> deadlines_;
  std::uint64_t next_job_ = 0;
  std::uint64_t next_lease_ = 0;
};

}  // namespace

std::unique_ptr<Scheduler> make_fifo_scheduler(FifoSchedulerOptions options) {
  return std::make_unique<FifoScheduler>(options);
}

}  // namespace forgepool
