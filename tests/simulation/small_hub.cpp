#include "small_hub.hpp"

#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fifo_scheduler.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

namespace forgepool::simulation {

using namespace std::chrono_literals;

SmallHub::SmallHub(testing::VirtualEventLoop& loop, const Scenario& scenario, Invariants& invariants)
    : loop_(loop), scenario_(scenario), invariants_(invariants) {
  make_parts();
}

void SmallHub::make_parts() {
  scheduler_ = make_fifo_scheduler({.lease_duration = 15s, .agent_timeout = 45s});
  verifier_ = make_duplication_verifier();
}

void SmallHub::add_to_scheduler(const SimulatedJob& job) {
  scheduler_->add_job({job.id, job.policy.min_agents, job.policy.max_agents, job.policy.regions}, loop_.now());
}

void SmallHub::submit(const SimulatedJob& job) {
  jobs_.push_back(job);
  add_to_scheduler(job);
  std::array<std::uint8_t, 32> secret{};
  secret[0] = static_cast<std::uint8_t>(jobs_.size());
  tell_verifier([=](Verifier& verifier) { return verifier.begin({job.id, job.shards, job.policy, secret}); });
}

void SmallHub::restart() {
  make_parts();
  for (const auto& call : journal_) call(*verifier_);
  for (const auto& job : jobs_) add_to_scheduler(job);
  for (const auto& [shard, count] : outstanding_)
    if (count > 0) scheduler_->want(shard, static_cast<std::uint32_t>(count));
  for (const auto& [shard, agents] : excluded_)
    for (const auto& agent : agents) scheduler_->exclude(shard, agent);
  for (const auto& [id, lease] : leases_) scheduler_->restore(lease);
  keep_time();
}

std::optional<Lease> SmallHub::ask(const SimulatedAgent& agent) {
  if (invariants_.in_quarantine(agent.id)) return std::nullopt;
  scheduler_->agent_seen({agent.id, agent.region}, loop_.now());
  const auto lease = scheduler_->grant(agent.id, LeaseId("l" + std::to_string(next_lease_++)), 6, loop_.now());
  if (lease) {
    invariants_.granted(*lease);
    leases_.emplace(lease->id, *lease);
  }
  keep_time();
  return lease;
}

bool SmallHub::heartbeat(const SimulatedAgent& agent, const LeaseId& lease) {
  if (invariants_.in_quarantine(agent.id)) return false;
  scheduler_->agent_seen({agent.id, agent.region}, loop_.now());
  const bool extended = scheduler_->extend(lease, agent.id, loop_.now()).has_value();
  if (extended) leases_.at(lease) = *scheduler_->find(lease);
  keep_time();
  return extended;
}

void SmallHub::report(const SimulatedAgent& agent, const LeaseId& id, const std::vector<ShardReport>& shards) {
  if (invariants_.in_quarantine(agent.id)) return;
  scheduler_->agent_seen({agent.id, agent.region}, loop_.now());
  const auto lease = scheduler_->finish(id, agent.id);
  if (!lease) {
    REQUIRE(lease.error().kind == ErrorKind::not_found);
    return;  // Too late: the shards were given to others.
  }
  end({*lease});
  for (const auto& shard : shards) {
    const ShardId of{lease->job, shard.index};
    scheduler_->exclude(of, agent.id);
    excluded_[of].insert(agent.id);
    if (!shard.result) {
      if (outstanding_.contains(of)) scheduler_->want(of, 1);
      continue;
    }
    const ShardAnswer answer{of, agent.id, id, *shard.result};
    invariants_.answered(answer);
    if (const auto open = outstanding_.find(of); open != outstanding_.end()) --open->second;
    tell_verifier([=](Verifier& verifier) { return verifier.answer(answer); });
  }
  keep_time();
}

void SmallHub::tell_verifier(const Call& call) {
  journal_.push_back(call);
  for (const auto& action : call(*verifier_)) carry_out(action);
}

void SmallHub::carry_out(const VerifierAction& action) {
  if (const auto* execute = std::get_if<Execute>(&action)) {
    invariants_.asked_for(*execute);
    outstanding_[execute->shard] += execute->count;
    scheduler_->want(execute->shard, execute->count);
  } else if (const auto* verdict = std::get_if<ShardVerdict>(&action)) {
    invariants_.decided(*verdict);
    outstanding_.erase(verdict->shard);
    scheduler_->settle(verdict->shard);
  } else {
    const auto& quarantine = std::get<Quarantine>(action);
    invariants_.quarantined(quarantine);
    end(scheduler_->agent_gone(quarantine.agent, loop_.now()));
  }
}

void SmallHub::end(const std::vector<Lease>& leases) {
  for (const auto& lease : leases) {
    invariants_.ended(lease);
    leases_.erase(lease.id);
  }
}

void SmallHub::keep_time() {
  deadline_.reset();
  const auto next = scheduler_->next_deadline();
  if (!next) return;
  deadline_ = loop_.after(*next - loop_.now(), [this] {
    end(scheduler_->expire(loop_.now()));
    keep_time();
  });
}

bool SmallHub::all_complete() const {
  return std::ranges::all_of(scenario_.jobs, [&](const SimulatedJob& job) { return invariants_.complete(job.id); });
}

void SmallHub::check_nothing_is_lost() const {
  for (const auto& job : jobs_) {
    std::int64_t outstanding = 0;
    for (const auto& [shard, count] : outstanding_)
      if (shard.job == job.id) outstanding += std::max<std::int64_t>(count, 0);
    const auto progress = scheduler_->progress(job.id, loop_.now());
    REQUIRE(progress.waiting + progress.leased >= static_cast<std::uint64_t>(outstanding));
    REQUIRE(progress.reasons.empty() == (progress.waiting == 0));
    REQUIRE((invariants_.complete(job.id) || outstanding > 0));
  }
}

}  // namespace forgepool::simulation
