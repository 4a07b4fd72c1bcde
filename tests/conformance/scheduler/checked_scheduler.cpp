#include "checked_scheduler.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

namespace forgepool::testing {
namespace {

bool same(const JobProgress& a, const JobProgress& b) {
  return a.waiting == b.waiting && a.leased == b.leased &&
         std::ranges::equal(a.reasons, b.reasons,
                            [](const WaitReason& x, const WaitReason& y) { return x.code == y.code && x.text == y.text; });
}

}  // namespace

bool CheckedScheduler::allowed(const Job& job, const AgentId& agent) const {
  return present_.contains(agent) && !known_.at(agent).draining && unmet_constraints(known_.at(agent), job.limits).empty();
}

std::set<AgentId> CheckedScheduler::working(const JobId& job) const {
  std::set<AgentId> agents;
  for (const auto& [id, lease] : leases_)
    if (lease.job == job) agents.insert(lease.agent);
  return agents;
}

bool CheckedScheduler::admits(const Job& job, const AgentId& agent) const {
  const auto eligible = std::ranges::count_if(present_, [&](const AgentId& id) { return allowed(job, id); });
  const auto at_work = working(job.limits.id);
  return allowed(job, agent) && (job.begun || eligible >= job.limits.min_agents) &&
         (at_work.contains(agent) || at_work.size() < job.limits.max_agents);
}

bool CheckedScheduler::fits(const Job& job, const Shard& shard, const AgentId& agent) const {
  if (shard.excluded.contains(agent) || shard.under_way.contains(agent)) return false;
  const auto may_join = [&](const AgentId& other) {
    const auto found = known_.find(other);
    return may_share_shard(known_.at(agent), found == known_.end() ? SchedulerAgent{} : found->second, job.limits);
  };
  return std::ranges::all_of(shard.excluded, may_join) &&
         std::ranges::all_of(shard.under_way, [&](const auto& entry) { return may_join(entry.first); });
}

bool CheckedScheduler::may_copy(const Job& job, const Shard& shard) const {
  const bool late_ones = job.limits.speculative || job.limits.longest_execution > Duration::zero();
  return late_ones && shard.wanted > 0 && shard.under_way.size() == shard.wanted;
}

std::uint64_t CheckedScheduler::possible(const AgentId& agent) const {
  std::uint64_t count = 0;
  for (const auto& [id, job] : jobs_)
    if (admits(job, agent))
      count += std::ranges::count_if(
          job.shards, [&](const auto& entry) { return entry.second.waiting() > 0 && fits(job, entry.second, agent); });
  return count;
}

void CheckedScheduler::add_job(const SchedulerJob& job, Time now) {
  for (auto* each : {real_.get(), twin_.get()}) each->add_job(job, now);
  jobs_.try_emplace(job.id, Job{job, {}, false});
}

void CheckedScheduler::remove_job(const JobId& job) {
  for (auto* each : {real_.get(), twin_.get()}) each->remove_job(job);
  jobs_.erase(job);
  std::erase_if(leases_, [&](const auto& entry) { return entry.second.job == job; });
}

void CheckedScheduler::want(const ShardId& shard, std::uint32_t count) {
  for (auto* each : {real_.get(), twin_.get()}) each->want(shard, count);
  if (const auto job = jobs_.find(shard.job); job != jobs_.end()) job->second.shards[shard.index].wanted += count;
}

void CheckedScheduler::settle(const ShardId& shard) {
  for (auto* each : {real_.get(), twin_.get()}) each->settle(shard);
  const auto job = jobs_.find(shard.job);
  if (job == jobs_.end()) return;
  job->second.shards[shard.index].wanted = 0;
}

void CheckedScheduler::exclude(const ShardId& shard, const AgentId& agent) {
  for (auto* each : {real_.get(), twin_.get()}) each->exclude(shard, agent);
  const auto job = jobs_.find(shard.job);
  if (job == jobs_.end()) return;
  job->second.shards[shard.index].excluded.insert(agent);
  job->second.begun = true;
}

void CheckedScheduler::agent_seen(const SchedulerAgent& agent, Time now) {
  for (auto* each : {real_.get(), twin_.get()}) each->agent_seen(agent, now);
  known_[agent.id] = agent;
  present_.insert(agent.id);
}

void CheckedScheduler::agent_gone(const AgentId& agent, Time now) {
  const auto ended = real_->agent_gone(agent, now);
  REQUIRE(ended == twin_->agent_gone(agent, now));
  std::set<LeaseId> expected;
  for (const auto& [id, lease] : leases_)
    if (lease.agent == agent) expected.insert(id);
  check_ended(ended, expected);
  present_.erase(agent);
}

std::optional<Lease> CheckedScheduler::grant(const AgentId& agent, const LeaseId& id, std::uint32_t max_shards, Time now) {
  const auto lease = real_->grant(agent, id, max_shards, now);
  REQUIRE(lease == twin_->grant(agent, id, max_shards, now));
  if (!lease) return lease;
  REQUIRE(lease->id == id);
  REQUIRE_FALSE(leases_.contains(id));
  REQUIRE(lease->agent == agent);
  REQUIRE(lease->granted == now);
  REQUIRE(lease->deadline > now);
  REQUIRE_FALSE(lease->shards.empty());
  REQUIRE(lease->shards.size() <= max_shards);
  REQUIRE(std::ranges::adjacent_find(lease->shards, std::greater_equal()) == lease->shards.end());
  REQUIRE(jobs_.contains(lease->job));
  Job& job = jobs_.at(lease->job);
  REQUIRE(admits(job, agent));
  for (const auto index : lease->shards) {
    const Shard& shard = job.shards[index];
    REQUIRE((shard.waiting() > 0 || may_copy(job, shard)));
    REQUIRE(fits(job, shard, agent));
  }
  begin(*lease);
  return lease;
}

void CheckedScheduler::begin(const Lease& lease) {
  Job& job = jobs_.at(lease.job);
  job.begun = true;
  for (const auto index : lease.shards) job.shards[index].under_way.emplace(lease.agent, lease.id);
  leases_.emplace(lease.id, lease);
}

void CheckedScheduler::end(const LeaseId& id, bool back) {
  const auto lease = leases_.extract(id).mapped();
  for (const auto index : lease.shards) {
    Shard& shard = jobs_.at(lease.job).shards[index];
    if (shard.under_way.at(lease.agent) != id) continue;
    shard.under_way.erase(lease.agent);
    if (!back && shard.wanted > 0) --shard.wanted;
  }
}

void CheckedScheduler::restore(const Lease& lease) {
  for (auto* each : {real_.get(), twin_.get()}) each->restore(lease);
  const auto restored = real_->find(lease.id);
  REQUIRE(restored);
  REQUIRE(restored == twin_->find(lease.id));
  REQUIRE(restored->deadline >= lease.deadline);
  begin(*restored);
}

void CheckedScheduler::extend(const LeaseId& id, const AgentId& agent, Time now) {
  const auto status = real_->extend(id, agent, now);
  const auto again = twin_->extend(id, agent, now);
  REQUIRE(status.has_value() == again.has_value());
  if (!status) REQUIRE(status.error() == again.error());
  const auto lease = leases_.find(id);
  if (lease == leases_.end()) {
    REQUIRE((!status && status.error().kind == ErrorKind::not_found));
  } else if (lease->second.agent != agent) {
    REQUIRE((!status && status.error().kind == ErrorKind::denied));
  } else if (lease->second.deadline <= now) {
    REQUIRE((!status && status.error().kind == ErrorKind::not_found));
  } else {
    REQUIRE(status);
    const auto extended = real_->find(id);
    REQUIRE(extended);
    REQUIRE(extended->deadline > now);
    REQUIRE(extended->deadline >= lease->second.deadline);
    lease->second.deadline = extended->deadline;
  }
}

void CheckedScheduler::finish(const LeaseId& id, const AgentId& agent) {
  const auto finished = real_->finish(id, agent);
  REQUIRE(finished == twin_->finish(id, agent));
  const auto lease = leases_.find(id);
  if (lease == leases_.end()) {
    REQUIRE((!finished && finished.error().kind == ErrorKind::not_found));
  } else if (lease->second.agent != agent) {
    REQUIRE((!finished && finished.error().kind == ErrorKind::denied));
  } else {
    REQUIRE(finished);
    REQUIRE(*finished == lease->second);
    end(id, false);
  }
}

void CheckedScheduler::expire(Time now) {
  const auto ended = real_->expire(now);
  REQUIRE(ended == twin_->expire(now));
  std::set<LeaseId> expected;
  for (const auto& [id, lease] : leases_)
    if (lease.deadline <= now) expected.insert(id);
  check_ended(ended, expected);
  if (const auto next = real_->next_deadline()) REQUIRE(*next > now);
}

void CheckedScheduler::check_ended(std::vector<Lease> ended, const std::set<LeaseId>& expected) {
  REQUIRE(ended.size() == expected.size());
  for (const Lease& lease : ended) {
    REQUIRE(expected.contains(lease.id));
    REQUIRE(leases_.at(lease.id) == lease);
    REQUIRE_FALSE(real_->find(lease.id));
    end(lease.id, true);
  }
}

void CheckedScheduler::check_all(Time now) const {
  for (const auto& [id, lease] : leases_) {
    REQUIRE(real_->find(id) == lease);
    REQUIRE(real_->next_deadline());
    REQUIRE(*real_->next_deadline() <= lease.deadline);
  }
  for (const auto& [id, job] : jobs_) {
    std::uint64_t waiting = 0, leased = 0;
    for (const auto& [index, shard] : job.shards) {
      waiting += shard.waiting();
      leased += shard.under_way.size();
    }
    const auto progress = real_->progress(id, now);
    REQUIRE(same(progress, twin_->progress(id, now)));
    REQUIRE(progress.waiting == waiting);
    REQUIRE(progress.leased == leased);
    REQUIRE(progress.reasons.empty() == (waiting == 0));
    for (const auto& reason : progress.reasons) REQUIRE((!reason.code.empty() && !reason.text.empty()));
  }
}

void CheckedScheduler::restart(const SchedulerFactory& make, Time now) {
  std::vector<SchedulerAgent> agents;
  const auto jobs = std::exchange(jobs_, {});
  const auto leases = std::exchange(leases_, {});
  const auto present = std::exchange(present_, {});
  for (const auto& [id, agent] : std::exchange(known_, {})) agents.push_back(agent);
  real_ = make();
  twin_ = make();
  // What agents are is told first, also of those that are away: shards that they had may say who gets them next.
  for (const auto& agent : agents) agent_seen(agent, now);
  for (const auto& [id, job] : jobs) {
    add_job(job.limits, now);
    for (const auto& [index, shard] : job.shards) {
      if (shard.wanted > 0) want({id, index}, static_cast<std::uint32_t>(shard.wanted));
      for (const auto& agent : shard.excluded) exclude({id, index}, agent);
    }
  }
  for (const auto& [id, lease] : leases) restore(lease);
  for (const auto& agent : agents)
    if (!present.contains(agent.id)) agent_gone(agent.id, now);
}

}  // namespace forgepool::testing
