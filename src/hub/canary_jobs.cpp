/// Canaries as jobs: made when the verifier asks for one, run like any other, and gone when they are over. Receipts and grants
/// stay in the ledger: they are evidence on the agents, and no part of any job's bundle.
#include "hub/hub_core.hpp"
#include "wire/json.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr std::size_t most_canaries = 32;  // At once.

}  // namespace

void HubCore::give_out_canary(const Job& asking, Time now) {
  const std::uint32_t together = canaries_.due(asking.adapter->digest(), parts_.random);
  if (together == 0 || running_canaries_ >= most_canaries) return;
  const ContractPolicy& policy = asking.contract.policy;
  const auto suits = [&](const JobId& source_id, const KnownShard& shard) {
    const Job& source = jobs_.at(source_id);
    const Adversary& believed = source.contract.policy.adversary;
    // As sure as what is asked for, against the same adversary: a wrong one would catch an honest agent.
    if (shard.error_bound > std::min(policy.max_error, canary_certainty) || believed.fraction < policy.adversary.fraction ||
        (policy.adversary.collusion && !believed.collusion))
      return false;
    SchedulerJob asks = scheduler_job(source);
    return std::ranges::any_of(agents_, [&](const auto& entry) {
      return entry.second.quarantined.empty() && is_present(entry.first, now) && !entry.second.agent.draining &&
             std::ranges::find(shard.agents, entry.first) == shard.agents.end() &&
             unmet_constraints(as_scheduled(entry.second), asks).empty();
    });
  };
  auto drawn = canaries_.draw(asking, together, suits, parts_.random);
  if (!drawn) return;
  const Job& source = jobs_.at(drawn->source);
  for (const ShardSpec& shard : drawn->shards.plan.shards)
    for (const ShardInput& input : shard.inputs)
      if (!inputs_.contains(input.digest)) return;

  Job job;
  job.id = JobId(fresh_id("canary-"));
  job.canary_of = drawn->source;
  job.contract = source.contract;
  job.adapter = source.adapter;
  job.key = source.key;
  job.owner = asking.owner;  // Who asks for it pays for it.
  job.organization = asking.organization;
  job.pseudonym = fresh_id("w-");
  parts_.random(job.secret);
  job.terms = parts_.verifier.terms();
  job.accepted_at = now;
  Job& stored = put_canary(std::move(job), std::move(drawn->shards), now);
  journal(JobBegan{stored.id}, &stored);
  apply(parts_.verifier.begin(verifier_job(stored)), now);
  save(stored);
}

Job& HubCore::put_canary(Job job, KnownShards shards, Time now) {
  job.running = std::make_unique<RunningJob>();
  job.shard_count = static_cast<std::uint32_t>(shards.known.size());
  job.running->shards.resize(shards.known.size());
  job.running->plan = std::move(shards.plan);
  job.running->known = std::move(shards.known);
  parts_.scheduler.add_job(scheduler_job(job), now);
#if FORGEPOOL_MUTANT != 8  // For tests/simulation: who had a shard may get it again as a canary.
  for (std::uint32_t i = 0; i < job.shard_count; ++i) {
    for (const AgentId& agent : job.running->known[i].agents) parts_.scheduler.exclude({job.id, i}, agent);
    // After a restart: those, too, that had it since.
    for (const AgentId& agent : canaries_.holders(*job.canary_of, job.running->plan.shards[i].index))
      parts_.scheduler.exclude({job.id, i}, agent);
  }
#endif
  running_.insert(job.id);
  deadlines_.set(job.id, job.deadline());
  ++running_canaries_;
  const JobId id = job.id;
  return jobs_.emplace(id, std::move(job)).first->second;
}

void HubCore::end_canary(Job& job, Time now) {
  job.state = JobState::done;
  job.ended_at = now;
  keep(job, canary_key(*job.canary_of, job.id), over_canary);
  for (const auto& lease : job.running->leases) effects_.erase(lease_key(lease));
  for (const auto& [lease, report] : job.running->reported) effects_.erase(reported_key(job.id, lease));
  for (const auto number : job.running->journal) effects_.erase(journal_key(number));
  parts_.scheduler.remove_job(job.id);
  const auto earned = parts_.verifier.end(job.id);
  running_.erase(job.id);
  deadlines_.erase(job.id);
  --running_canaries_;
  over_canaries_.push_back(job.id);
  keep_credit(earned);
  job.running.reset();
}

void HubCore::forget_canaries() {
  for (const JobId& id : std::exchange(over_canaries_, {})) jobs_.erase(id);
}

void HubCore::keep_known(const Job& job) {
  const auto [known, dropped] = canaries_.ended(job);
  if (known) keep(job, known_key(job.id), write_known(*known, job.ended_at));
  for (const JobId& other : dropped) effects_.erase(known_key(other));
}

void HubCore::know_no_more(const JobId& id, Time now) {
  canaries_.forget(id);
  effects_.erase(known_key(id));
  std::vector<JobId> over;
  for (const JobId& running : running_)
    if (jobs_.at(running).canary_of == id) over.push_back(running);
  for (const JobId& canary : over) end_canary(jobs_.at(canary), now);
}

void HubCore::gave(Job& job, const Lease& lease) {
  for (const auto index : lease.shards) job.running->gave(index, lease.agent);
  if (!job.canary_of) return canaries_.granted(lease.shards.size());
  const KnownShards* known = nullptr;
  for (const auto index : lease.shards) {
    const std::uint32_t number = job.running->plan.shards.at(index).index;
    known = canaries_.gave(*job.canary_of, number, lease.agent);
    keep_from_others(job, number, lease.agent);
  }
  if (known) keep(job, known_key(*job.canary_of), write_known(*known, jobs_.at(*job.canary_of).ended_at));
}

void HubCore::keep_from_others(const Job& canary, std::uint32_t number, const AgentId& agent) {
#if FORGEPOOL_MUTANT != 8
  for (const JobId& id : running_) {
    const Job& other = jobs_.at(id);
    if (other.canary_of != canary.canary_of || other.id == canary.id) continue;
    const auto& shards = other.running->plan.shards;
    const auto at = std::ranges::lower_bound(shards, number, {}, &ShardSpec::index);
    if (at != shards.end() && at->index == number)
      parts_.scheduler.exclude({other.id, static_cast<std::uint32_t>(at - shards.begin())}, agent);
  }
#else
  static_cast<void>(canary), static_cast<void>(number), static_cast<void>(agent);
#endif
}

// Comes, like the next, before whatever else follows may end the canary: its plan is needed.
Quarantine HubCore::in_source(const Quarantine& quarantine) const {
  const Job& canary = jobs_.at(quarantine.shard.job);
  const std::uint32_t index = canary.running->plan.shards.at(quarantine.shard.index).index;
  Quarantine at_source = quarantine;
  at_source.shard = {*canary.canary_of, index};
  at_source.reason = fmt::format(
      "returned another result ({}) for shard {} of job {}, given out again as a canary, than the one "
      "that was accepted before ({})",
      quarantine.returned.str(), index, canary.canary_of->str(), quarantine.accepted.str());
  return at_source;
}

void HubCore::publish_canary(const Quarantine& quarantine, const Quarantine& at_source) {
  Job& canary = jobs_.at(quarantine.shard.job);
  log_event(canary, "quarantine",
            json::canonicalize(json::Object{{"accepted", quarantine.accepted.str()},
                                            {"agent", quarantine.agent.str()},
                                            {"job", canary.id.str()},
                                            {"returned", quarantine.returned.str()},
                                            {"shard", at_source.shard.index}}));
  if (canary.running) save(canary);
  // The charge stands with the job whose shard it was: there it can be replayed, and appealed against. Its bundle has nothing
  // of it: the receipt is the canary's.
  const auto source = jobs_.find(at_source.shard.job);
  if (source == jobs_.end()) return;
  source->second.caught.push_back(
      {at_source.agent, at_source.shard.index, at_source.returned, at_source.accepted, at_source.reason});
  changed(source->second);
  save(source->second);
}

Status HubCore::restore_canaries(const Ledger& ledger, Time now) {
  std::multimap<Time, std::pair<JobId, KnownShards>> by_age;
  const auto known = scan_records(ledger, "known/", [&](std::string_view id, std::string_view sealed) -> Status {
    JobId job{std::string(id)};
    const auto source = jobs_.find(job);
    if (source == jobs_.end()) return fail(ErrorKind::corrupt, "it is of a job that is not in the store");
    const auto record = open_record(*source->second.key, known_key(job), as_bytes(sealed));
    if (!record) return fail(record.error());
    auto read = read_known(*record);
    if (!read) return fail(read.error());
    by_age.emplace(read->second, std::pair(std::move(job), std::move(read->first)));
    return {};
  });
  if (!known) return known;
  for (auto& [ended_at, source] : by_age) canaries_.restore(source.first, std::move(source.second));
  return scan_records(ledger, "canary/", [&](std::string_view place, std::string_view sealed) -> Status {
    const auto slash = std::min(place.find('/'), place.size());
    const auto source = jobs_.find(JobId(std::string(place.substr(0, slash))));
    if (source == jobs_.end() || slash == place.size())
      return fail(ErrorKind::corrupt, "it is of a job that is not in the store");
    const auto record = open_record(*source->second.key, "canary/" + std::string(place), as_bytes(sealed));
    if (!record) return fail(record.error());
    if (*record == over_canary) return {};
    auto read = read_canary(source->first, JobId(std::string(place.substr(slash + 1))), *record);
    if (!read) return fail(read.error());
    auto& [job, shards] = *read;
    job.key = source->second.key;
    job.contract = source->second.contract;
    job.adapter = source->second.adapter;
    job.organization = source->second.organization;
    put_canary(std::move(job), std::move(shards), now);
    return {};
  });
}

}  // namespace forgepool::hub
