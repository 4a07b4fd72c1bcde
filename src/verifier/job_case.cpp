#include "verifier/job_case.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "verifier/spotcheck.hpp"

namespace forgepool {

const KnownAnswer* ShardCase::answer_of(AgentNumber agent) const {
  const auto found = std::ranges::find(answers, agent, &KnownAnswer::agent);
  return found == answers.end() ? nullptr : &*found;
}

Tally tally(const ShardCase& shard, const AgentTable& agents) {
  // A handful of answers: comparing all pairs is quicker than any table.
  Tally found;
  for (const KnownAnswer& candidate : shard.answers) {
    if (agents.in_quarantine(candidate.agent)) continue;
    ++found.valid;
    if (found.support > 0 && candidate.result == found.leader) continue;
    const auto support = static_cast<std::uint32_t>(std::ranges::count_if(shard.answers, [&](const KnownAnswer& other) {
      return other.result == candidate.result && !agents.in_quarantine(other.agent);
    }));
    if (support > found.support) {
      found.support = support;
      found.leader = candidate.result;
      found.clear = true;
    } else if (support == found.support) {
      found.clear = false;
    }
  }
  return found;
}

JobCase::JobCase(const JobId& job, std::uint32_t count, const ContractPolicy& policy,
                 const std::array<std::uint8_t, 32>& secret)
    : id(job), mode(policy.verify), replicas(1), shards(count) {
  switch (mode) {
    case VerifyMode::none: break;
    case VerifyMode::spotcheck:
      replicas = 2;
      checked = choose_checked_shards(secret, count, policy.spotcheck_ratio);
      checks = open_checks = static_cast<std::uint32_t>(std::ranges::count(checked, true));
      break;
    case VerifyMode::full:
    case VerifyMode::quorum:
    case VerifyMode::adaptive: replicas = std::max(1u, policy.replicas); break;
  }
}

std::uint32_t JobCase::required(std::uint32_t index) const {
  return mode == VerifyMode::spotcheck && !is_checked(index) ? 1 : replicas;
}

std::uint32_t JobCase::lease_number(const LeaseId& lease) {
  const auto [entry, added] = lease_numbers.try_emplace(lease, static_cast<std::uint32_t>(leases.size()));
  if (added) leases.push_back(lease);
  return entry->second;
}

std::vector<Evidence> JobCase::evidence(std::uint32_t index, const AgentTable& agents) const {
  std::vector<Evidence> evidence;
  for (const KnownAnswer& answer : shards[index].answers)
    evidence.push_back({{{id, index}, agents.id(answer.agent), leases[answer.lease], answer.result},
                        shards[index].state == ShardCase::State::accepted && answer.result == shards[index].result &&
                            !agents.in_quarantine(answer.agent)});
  return evidence;
}

std::string JobCase::rule(std::uint32_t index) const {
  const ShardCase& shard = shards[index];
  if (mode == VerifyMode::none) return shard.state == ShardCase::State::accepted ? "none" : "none, given up";
  std::string name(mode_name(mode));
  if (mode == VerifyMode::spotcheck) {
    if (!is_checked(index) && shard.support < 2)
      return fmt::format("spotcheck unchecked, {} of {} shards checked", checks, shards.size());
    if (is_checked(index)) name += " checked";
  }
  if (shard.state == ShardCase::State::undecided)
    return fmt::format("{} undecided: no {} of {} agree", name, required(index), shard.answers.size());
  return fmt::format("{} {} of {}", name, shard.support, shard.answers.size());
}

std::string_view mode_name(VerifyMode mode) {
  switch (mode) {
    case VerifyMode::none: return "none";
    case VerifyMode::spotcheck: return "spotcheck";
    case VerifyMode::full: return "full";
    case VerifyMode::quorum: return "quorum";
    case VerifyMode::adaptive: return "adaptive";
  }
  return "unknown";
}

}  // namespace forgepool
