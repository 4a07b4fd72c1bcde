#include "verifier/job_case.hpp"

#include <algorithm>

#include "verifier/spotcheck.hpp"

namespace forgepool {
namespace {

/// The most trusted agent of each operator among those that agree with `leader`.
std::map<OperatorNumber, AgentTrust> supporters(const JobCase& job, const ShardCase& shard, const Digest& leader,
                                                const AgentTable& agents) {
  std::map<OperatorNumber, AgentTrust> by_operator;
  for (const KnownAnswer& answer : shard.answers) {
    if (agents.in_quarantine(answer.agent) || !job.agree(leader, answer.result)) continue;
    const AgentTrust trust = job.trust(answer.agent, agents);
    const auto [entry, added] = by_operator.try_emplace(agents.operator_of(answer.agent), trust);
    if (!added && lie_bound(job.policy.adversary, trust) < lie_bound(job.policy.adversary, entry->second))
      entry->second = trust;
  }
  return by_operator;
}

}  // namespace

const KnownAnswer* ShardCase::answer_of(AgentNumber agent) const {
  const auto found = std::ranges::find(answers, agent, &KnownAnswer::agent);
  return found == answers.end() ? nullptr : &*found;
}

JobCase::JobCase(const VerifierJob& job, std::shared_ptr<const Rule> by, Epoch began)
    : id(job.id),
      rule(std::move(by)),
      policy(job.policy),
      secret(job.secret),
      comparator(job.comparator),
      epoch(began),
      canary(!job.known.empty()),
      shards(job.shards) {
  for (std::size_t i = 0; canary && i < shards.size() && i < job.known.size(); ++i) {
    shards[i].state = ShardCase::State::accepted;
    shards[i].result = job.known[i];
    shards[i].asked = 1;
  }
}

void JobCase::choose_checked() {
  checked = choose_checked_shards(secret, static_cast<std::uint32_t>(shards.size()), policy.spotcheck_ratio);
  checks = open_checks = static_cast<std::uint32_t>(std::ranges::count(checked, true));
}

std::uint32_t JobCase::lease_number(const LeaseId& lease) {
  const auto [entry, added] = lease_numbers.try_emplace(lease, static_cast<std::uint32_t>(leases.size()));
  if (added) leases.push_back(lease);
  return entry->second;
}

AgentTrust JobCase::trust(AgentNumber agent, const AgentTable& agents) const {
  AgentTrust trust = agents.trust(agent, epoch);
  if (const auto here = earned.find(agent); here != earned.end()) trust.checks += here->second;
  return trust;
}

std::vector<Evidence> JobCase::evidence(std::uint32_t index, const AgentTable& agents) const {
  const ShardCase& shard = shards[index];
  const bool decided = shard.state == ShardCase::State::accepted || shard.state == ShardCase::State::failed;
  std::vector<Evidence> evidence;
  for (const KnownAnswer& answer : shard.answers) {
    Evidence one{{{id, index}, agents.id(answer.agent), leases[answer.lease], answer.result, answer.failed}};
    const bool same = decided && agree(shard.result, answer.result);
    one.agrees = same && !agents.in_quarantine(answer.agent);
    one.trust = trust(answer.agent, agents);
    if (decided && !same && comparator) one.diverges_at = comparator->first_divergence(shard.result, answer.result);
    evidence.push_back(std::move(one));
  }
  return evidence;
}

Tally tally(const JobCase& job, std::uint32_t index, const AgentTable& agents) {
  const ShardCase& shard = job.shards[index];
  Tally found;
  // A handful of answers: comparing all pairs is quicker than any table.
  std::vector<std::pair<Digest, std::uint32_t>> candidates;
  for (const KnownAnswer& answer : shard.answers) {
    if (agents.in_quarantine(answer.agent)) continue;
    found.only = ++found.valid == 1 ? &answer : nullptr;
    if (std::ranges::find(candidates, answer.result, &std::pair<Digest, std::uint32_t>::first) == candidates.end())
      candidates.emplace_back(answer.result, 0);
  }
  if (found.only) {  // Most shards, most of the time.
    found.support = 1;
    found.clear = true;
    found.leader = found.only->result;
    found.failed = found.only->failed;
    found.trust.push_back(job.trust(found.only->agent, agents));
    return found;
  }
  for (auto& [digest, support] : candidates) {
    support = static_cast<std::uint32_t>(supporters(job, shard, digest, agents).size());
    if (support > found.support || (support == found.support && digest < found.leader)) {
      found.support = support;
      found.leader = digest;
    }
  }
  if (candidates.empty()) return found;
  found.failed = job.failures.contains(found.leader);
  found.clear = std::ranges::none_of(candidates, [&](const auto& candidate) {
    return candidate.second >= found.support && !job.agree(found.leader, candidate.first);
  });
  for (const auto& [operator_number, trust] : supporters(job, shard, found.leader, agents)) found.trust.push_back(trust);
  for (const KnownAnswer& answer : shard.answers)
    found.against += !agents.in_quarantine(answer.agent) && !job.agree(found.leader, answer.result);
  return found;
}

}  // namespace forgepool
