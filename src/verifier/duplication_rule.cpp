#include "verifier/duplication_rule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "verifier/court.hpp"
#include "verifier/explain.hpp"
#include "verifier/terms.hpp"

namespace forgepool {
namespace {

constexpr std::string_view kind = "duplication";

/// How many must agree on the shard. Of adaptive, which this rule does not know, as many as against collusion. That a shard
/// fails ends the whole job: where part of the shards is compared it is compared always.
std::uint32_t required(const JobCase& job, std::uint32_t index, bool failed) {
  switch (job.policy.verify) {
    case VerifyMode::none: return 1;
    case VerifyMode::spotcheck: return failed || job.is_checked(index) ? 2 : 1;
    case VerifyMode::full:
    case VerifyMode::quorum: break;
    case VerifyMode::adaptive: return lead_needed(job.policy.adversary, job.policy.max_error);
  }
#if FORGEPOOL_MUTANT == 3  // For tests/simulation: one agent less is enough.
  return std::max(2u, job.policy.replicas) - 1;
#endif
  return std::max(1u, job.policy.replicas);
}

/// The shard may not be accepted before the checked ones are settled. One that happened to be compared (an answer came late)
/// is as good as checked, and must come first: it may show that what others rest on was returned by a liar.
bool holds_back(const JobCase& job, std::uint32_t index, const Tally& votes) {
  return job.open_checks > 0 && !job.is_checked(index) && votes.support < 2;
}

}  // namespace

std::string DuplicationRule::terms() const {
  return write_terms(kind, {{"max_executions", options_.max_executions}});
}

void DuplicationRule::begin(JobCase& job) const {
  if (job.policy.verify == VerifyMode::spotcheck) job.choose_checked();
}

Opinion DuplicationRule::consider(JobCase& job, std::uint32_t index, const Tally& votes, const AgentTable&) const {
  const std::uint32_t must_agree = required(job, index, votes.failed), outstanding = job.shards[index].outstanding();
  // With adaptive, those who agree must also be so far ahead.
  const std::uint32_t against = job.policy.verify == VerifyMode::adaptive ? votes.against : 0;
  if (votes.support >= must_agree + against && votes.clear)
    return {holds_back(job, index, votes) ? Opinion::What::wait : Opinion::What::accept};
  // Fewer than the policy starts with: answers were discarded, or none was asked for yet.
  if (votes.valid + outstanding < must_agree) return {Opinion::What::ask, must_agree - votes.valid - outstanding};
  if (outstanding > 0) return {};
  // They disagree. `full` asks for a tie-breaker at a time; `quorum` for as many as could make the leader the winner.
  const bool by_one = job.policy.verify != VerifyMode::quorum || votes.support >= must_agree;
  return {Opinion::What::ask, by_one ? 1 : must_agree - votes.support};
}

void DuplicationRule::settled(JobCase& job, std::uint32_t index, const AgentTable&, Consequences& consequences) const {
  if (!job.is_checked(index) || --job.open_checks > 0) return;
  for (std::uint32_t other = 0; other < job.shards.size(); ++other)
    if (!job.shards[other].answers.empty() && job.shards[other].state == ShardCase::State::open)
      consequences.reconsider.push_back(other);
}

std::string DuplicationRule::name(const JobCase& job, std::uint32_t index) const {
  const ShardCase& shard = job.shards[index];
  if (job.policy.verify == VerifyMode::none) return shard.state == ShardCase::State::undecided ? "none, given up" : "none";
  std::string name(mode_name(job.policy.verify));
  if (job.policy.verify == VerifyMode::spotcheck) {
    if (!job.is_checked(index) && shard.support < 2)
      return fmt::format("spotcheck unchecked, {} of {} shards checked", job.checks, job.shards.size());
    if (job.is_checked(index)) name += " checked";
  }
  if (shard.state == ShardCase::State::undecided)
    return fmt::format("{} undecided: no {} of {} agree", name, required(job, index, false), shard.answers.size());
  return fmt::format("{} {} of {}", name, shard.support, shard.answers.size());
}

std::string DuplicationRule::missing(const JobCase& job, std::uint32_t index, const Tally& votes) const {
  const std::uint32_t must_agree = required(job, index, votes.failed);
  if (votes.clear && votes.support >= must_agree)
    return fmt::format("answered; held back until the {} checked shards that are open are settled", job.open_checks);
  return fmt::format("waiting for {} executions: {} of {} answers that count agree, {} must", job.shards[index].outstanding(),
                     votes.support, votes.valid, must_agree);
}

std::unique_ptr<Verifier> make_duplication_verifier(DuplicationVerifierOptions options) {
  return make_court(std::make_unique<DuplicationRule>(options), [](std::string_view terms) -> std::unique_ptr<const Rule> {
    const auto numbers = read_terms(terms, kind, {"max_executions"});
    if (!numbers) return nullptr;
    return std::make_unique<DuplicationRule>(DuplicationVerifierOptions{to_count(numbers->front())});
  });
}

}  // namespace forgepool
