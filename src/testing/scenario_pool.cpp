#include "testing/scenario_pool.hpp"

#include "testing/statistics.hpp"

#include <algorithm>

namespace forgepool::testing {
namespace {

constexpr std::uint64_t points = 200;
// Lazy agents do not compute; what they return costs them this part of the time.
constexpr double lazy_time = 0.05;
// Of the shards accepted, the last so many may be given out again.
constexpr std::size_t most_known = 4096;
// How sure a result has to be for that: as in a hub.
constexpr double canary_certainty = 1e-6;

/// A digest that stands for an answer: no need to hash what nobody checks.
Digest answer_digest(std::uint32_t job, std::uint32_t shard, std::uint64_t answer) {
  Digest digest;
  for (int i = 0; i < 8; ++i) digest.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(answer >> 8 * i);
  for (int i = 0; i < 4; ++i) {
    digest.bytes[static_cast<std::size_t>(8 + i)] = static_cast<std::uint8_t>(shard >> 8 * i);
    digest.bytes[static_cast<std::size_t>(12 + i)] = static_cast<std::uint8_t>(job >> 8 * i);
  }
  return digest;
}

bool is_right(const Digest& digest) {
  return std::all_of(digest.bytes.begin(), digest.bytes.begin() + 8, [](std::uint8_t byte) { return byte == 0; });
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

ScenarioPool::ScenarioPool(const Scenario& scenario, std::unique_ptr<Scheduler> scheduler, Verifier& verifier)
    : scenario_(scenario),
      scheduler_(std::move(scheduler)),
      verifier_(verifier),
      random_(scenario.seed),
      now_(std::chrono::sys_days(std::chrono::January / 1 / 2026)),
      project_shards_(scenario.projects),
      project_seconds_(scenario.projects),
      total_(std::uint64_t{scenario.jobs} * scenario.shards_per_job),
      next_sample_(std::max<std::uint64_t>(1, total_ / points)),
      steady_from_(static_cast<std::uint64_t>(scenario.steady_after * static_cast<double>(total_))) {
  for (const auto& group : scenario.agents)
    for (std::uint32_t i = 0; i < group.count; ++i)
      join(group, group.behaviour == AgentBehaviour::sybil ? group.names_per_operator - 1 : 0);
  begin_jobs();
}

void ScenarioPool::join(const AgentGroup& group, std::uint32_t names_left) {
  const auto number = static_cast<std::uint32_t>(agents_.size());
  agents_.push_back({AgentId("a" + std::to_string(number)), AgentMind(group, scenario_.seed, random_.next())});
  agents_.back().names_left = names_left;
  numbers_.emplace(agents_.back().id, number);
  verifier_.meet({agents_.back().id, ""});
  agents_.back().idle = true;
  idle_.push_back(number);
  SchedulerAgent agent;
  agent.id = agents_.back().id;
  agent.region = group.region;
  scheduler_->agent_seen(agent, now_);
  new_work_ = true;
}

void ScenarioPool::begin_jobs() {
  while (next_job_ < scenario_.jobs && running_ < scenario_.jobs_at_once) {
    const std::uint32_t number = next_job_++;
    SchedulerJob job;
    job.id = JobId("j" + std::to_string(number));
    job.min_agents = scenario_.policy.min_agents;
    job.max_agents = scenario_.policy.max_agents;
    job.regions = scenario_.policy.regions;
    job.project = "p" + std::to_string(number % scenario_.projects);
    job.priority = scenario_.policy.priority;
    job.speculative = scenario_.policy.speculative;
    ++running_;
    jobs_.emplace(job.id, RunningJob{number, number % scenario_.projects, 0, now_});
    scheduler_->add_job(job, now_);
    VerifierJob verified;
    verified.id = job.id;
    verified.shards = scenario_.shards_per_job;
    verified.policy = scenario_.policy;
    Random secret(scenario_.seed ^ (std::uint64_t{number} << 32));
    for (auto& byte : verified.secret) byte = static_cast<std::uint8_t>(secret.next());
    carry_out(verifier_.begin(verified));
  }
}

void ScenarioPool::finish(const JobId& id) {
  const auto job = jobs_.find(id);
  project_shards_[job->second.project] += scenario_.shards_per_job;
  project_seconds_[job->second.project] += seconds(now_ - job->second.began);
  if (!rings_.empty())
    for (std::uint32_t shard = 0; shard < scenario_.shards_per_job; ++shard) rings_.erase(key_of(job->second.number, shard));
  jobs_.erase(job);
  --running_;
  scheduler_->remove_job(id);
  verifier_.end(id);
  begin_jobs();
}

void ScenarioPool::ask(std::uint32_t number) {
  SimulatedAgent& agent = agents_[number];
  if (agent.caught) return;
  SchedulerAgent seen;
  seen.id = agent.id;
  seen.region = agent.mind.group().region;
  scheduler_->agent_seen(seen, now_);
  agent.lease = scheduler_->grant(agent.id, LeaseId("l" + std::to_string(next_lease_++)), scenario_.shards_per_lease, now_);
  if (!agent.lease) {
    if (!std::exchange(agent.idle, true)) idle_.push_back(number);
    return;
  }
  const AgentGroup& group = agent.mind.group();
  if (group.accomplices > 1) {
    const RunningJob& job = jobs_.at(agent.lease->job);
    for (const auto index : agent.lease->shards) ++rings_[key_of(job.number, job.canary ? job.canary_shard : index)].given;
  }
  double time = scenario_.execution_seconds * (0.5 + static_cast<double>(random_.below(1000)) / 1000) *
                static_cast<double>(agent.lease->shards.size());
  if (group.behaviour == AgentBehaviour::slow) time *= group.slowdown;
  if (group.behaviour == AgentBehaviour::lazy) time *= lazy_time;
  events_.push({now_ + Duration(static_cast<Duration::rep>(time * 1e9)), next_event_++, number});
}

void ScenarioPool::wake_idle() {
  while (std::exchange(new_work_, false) && !idle_.empty()) {
    const auto idle = std::exchange(idle_, {});
    for (const auto number : idle) {
      agents_[number].idle = false;
      ask(number);
    }
  }
}

void ScenarioPool::report(std::uint32_t number) {
  SimulatedAgent& agent = agents_[number];
  const auto lease = std::exchange(agent.lease, std::nullopt);
  run_.executions += lease->shards.size();
  agent.executed += lease->shards.size();
  const auto job = jobs_.find(lease->job);
  // The lease may be gone with its job or its agent: then the work was for nothing.
  if (job == jobs_.end() || !scheduler_->finish(lease->id, agent.id)) return;
  const std::uint32_t of = job->second.number;
  const bool canary = job->second.canary;
  const std::uint32_t canary_shard = job->second.canary_shard;
  for (const auto index : lease->shards) {
    const std::uint32_t known_as = canary ? canary_shard : index;
    const std::uint64_t returned = answer(agent, of, known_as);
    if (returned != 0 && agent.lies++ == 0) agent.first_lie = now_;
    const ShardId shard{lease->job, index};
    scheduler_->exclude(shard, agent.id);
    carry_out(verifier_.answer({shard, agent.id, lease->id, answer_digest(of, known_as, returned)}));
  }
  if (!canary) return;
  jobs_.erase(lease->job);
  scheduler_->remove_job(lease->job);
  verifier_.end(lease->job);
}

void ScenarioPool::give_out_canary() {
  if (known_.empty()) return;
  const Known& known = known_[random_.below(known_.size())];
  const JobId id("c" + std::to_string(next_canary_++));
  jobs_.emplace(id, RunningJob{known.job, 0, 0, now_, known.shard, true});
  SchedulerJob job;
  job.id = id;
  job.regions = scenario_.policy.regions;
  job.priority = scenario_.policy.priority;
  job.speculative = false;
  scheduler_->add_job(job, now_);
  for (const AgentId& agent : known.agents) scheduler_->exclude({id, 0}, agent);
  VerifierJob verified;
  verified.id = id;
  verified.shards = 1;
  verified.policy = scenario_.policy;
  verified.known = {known.result};
  carry_out(verifier_.begin(verified));
}

std::uint64_t ScenarioPool::answer(SimulatedAgent& agent, std::uint32_t job, std::uint32_t shard) {
  const std::uint64_t lie = agent.mind.answer(Random(scenario_.seed + key_of(job, shard)).next());
  const std::uint32_t accomplices = agent.mind.group().accomplices;
  if (accomplices <= 1) return lie;
  Ring& ring = rings_[key_of(job, shard)];
  if (!ring.lies) ring.lies = ring.given >= accomplices;
  return *ring.lies ? lie : 0;
}

void ScenarioPool::carry_out(const std::vector<VerifierAction>& actions) {
  for (const auto& action : actions) {
    if (const auto* execute = std::get_if<Execute>(&action)) {
      scheduler_->want(execute->shard, execute->count);
      new_work_ = true;
    } else if (const auto* verdict = std::get_if<ShardVerdict>(&action)) {
      decided(*verdict);
    } else if (const auto* quarantine = std::get_if<Quarantine>(&action)) {
      caught(*quarantine);
    } else if (std::holds_alternative<Canary>(action)) {
      give_out_canary();
    }
  }
}

void ScenarioPool::decided(const ShardVerdict& verdict) {
  scheduler_->settle(verdict.shard);
  ++decided_;
  if (verdict.decision == Decision::accepted) {
    ++run_.accepted;
    run_.wrong += !is_right(verdict.result);
    run_.bound = std::max(run_.bound, verdict.error_bound);
    bound_sum_ += verdict.error_bound;
    if (verdict.error_bound <= std::min(scenario_.policy.max_error, canary_certainty) &&
        std::ranges::count(verdict.evidence, true, &Evidence::agrees) >= 2) {
      Known known{jobs_.at(verdict.shard.job).number, verdict.shard.index, verdict.result, {}};
      for (const Evidence& answer : verdict.evidence) known.agents.push_back(answer.agent);
      known_.push_back(std::move(known));
      if (known_.size() > most_known) known_.pop_front();
    }
  } else {
    ++run_.undecided;
  }
  if (!steady_ && decided_ >= steady_from_) {
    steady_ = true;
    steady_executions_ = run_.executions;
    steady_accepted_ = run_.accepted;
  }
  if (decided_ >= next_sample_ || decided_ == total_) sample();
  if (++jobs_.at(verdict.shard.job).decided == scenario_.shards_per_job) complete_.push_back(verdict.shard.job);
}

void ScenarioPool::caught(const Quarantine& quarantine) {
  const std::uint32_t number = numbers_.at(quarantine.agent);
  SimulatedAgent& agent = agents_[number];
  agent.caught = true;
  scheduler_->agent_gone(agent.id, now_);
  new_work_ = true;
  if (agent.lies == 0) {
    ++run_.honest_caught;
  } else {
    const double after = seconds(now_ - agent.first_lie);
    ++run_.cheaters_caught;
    detection_sum_ += after;
    lies_sum_ += static_cast<double>(agent.lies);
    run_.detection_seconds_max = std::max(run_.detection_seconds_max, after);
  }
  if (agent.names_left > 0) join(agent.mind.group(), agent.names_left - 1);
}

void ScenarioPool::sample() {
  const auto since = [](std::uint64_t value, std::uint64_t& before) {
    return static_cast<double>(value - std::exchange(before, value));
  };
  const double accepted = since(run_.accepted, sampled_accepted_);
  ScenarioPoint point;
  point.shards = decided_;
  point.seconds = run_.makespan_seconds;
  const double wrong = since(run_.wrong, sampled_wrong_), executed = since(run_.executions, sampled_executions_);
  if (accepted > 0) {
    point.error_rate = wrong / accepted;
    point.redundancy = executed / accepted;
  }
  for (const auto& agent : agents_) point.cheaters += agent.mind.group().cheats() && !agent.caught;
  run_.points.push_back(point);
  next_sample_ = decided_ + std::max<std::uint64_t>(1, total_ / points);
}

std::string ScenarioPool::why_stuck() const {
  std::string why = "nobody can go on";
  for (const auto& [id, job] : jobs_)
    for (const auto& reason : scheduler_->progress(id, now_).reasons) why += "; job " + id.str() + ": " + reason.text;
  return why;
}

ScenarioRun ScenarioPool::run(const std::function<void(double)>& progress) {
  const Time began = now_;
  std::uint64_t shown = 0;
  while (decided_ < total_) {
    for (const auto& id : std::exchange(complete_, {})) finish(id);
    wake_idle();
    if (events_.empty()) {
      // Perhaps only time has to pass: a copy for a straggler becomes due, or priority grows.
      const auto next = scheduler_->next_deadline();
      if (!next || *next - now_ > std::chrono::hours(24)) {
        run_.stuck = why_stuck();
        break;
      }
      now_ = std::max(now_ + Duration(1), *next);
      for (const auto& lease : scheduler_->expire(now_)) static_cast<void>(lease);
      new_work_ = true;
      continue;
    }
    const Event event = events_.top();
    events_.pop();
    now_ = std::max(now_, event.time);
    run_.makespan_seconds = seconds(now_ - began);
    report(event.agent);
    ask(event.agent);
    if (progress && decided_ - shown >= std::max<std::uint64_t>(1, total_ / 100)) {
      shown = decided_;
      progress(static_cast<double>(decided_) / static_cast<double>(total_));
    }
  }
  conclude();
  return std::move(run_);
}

void ScenarioPool::conclude() {
  const auto per = [](double value, std::uint64_t count) { return count == 0 ? 0 : value / static_cast<double>(count); };
  if (!steady_) steady_executions_ = steady_accepted_ = 0;
  run_.work_factor = per(static_cast<double>(run_.executions - steady_executions_), run_.accepted - steady_accepted_);
  run_.work_factor_total = per(static_cast<double>(run_.executions), run_.accepted);
  run_.mean_bound = per(bound_sum_, run_.accepted);
  run_.observed_error = per(static_cast<double>(run_.wrong), run_.accepted);
  run_.observed_error_upper95 = upper_confidence_limit(run_.wrong, run_.accepted);
  run_.detection_seconds = per(detection_sum_, run_.cheaters_caught);
  run_.lies_until_caught = per(lies_sum_, run_.cheaters_caught);
  std::vector<double> work, rates;
  for (const auto& agent : agents_) {
    run_.cheaters += agent.lies > 0;
    if (agent.mind.group().behaviour == AgentBehaviour::honest && !agent.caught)
      work.push_back(static_cast<double>(agent.executed));
  }
  for (std::size_t i = 0; i < project_shards_.size(); ++i)
    if (project_seconds_[i] > 0) rates.push_back(project_shards_[i] / project_seconds_[i]);
  run_.fairness_agents = jain_index(work);
  run_.fairness_projects = jain_index(rates);
}

}  // namespace forgepool::testing
