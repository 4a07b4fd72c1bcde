#include "testing/evidence_checker.hpp"

#include "wire/failure.hpp"
#include "wire/messages.hpp"

#include <algorithm>

namespace forgepool::testing {
namespace {

/// What a report says of a shard, as it is compared.
Digest answer_of(const wire::fb::ShardReportT& shard) {
  for (const auto kind :
       {SandboxOutcome::Kind::signalled, SandboxOutcome::Kind::out_of_memory, SandboxOutcome::Kind::pids_limit,
        SandboxOutcome::Kind::timed_out_cpu, SandboxOutcome::Kind::timed_out_wall, SandboxOutcome::Kind::output_limit,
        SandboxOutcome::Kind::policy_violation})
    if (shard.outcome == to_string(kind)) return wire::failure_digest(kind, shard.code);
  if (shard.code != 0) return wire::failure_digest(SandboxOutcome::Kind::exited, shard.code);
  return sha256(shard.output);
}

}  // namespace

std::optional<AgentId> agent_of(const Peer& peer) {
  constexpr std::string_view marker = "/agent/";
  const auto at = peer.name.find(marker);
  if (at == std::string::npos) return std::nullopt;
  return AgentId(peer.name.substr(at + marker.size()));
}

void EvidenceChecker::expect(bool holds, const ShardId& shard, const std::string& what) {
  violations_.expect(holds, "evidence", "shard " + to_string(shard) + ": " + what);
}

void EvidenceChecker::hub_died() {
  answers_.clear();
  decided_.clear();
  in_quarantine_.clear();
}

void EvidenceChecker::requested(const Peer& peer, const Request& request) {
  if (request.path != "/v1/agent/result") return;
  const auto agent = agent_of(peer);
  const auto report = wire::decode<wire::fb::LeaseResultT>(request.body);
  if (!agent || !report) return;
  for (const auto& shard : report->shards) reported_.emplace(*agent, LeaseId(report->lease), shard->index, answer_of(*shard));
}

void EvidenceChecker::answered(const ShardAnswer& answer) {
  // A canary is no job that anybody submitted, and numbers its shards otherwise than agents do.
  const bool canary = !truth_.jobs.contains(answer.shard.job);
  const auto first = reported_.lower_bound({answer.agent, answer.lease, 0, {}});
  const auto last = reported_.upper_bound({answer.agent, answer.lease, UINT32_MAX, {}});
  const bool reported = canary ? std::any_of(first, last, [&](const auto& one) { return std::get<3>(one) == answer.result; })
                               : reported_.contains({answer.agent, answer.lease, answer.shard.index, answer.result});
  expect(reported, answer.shard,
         "an answer counts that " + answer.agent.str() + " did not report under lease " + answer.lease.str());
  expect(answers_[answer.shard].insert(answer.agent).second, answer.shard, "answers of " + answer.agent.str() + " count twice");
}

std::uint32_t EvidenceChecker::required(const ShardVerdict& verdict, const JobTruth& job) const {
  switch (job.policy.verify) {
    case VerifyMode::full:
    case VerifyMode::quorum: return std::max(1u, job.policy.replicas);
    case VerifyMode::spotcheck: return verdict.rule.find("unchecked") == std::string::npos ? 2 : 1;
    default: return 1;
  }
}

void EvidenceChecker::decided(const ShardVerdict& verdict) {
  ++verdicts_;
  expect(decided_.emplace(verdict.shard, verdict.result).second, verdict.shard, "it was decided twice");
  const auto job = truth_.jobs.find(verdict.shard.job);
  if (job == truth_.jobs.end()) return expect(false, verdict.shard, "it is of no job that was submitted");
  for (const auto& answer : verdict.evidence)
    expect(answers_[verdict.shard].contains(answer.agent), verdict.shard,
           "the evidence holds an answer of " + answer.agent.str() + " that never came");
  if (verdict.decision == Decision::accepted) {
    check_accepted(verdict);
    last_decision_[verdict.shard] = verdict.result;
  }
}

void EvidenceChecker::check_accepted(const ShardVerdict& verdict) {
  const JobTruth& job = truth_.jobs.at(verdict.shard.job);
  std::set<AgentId> support;
  for (const auto& answer : verdict.evidence)
    if (answer.result == verdict.result && !in_quarantine_.contains(answer.agent)) support.insert(answer.agent);
  const std::uint32_t needed = required(verdict, job);
  expect(support.size() >= needed, verdict.shard,
         "accepted (" + verdict.rule + ") by " + std::to_string(support.size()) + " agents; the policy asks for " +
             std::to_string(needed));
  if (job.policy.verify == VerifyMode::adaptive)
    expect(verdict.error_bound <= job.policy.max_error, verdict.shard,
           "accepted (" + verdict.rule + ") with an error bound of " + std::to_string(verdict.error_bound) +
               "; the policy allows " + std::to_string(job.policy.max_error));
  if (verdict.shard.index < job.right.size() && verdict.result == job.right[verdict.shard.index]) return;
  expect(std::ranges::all_of(support, [&](const AgentId& agent) { return truth_.cheats(agent); }), verdict.shard,
         "a wrong result was accepted that an honest agent is said to have returned");
  expect(support.size() < 2 || support.size() <= truth_.in_league(), verdict.shard,
         "a wrong result was accepted that nobody could have agreed on");
}

void EvidenceChecker::caught(const Quarantine& quarantine) {
  in_quarantine_.insert(quarantine.agent);
  ever_caught_.insert(quarantine.agent);
  if (truth_.in_league() < 2)
    expect(truth_.cheats(quarantine.agent), quarantine.shard,
           "the honest agent " + quarantine.agent.str() + " is in quarantine");
}

const Digest* EvidenceChecker::accepted(const ShardId& shard) const {
  const auto found = last_decision_.find(shard);
  return found == last_decision_.end() ? nullptr : &found->second;
}

}  // namespace forgepool::testing
