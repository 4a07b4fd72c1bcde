#include "verifier/explain.hpp"

#include <fmt/format.h>

namespace forgepool {
namespace {

std::string standing(const JobCase& job, std::uint32_t index, const AgentTable& agents) {
  const ShardCase& shard = job.shards[index];
  switch (shard.state) {
    case ShardCase::State::accepted: return fmt::format("accepted with {} ({})", abbreviate(shard.result), job.rule(index));
    case ShardCase::State::undecided: return fmt::format("given up as undecided ({})", job.rule(index));
    case ShardCase::State::open: break;
  }
  const Tally votes = tally(shard, agents);
  const std::uint32_t required = job.required(index);
  if (votes.clear && votes.support >= required)
    return fmt::format("answered; held back until the {} checked shards that are open are settled", job.open_checks);
  return fmt::format("waiting for {} executions: {} of {} answers that count agree, {} must", shard.outstanding(),
                     votes.support, votes.valid, required);
}

std::string remark(const ShardCase& shard, const KnownAnswer& answer, const AgentTable& agents) {
  const bool lost = shard.state == ShardCase::State::accepted && answer.result != shard.result;
  return fmt::format("{}{}", lost ? ", not what was accepted" : "",
                     agents.in_quarantine(answer.agent) ? ", agent is in quarantine" : "");
}

}  // namespace

std::string abbreviate(const Digest& digest) {
  return "sha256:" + digest.hex().substr(0, 16) + "…";
}

std::string explain_shard(const JobCase& job, std::uint32_t index, const AgentTable& agents) {
  const ShardCase& shard = job.shards[index];
  std::string text =
      fmt::format("shard {} ({}): {}", to_string(ShardId{job.id, index}), mode_name(job.mode), standing(job, index, agents));
  for (const KnownAnswer& answer : shard.answers)
    text += fmt::format("\n  {} returned {} under lease {}{}", agents.id(answer.agent).str(), abbreviate(answer.result),
                        job.leases[answer.lease].str(), remark(shard, answer, agents));
  return text;
}

}  // namespace forgepool
