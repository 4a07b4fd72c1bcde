#include "verifier/explain.hpp"

#include <fmt/format.h>

namespace forgepool {
namespace {

std::string standing(const JobCase& job, std::uint32_t index, const AgentTable& agents) {
  const ShardCase& shard = job.shards[index];
  const Rule& rule = *job.rule;
  switch (shard.state) {
    case ShardCase::State::accepted:
      if (job.canary) return fmt::format("a canary, whose result is known to be {}", abbreviate(shard.result));
      return fmt::format("accepted with {} ({})", abbreviate(shard.result), rule.name(job, index));
    case ShardCase::State::failed:
      return fmt::format("fails, as {} says ({})", abbreviate(shard.result), rule.name(job, index));
    case ShardCase::State::undecided: return fmt::format("given up as undecided ({})", rule.name(job, index));
    case ShardCase::State::open: break;
  }
  return rule.missing(job, index, tally(job, index, agents));
}

std::string remark(const JobCase& job, const ShardCase& shard, const KnownAnswer& answer, const AgentTable& agents) {
  std::string text;
  if (shard.state == ShardCase::State::accepted && answer.result != shard.result) {
    const bool agrees = job.agree(shard.result, answer.result);
    text += agrees ? ", which agrees with what was accepted" : ", not what was accepted";
    if (!agrees && job.comparator)
      if (const auto step = job.comparator->first_divergence(shard.result, answer.result))
        text += fmt::format(" (they differ from step {} on)", *step);
  }
  if (agents.in_quarantine(answer.agent)) return text + ", agent is in quarantine";
  const AgentTrust trust = job.trust(answer.agent, agents);
  if (trust.checks > 0) text += fmt::format(", agent passed {} checks", trust.checks);
  if (trust.on_probation) text += ", agent is on probation";
  return text;
}

}  // namespace

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

std::string abbreviate(const Digest& digest) {
  return "sha256:" + digest.hex().substr(0, 16) + "…";
}

std::string explain_shard(const JobCase& job, std::uint32_t index, const AgentTable& agents) {
  const ShardCase& shard = job.shards[index];
  std::string text = fmt::format("shard {} ({}): {}", to_string(ShardId{job.id, index}), mode_name(job.policy.verify),
                                 standing(job, index, agents));
  for (const KnownAnswer& answer : shard.answers)
    text +=
        fmt::format("\n  {} {} {} under lease {}{}", agents.id(answer.agent).str(), answer.failed ? "failed, as" : "returned",
                    abbreviate(answer.result), job.leases[answer.lease].str(), remark(job, shard, answer, agents));
  return text;
}

}  // namespace forgepool
