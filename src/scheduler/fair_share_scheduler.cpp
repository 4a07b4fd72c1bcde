#include <forgepool/backends/fair_share_scheduler.hpp>

#include <algorithm>
#include <functional>

#include "base/checked_arithmetic.hpp"
#include "scheduler/wait_reasons.hpp"

namespace forgepool {
namespace {

using namespace scheduling;

// Of the jobs of which nothing waits, so many are looked at for an agent that would be idle.
constexpr std::size_t most_tails = 32;

ShareOptions sound(ShareOptions share) {
  share.weight = std::clamp(share.weight, 1u, 1000u);
  return share;
}

FairShareOptions sound(FairShareOptions options) {
  if (options.heartbeat_grace <= Duration::zero()) options.heartbeat_grace = options.lease_duration * 2 / 3;
  options.quantum = std::max<Duration>(options.quantum, std::chrono::microseconds(1));
  options.ageing = std::max<Duration>(options.ageing, std::chrono::milliseconds(1));
  options.organization = sound(options.organization);
  options.project = sound(options.project);
  for (auto* shares : {&options.organizations, &options.projects})
    for (auto& [name, share] : *shares) share = sound(share);
  return options;
}

class FairShareScheduler final : public Scheduler {
 public:
  explicit FairShareScheduler(FairShareOptions options)
      : options_(sound(std::move(options))), stragglers_{options_.straggler_factor, options_.straggler_after} {}

  Status has_room(const SchedulerJob& job, std::uint64_t executions) const override {
    return shares_.has_room(job, executions);
  }

  void add_job(const SchedulerJob& job, Time now) override {
    learn(now);
    if (find_job(job.id)) return;
    std::uint32_t number = static_cast<std::uint32_t>(jobs_.size());
    if (free_jobs_.empty()) {
      jobs_.emplace_back();
    } else {
      number = free_jobs_.back();
      free_jobs_.pop_back();
    }
    has_look_.resize(jobs_.size());
    has_look_[number] = false;
    jobs_[number] = std::make_unique<JobQueue>(job, number, next_arrival_++, now, roster_, leases_);
    job_table_.insert(job.id, number);
    shares_.add(*jobs_[number]);
  }

  void remove_job(const JobId& id) override {
    JobQueue* job = find_job(id);
    if (!job) return;
    for (const auto lease : job->leases()) leases_.remove(lease);
    shares_.remove(*job);
    tails_.erase(job->arrival());
    const auto number = job->number();
    job_table_.erase(IdKey<JobId>(id).hash, number);
    expected_job_ = nullptr;
    jobs_[number] = nullptr;
    free_jobs_.push_back(number);
  }

  void want(const ShardId& shard, std::uint32_t count) override {
    if (JobQueue* job = find_job(shard.job)) {
      job->want(shard.index, count);
      update(*job);
    }
  }

  void settle(const ShardId& shard) override {
    if (JobQueue* job = find_job(shard.job)) {
      job->settle(shard.index);
      update(*job);
    }
  }

  void exclude(const ShardId& shard, const AgentId& agent) override {
    if (JobQueue* job = find_job(shard.job)) job->exclude(shard.index, roster_.obtain(agent), JobQueue::Left::a_result);
  }
  void failed(const ShardId& shard, const AgentId& agent) override {
    if (JobQueue* job = find_job(shard.job)) job->exclude(shard.index, roster_.obtain(agent), JobQueue::Left::nothing);
  }

  void avoid(const ShardId& shard, const AgentId& agent, Time until) override {
    if (JobQueue* job = find_job(shard.job)) job->avoid(shard.index, roster_.obtain(agent), until);
  }

  void agent_seen(const SchedulerAgent& agent, Time now) override {
    learn(now);
    roster_.seen(roster_.obtain(agent.id), agent, now, options_.agent_timeout);
  }

  std::vector<Lease> agent_gone(const AgentId& id, Time now) override {
    learn(now);
    std::vector<Lease> ended;
    const auto number = roster_.find(id);
    if (number == none) return ended;
    roster_.remember(number);  // Ending its last lease must not forget it under our feet.
    for (const auto lease : leases_.of(roster_.agent(number)))
      ended.push_back(end(lease, describe(lease), JobQueue::End::lost));
    roster_.release(number);
    if (roster_.find(id) != none) roster_.left(number);
    return ended;
  }

  std::optional<Lease> grant(const AgentId& id, const LeaseId& lease, std::uint32_t max_shards, Time now) override {
    learn(now);
    const LeaseKey key(lease);
    leases_.will_find(key);
    const auto number = roster_.find(id);
    if (number == none || max_shards == 0) return std::nullopt;
    const Agent& agent = roster_.agent(number);
    if (!agent.present || roster_.class_of(agent).like.draining || leases_.has_deadline_before(agent, late_before(now)))
      return std::nullopt;
    std::vector<std::uint32_t> shards;
    const auto offer = [&](JobQueue& one, std::uint64_t most) -> std::uint64_t {
      if (!one.admits(agent)) return 0;
      shards = one.select(number, std::min<std::uint64_t>(most, max_shards), now);
      if (leases_.find(key) != none) shards.clear();  // Only now: what was begun above has come nearer by then.
      return shards.size();
    };
    JobQueue* job = shares_.serve(agent, std::ref(offer));
    if (!job && leases_.find(key) == none) job = find_straggler(number, max_shards, now, shards);
    if (!job) return std::nullopt;
    std::optional<Lease> granted(std::in_place, lease, job->job().id, id, std::move(shards), now, now + life(*job));
    bind(*job, number, key, *granted);
    return granted;
  }

  void restore(const Lease& lease) override {
    JobQueue* job = find_job(lease.job);
    if (!job || leases_.find(lease.id) != none) return;
    Lease restored = lease;
    std::ranges::sort(restored.shards);
    restored.shards.erase(std::unique(restored.shards.begin(), restored.shards.end()), restored.shards.end());
    restored.deadline = std::max(restored.deadline, latest_ + life(*job));
    const auto agent = roster_.obtain(lease.agent);
    bind(*job, agent, lease.id, restored);
  }

  bool resume(const Lease& lease, Time now) override {
    learn(now);
    JobQueue* job = find_job(lease.job);
    const auto agent = roster_.find(lease.agent);
    if (!job || agent == none || lease.shards.empty() || leases_.find(lease.id) != none) return false;
    Lease resumed = lease;
    resumed.deadline = last_deadline(*job, lease.granted, lease.shards.size(), now);
    if (resumed.deadline <= now || !roster_.agent(agent).present || !job->admits(roster_.agent(agent)) ||
        !job->may_resume(agent, lease.shards))
      return false;
    bind(*job, agent, lease.id, resumed);
    return true;
  }

  Status extend(const LeaseId& id, const AgentId& agent, Time now) override {
    learn(now);
    const auto number = find_lease(id, id, agent);
    if (!number) return fail(number.error());
    if (leases_.deadline(*number) <= now) return fail(no_such_lease(id));
    const LeaseRecord& lease = leases_[*number];
    leases_.extend(*number, last_deadline(*jobs_[lease.job], lease.granted, lease.shards.size(), now));
    return {};
  }

  Result<Lease> finish(const LeaseId& id, const AgentId& agent) override {
    const LeaseKey key(id);
    const IdKey<AgentId> agent_key(agent);
    leases_.will_find(key);
    roster_.will_find(agent_key);
    roster_.will_use(agent_key);
    const auto number = find_lease(key, id, agent);
    if (!number) return fail(number.error());
    roster_.expect(leases_[*number].agent);  // Whoever reports is talked about next, and what was worked on.
    expected_job_ = jobs_[leases_[*number].job].get();
    return end(*number, describe(*number, id, agent), JobQueue::End::finished);
  }

  std::optional<Lease> find(const LeaseId& id) const override {
    const auto number = leases_.find(id);
    if (number == none) return std::nullopt;
    return describe(number);
  }

  std::vector<Lease> expire(Time now) override {
    learn(now);
    std::vector<Lease> ended;
    for (auto lease = leases_.next_expired(now); lease != none; lease = leases_.next_expired(now))
      ended.push_back(end(lease, describe(lease), JobQueue::End::expired, now + life(*jobs_[leases_[lease].job])));
    // The leases of an agent that fell silent run on to their own deadlines.
    roster_.drop_silent(now, options_.agent_timeout);
    while (const auto look = looks_.pop(now)) {
      JobQueue* job = jobs_[look->number].get();
      if (!job || !look->is_of(job->arrival())) continue;
      has_look_[look->number] = false;
      look_again(*job, now);
    }
    return ended;
  }

  std::optional<Time> next_deadline() const override {
    std::optional<Time> next = leases_.next_deadline();
    const auto earlier = [&](std::optional<Time> time) {
      if (time && (!next || *time < *next)) next = time;
    };
    earlier(roster_.next_silence());
    earlier(looks_.next());
    return next;
  }

  JobProgress progress(const JobId& id, Time now) const override {
    const auto number = number_of(id);
    if (number == none) return {};
    const JobQueue& job = *jobs_[number];
    return {job.waiting(), job.leased(), wait_reasons(job, roster_, leases_, shares_, late_before(now))};
  }

  std::vector<WaitReason> reasons(const ShardId& shard, Time now) const override {
    const auto number = number_of(shard.job);
    if (number == none) return {};
    return shard_reasons(*jobs_[number], shard.index, roster_, leases_, shares_, late_before(now));
  }

 private:
  std::uint32_t number_of(const JobId& id) const {
    return job_table_.find(
        id, [this](std::uint32_t number) -> const auto& { return jobs_[number]->id(); });
  }
  JobQueue* find_job(const JobId& id) {
    if (expected_job_ && expected_job_->id().view() == id.str()) return expected_job_;
    const auto number = number_of(id);
    return number == none ? nullptr : expected_job_ = jobs_[number].get();
  }

  /// Of a lease, from its grant or last heartbeat.
  Duration life(const JobQueue& job) const {
    const auto longest = static_cast<double>(job.job().longest_execution.count());
    return std::max(options_.lease_duration, Duration(static_cast<std::int64_t>(longest * options_.lease_share)));
  }
  /// Of a lease that gets a heartbeat now: not beyond the age in which its shards can have been executed twice over.
  Time last_deadline(const JobQueue& job, Time granted, std::size_t shards, Time now) const {
    const Time next = now + life(job);
    if (job.job().longest_execution <= Duration::zero()) return next;
    return std::min(next, granted + options_.lease_slack + saturating_multiply(job.job().longest_execution, 2 * std::uint64_t{shards}));
  }

  void learn(Time now) { latest_ = std::max(latest_, now); }
  /// Leases with a deadline before it were not extended for `heartbeat_grace`.
  Time late_before(Time now) const { return now + options_.lease_duration - options_.heartbeat_grace; }

  static Error no_such_lease(const LeaseId& id) {
    return {ErrorKind::not_found,
            "lease " + id.str() + " is not under way: it was finished, ran out, or never was; ask for a new one"};
  }

  Result<std::uint32_t> find_lease(const LeaseKey& key, const LeaseId& id, const AgentId& agent) const {
    const auto number = leases_.find(key);
    if (number == none) return fail(no_such_lease(id));
    const LeaseRecord& lease = leases_[number];
    fetch_ahead(&roster_.agent(lease.agent));
    jobs_[lease.job]->will_end(lease);
    if (roster_.agent(lease.agent).id.view() != agent.str())
      return fail(ErrorKind::denied, "lease " + id.str() + " was granted to another agent than " + agent.str());
    return number;
  }

  Lease describe(std::uint32_t number) const {
    const LeaseRecord& lease = leases_[number];
    return describe(number, lease.id.get(), roster_.agent(lease.agent).id.get());
  }
  /// By ids whose texts are there already: copies of them cost next to nothing.
  Lease describe(std::uint32_t number, const LeaseId& id, const AgentId& agent) const {
    const LeaseRecord& lease = leases_[number];
    return {id, jobs_[lease.job]->job().id, agent, lease.shards.indices(), lease.granted, leases_.deadline(number)};
  }

  void bind(JobQueue& job, std::uint32_t agent, const LeaseKey& key, const Lease& lease) {
    job.bind(leases_.add(key, job.number(), agent, lease.shards, lease.granted, lease.deadline));
    if (auto& adapters = roster_.agent(agent).adapters; job.adapter() != 0 && adapters.front() != job.adapter()) {
      const auto known = std::ranges::find(adapters, job.adapter());
      const auto last = known == adapters.end() ? known - 1 : known;
      std::rotate(adapters.begin(), last, last + 1);
      adapters.front() = job.adapter();
    }
    update(job);
  }

  Lease end(std::uint32_t number, Lease described, JobQueue::End how, Time avoid_until = {}) {
    JobQueue& job = *jobs_[leases_[number].job];
    job.end(number, how, latest_, avoid_until);
    leases_.remove(number);
    update(job);
    return described;
  }

  void update(JobQueue& job) {
    shares_.update(job);
    const auto tail = tails_.find(job.arrival());
    if (job.may_copy() == (tail != tails_.end())) return;
    if (tail != tails_.end()) {
      tails_.erase(tail);
      return;
    }
    tails_.emplace(job.arrival(), &job);
    look_again(job, latest_);
  }

  /// Notes when the job may next have a straggler.
  void look_again(JobQueue& job, Time now) {
    if (has_look_[job.number()]) return;
    const auto next = job.next_straggler(stragglers_, now);
    if (!next) return;
    has_look_[job.number()] = true;
    looks_.push({*next, job.number(), job.arrival()});
  }

  JobQueue* find_straggler(std::uint32_t number, std::uint32_t max_shards, Time now, std::vector<std::uint32_t>& shards) {
    const Agent& agent = roster_.agent(number);
    std::size_t looked = 0;
    for (const auto& [arrival, job] : tails_) {
      if (looked++ == most_tails) break;
      if (!roster_.fits(job->job_class(), agent.agent_class) || !job->admits(agent)) continue;
      shards = job->select_copies(number, std::min<std::uint64_t>(max_shards, shares_.room(*job)), stragglers_, now);
      if (!shards.empty()) return job;
    }
    return nullptr;
  }

  const FairShareOptions options_;
  const Stragglers stragglers_;

  Roster roster_;  // These two before the jobs, which let go of agents when they end.
  LeaseTable leases_{roster_};
  FairShares shares_{options_, roster_};
  IdTable<JobId> job_table_;
  std::vector<std::unique_ptr<JobQueue>> jobs_;
  std::vector<std::uint32_t> free_jobs_;
  JobQueue* expected_job_ = nullptr;          // Whose name will probably come next.
  std::map<std::uint64_t, JobQueue*> tails_;  // By arrival: nothing waits, something is under way, what is slow may be copied.
  DueQueue looks_;                            // When a tail may have a new straggler; serials are arrivals.
  std::vector<bool> has_look_;                // By the job's number.
  std::uint64_t next_arrival_ = 1;
  Time latest_{};  // That it was told.
};

}  // namespace

std::unique_ptr<Scheduler> make_fair_share_scheduler(FairShareOptions options) {
  return std::make_unique<FairShareScheduler>(std::move(options));
}

}  // namespace forgepool
