#include "scheduler/wait_reasons.hpp"

#include "base/constraint_reasons.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace forgepool::scheduling {
namespace {

// People look at progress several times a second; a look must not cost a walk over millions of shards.
constexpr std::uint64_t most_examined = 4096;
// Of one shard, so many agents are looked at.
constexpr std::size_t most_agents = 1024;

std::string agents_there(std::uint64_t count) {
  return count == 1 ? "1 agent is there" : fmt::format("{} agents are there", count);
}

/// Agents that are there, by what keeps them from the job.
struct Census {
  std::map<Constraint, std::uint64_t> unmet;
  std::uint64_t draining = 0;
  std::uint64_t busy = 0;  // Of those that may work on it.
};

Census count(const JobQueue& job, const Roster& roster) {
  Census census;
  const JobClass& asks = roster.job_class(job.job_class());
  for (std::uint32_t i = 0; i < roster.agent_classes().size(); ++i) {
    const AgentClass& agents = roster.agent_classes()[i];
    if (agents.present == 0) continue;
    if (agents.like.draining) census.draining += agents.present;
    for (const auto constraint : unmet_constraints(agents.like, asks.like)) census.unmet[constraint] += agents.present;
    if (agents.work.contains(job.job_class())) census.busy += agents.busy;
  }
  return census;
}

WaitReason used_up(const Walk& walk, std::uint64_t eligible) {
  return {"agents_used",
          fmt::format(
              "{}{} waiting shards were already given to every one of the {} agents that may work on them, and no agent gets a "
              "shard twice",
              walk.complete ? "" : "at least ", walk.shards, eligible),
          eligible, "another agent that may work on the job must join"};
}

WaitReason capacity(const JobQueue& job, const FairShares& shares, std::uint64_t busy, std::uint64_t late) {
  const std::uint64_t eligible = job.eligible();
  if (const Share* share = shares.at_quota(job))
    return {"quota",
            fmt::format("{} executions of \"{}\" are under way, and it may have {} at once", share->leased, share->name,
                        share->options.max_leased),
            eligible, "some of them must come back, or its quota be raised"};
  if (job.working_agents() >= job.job().max_agents)
    return {
        "max_agents",
        fmt::format("{} agents hold shards of the job, and its max_agents is {}", job.working_agents(), job.job().max_agents),
        eligible - std::min(eligible, job.working_agents()), "one of them must finish"};
  if (late >= eligible)
    return {"late", fmt::format("{} that may work on the job, all of them with a heartbeat overdue", agents_there(eligible)),
            late, "their heartbeats must come, or their leases run out"};
  if (busy >= eligible)
    return {"all_agents_busy", fmt::format("{} that may work on the job, all of them at work", agents_there(eligible)), 0,
            "one must finish, or another join"};
  return {"waiting_for_agents_to_ask",
          fmt::format("{} that may work on the job, {} of them idle", agents_there(eligible), eligible - busy), 0,
          "one must ask for work"};
}

void add_constraints(std::vector<WaitReason>& reasons, const Census& census, std::uint64_t present, const SchedulerJob& job) {
  for (const auto& [constraint, agents] : census.unmet) reasons.push_back(constraint_reason(constraint, agents, present, job));
  if (census.draining > 0)
    reasons.push_back({"draining", fmt::format("{} of the {} agents that are there get nothing new", census.draining, present),
                       census.draining, "an operator lets them work again"});
}

WaitReason too_few(const JobQueue& job) {
  return {
      "too_few_agents",
      fmt::format("{} that may work on the job, and its min_agents is {}", agents_there(job.eligible()), job.job().min_agents),
      0, fmt::format("{} more must join", job.job().min_agents - job.eligible())};
}

WaitReason nobody_there() {
  return {"no_agents", "no agent is there", 0, "start one, or see why they cannot connect"};
}

}  // namespace

std::vector<WaitReason> wait_reasons(const JobQueue& job, const Roster& roster, const LeaseTable& leases,
                                     const FairShares& shares, Time late_before) {
  if (job.waiting() == 0) return {};
  const std::uint64_t present = roster.present(), eligible = job.eligible();
  if (present == 0) return {nobody_there()};

  std::vector<WaitReason> reasons;
  const Census census = count(job, roster);
  const std::uint64_t late = leases.count_late(late_before, most_examined);
  if (eligible > 0 && !job.begun() && eligible < job.job().min_agents) {
    reasons.push_back(too_few(job));
  } else if (eligible > 0) {
    const Walk walk = job.walk(most_examined);
    if (walk.shards > 0) reasons.push_back(used_up(walk, eligible));
    if (walk.wrong_class > 0)
      reasons.push_back(
          {"homogeneous",
           fmt::format("{} waiting shards were begun by agents of one numeric class, of which all that are there had them",
                       walk.wrong_class),
           0, "another agent of that numeric class must join"});
    if (walk.too_close > 0)
      reasons.push_back(
          {"spread",
           fmt::format("{} waiting shards may only go to agents of another operator, network or region than those that had "
                       "them, as the job's spread says",
                       walk.too_close),
           0, "such an agent must join"});
    if (walk.others || !walk.complete) reasons.push_back(capacity(job, shares, census.busy, late));
  }
  add_constraints(reasons, census, present, job.job());
  if (late > 0 && (reasons.empty() || reasons.front().code != "late"))
    reasons.push_back({"late", fmt::format("{} of the {} agents that are there are late with a heartbeat", late, present), late,
                       "their heartbeats must come, or their leases run out"});
  return reasons;
}

std::vector<WaitReason> shard_reasons(const JobQueue& job, std::uint32_t index, const Roster& roster, const LeaseTable& leases,
                                      const FairShares& shares, Time late_before) {
  if (!job.waits(index)) return {};
  const std::uint64_t present = roster.present();
  if (present == 0) return {nobody_there()};
  std::vector<WaitReason> reasons;
  const Census census = count(job, roster);
  const ShardCensus shard = job.census(index, most_agents);
  const std::string at_least = shard.complete ? "" : "at least ";
  if (shard.had > 0)
    reasons.push_back({"had_it",
                       fmt::format("{}{} of the {} agents that are there have or had the shard, and none gets it twice",
                                   at_least, shard.had, present),
                       shard.had, "another agent that may work on the job must join"});
  if (shard.wrong_class > 0)
    reasons.push_back({"homogeneous",
                       fmt::format("{}{} are of another numeric class than the one in which the shard was begun", at_least,
                                   shard.wrong_class),
                       shard.wrong_class, "another agent of that numeric class must join"});
  if (shard.too_close > 0)
    reasons.push_back(
        {"spread",
         fmt::format("{}{} share an operator, network or region with one that has or had the shard", at_least, shard.too_close),
         shard.too_close, "an agent of another operator, network or region must join"});
  if (job.eligible() > 0 && !job.begun() && job.eligible() < job.job().min_agents) {
    reasons.push_back(too_few(job));
  } else if (shard.free > 0) {
    WaitReason held = capacity(job, shares, census.busy, leases.count_late(late_before, most_examined));
    // Nothing is in the way of this one: those before it come first.
    if (held.code == "waiting_for_agents_to_ask" || held.code == "all_agents_busy")
      held = {"not_its_turn",
              fmt::format("{}{} agents may have it, {} of those that may work on the job are at work", at_least, shard.free,
                          census.busy),
              0, "one of them must ask for work, and what comes before it be given out"};
    reasons.push_back(std::move(held));
  }
  add_constraints(reasons, census, present, job.job());
  return reasons;
}

}  // namespace forgepool::scheduling
