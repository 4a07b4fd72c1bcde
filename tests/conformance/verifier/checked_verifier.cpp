#include "checked_verifier.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

#include "actions.hpp"

namespace forgepool::testing {

std::vector<VerifierAction> CheckedVerifier::make_call(Call call, std::optional<JobId> job) {
  calls_.push_back({std::move(job), call});
  const auto actions = call(*real_);
  REQUIRE(describe(actions) == describe(call(*twin_)));
  // Like the hub: who is caught stays so when the job is forgotten.
  for (const auto& action : actions)
    if (const auto* caught = std::get_if<Quarantine>(&action))
      calls_.push_back({std::nullopt, [agent = caught->agent](Verifier& verifier) { return verifier.quarantine(agent); }});
    else if (const auto* refuted = std::get_if<Discredit>(&action))
      calls_.push_back({std::nullopt, [agent = refuted->agent, claims = refuted->refuted](Verifier& verifier) {
                          verifier.discredit(agent, claims);
                          return std::vector<VerifierAction>();
                        }});
  check(actions);
  return actions;
}

std::vector<VerifierAction> CheckedVerifier::begin(const VerifierJob& job) {
  const bool known = shards_.contains({job.id, 0});
  for (std::uint32_t i = 0; i < job.shards && !known; ++i) {
    shards_[{job.id, i}];
    if (i < job.known.size()) shards_[{job.id, i}].known = job.known[i];
  }
  const auto actions = make_call([=](Verifier& verifier) { return verifier.begin(job); }, job.id);
  if (known) REQUIRE(actions.empty());
  return actions;
}

std::vector<VerifierAction> CheckedVerifier::answer(const ShardAnswer& answer) {
  const auto shard = shards_.find(answer.shard);
  const bool counts = shard != shards_.end() && std::ranges::find(shard->second.answers, answer.agent, &ShardAnswer::agent) ==
                                                    shard->second.answers.end();
  if (counts) {
    shard->second.answers.push_back(answer);
    --shard->second.outstanding;
  }
  const auto actions = make_call([=](Verifier& verifier) { return verifier.answer(answer); }, answer.shard.job);
  if (!counts) REQUIRE(actions.empty());
  return actions;
}

std::vector<VerifierAction> CheckedVerifier::quarantine(const AgentId& agent) {
  const bool news = quarantined_.insert(agent).second;
  const auto actions = make_call([=](Verifier& verifier) { return verifier.quarantine(agent); });
  if (!news) REQUIRE(actions.empty());
  return actions;
}

std::vector<VerifierAction> CheckedVerifier::pardon(const AgentId& agent) {
  const bool news = quarantined_.erase(agent) > 0;
  const auto actions = make_call([=](Verifier& verifier) { return verifier.pardon(agent); });
  if (!news) REQUIRE(actions.empty());
  if (news && !in_quarantine(agent)) REQUIRE(real_->standing(agent).trust.checks <= shards_.size());
  return actions;
}

void CheckedVerifier::meet(const VerifierAgent& agent) {
  make_call([=](Verifier& verifier) {
    verifier.meet(agent);
    return std::vector<VerifierAction>();
  });
}

void CheckedVerifier::end(const JobId& job) {
  std::erase_if(shards_, [&](const auto& entry) { return entry.first.job == job; });
  const auto earned = real_->end(job);
  REQUIRE(twin_->end(job) == earned);
  REQUIRE(std::ranges::is_sorted(earned, {}, &AgentCredit::agent));
  for (const auto& one : earned) REQUIRE_FALSE(in_quarantine(one.agent));
  // After a restart, what was earned stands for all calls about the job.
  const auto before = std::ranges::remove_if(calls_, [&](const Recorded& call) { return call.job == job; });
  calls_.erase(before.begin(), before.end());
  calls_.push_back({std::nullopt, [=](Verifier& verifier) {
                      verifier.credit(earned);
                      return std::vector<VerifierAction>();
                    }});
  REQUIRE(real_->explain({job, 0}).empty());
}

void CheckedVerifier::restart() {
  auto replayed = make_();
  for (const Recorded& recorded : calls_) recorded.call(*replayed);
  for (const auto& [id, shard] : shards_) REQUIRE(replayed->explain(id) == real_->explain(id));
  for (const auto& agent : quarantined_) REQUIRE(replayed->standing(agent).in_quarantine);
  real_ = std::move(replayed);
}

void CheckedVerifier::check(const std::vector<VerifierAction>& actions) {
  for (const auto& action : actions) std::visit([&](const auto& each) { check(each); }, action);
  for (const auto& action : actions) {
    const auto* verdict = std::get_if<ShardVerdict>(&action);
    if (!verdict || verdict->decision != Decision::accepted) continue;
    for (const auto& answer : verdict->evidence)
      if (answer.result != verdict->result && !answer.failed) REQUIRE(in_quarantine(answer.agent));
  }
  check_all();
}

void CheckedVerifier::check(const Execute& execute) {
  REQUIRE(execute.count > 0);
  REQUIRE(shards_.contains(execute.shard));
  Shard& shard = shards_.at(execute.shard);
  REQUIRE_FALSE(shard.verdict);
  shard.outstanding = std::max<std::int64_t>(shard.outstanding, 0) + execute.count;
}

void CheckedVerifier::check(const ShardVerdict& verdict) {
  REQUIRE(shards_.contains(verdict.shard));
  Shard& shard = shards_.at(verdict.shard);
  REQUIRE_FALSE(shard.verdict);
  REQUIRE_FALSE(shard.known);
  REQUIRE(std::vector<ShardAnswer>(verdict.evidence.begin(), verdict.evidence.end()) == shard.answers);
  REQUIRE_FALSE(verdict.rule.empty());
  REQUIRE(verdict.error_bound >= 0);
  REQUIRE(verdict.error_bound <= 1);
  for (const auto& answer : verdict.evidence)
    REQUIRE_FALSE((answer.agrees && (answer.result != verdict.result || in_quarantine(answer.agent))));
  const auto supports = [&](const ShardAnswer& answer) {
    return answer.result == verdict.result && !in_quarantine(answer.agent);
  };
  if (verdict.decision != Decision::undecided) REQUIRE(std::ranges::any_of(verdict.evidence, supports));
  for (const auto& answer : verdict.evidence)
    if (verdict.decision != Decision::undecided && answer.result == verdict.result)
      REQUIRE(answer.failed == (verdict.decision == Decision::failed));
  shard.verdict = verdict;
}

void CheckedVerifier::check(const Quarantine& quarantine) {
  REQUIRE(quarantined_.insert(quarantine.agent).second);
  const Shard& shard = shards_.at(quarantine.shard);
  REQUIRE((shard.known || (shard.verdict && shard.verdict->decision == Decision::accepted)));
  REQUIRE((shard.known ? *shard.known : shard.verdict->result) == quarantine.accepted);
  REQUIRE(quarantine.returned != quarantine.accepted);
  REQUIRE_FALSE(quarantine.reason.empty());
  const auto answer = std::ranges::find(shard.answers, quarantine.agent, &ShardAnswer::agent);
  REQUIRE(answer != shard.answers.end());
  REQUIRE(answer->result == quarantine.returned);
}

void CheckedVerifier::check(const Discredit& discredit) {
  const Shard& shard = shards_.at(discredit.shard);
  REQUIRE((shard.known || (shard.verdict && shard.verdict->decision == Decision::accepted)));
  REQUIRE((shard.known ? *shard.known : shard.verdict->result) == discredit.accepted);
  REQUIRE_FALSE(in_quarantine(discredit.agent));
  REQUIRE(discredit.refuted > 0);
  REQUIRE(discredit.refuted < refuted_claims_allowed);
  const auto answer = std::ranges::find(shard.answers, discredit.agent, &ShardAnswer::agent);
  REQUIRE(answer != shard.answers.end());
  REQUIRE(answer->failed);
  REQUIRE(answer->result == discredit.returned);
}

void CheckedVerifier::check(const Canary& canary) {
  REQUIRE(shards_.contains({canary.job, 0}));
  REQUIRE_FALSE(shards_.at({canary.job, 0}).known);  // Tests are not tested.
}

void CheckedVerifier::check_all() const {
  for (const auto& [id, shard] : shards_) REQUIRE_FALSE(real_->explain(id).empty());
  // Nothing may wait for nobody: whatever is open is asked for, or held back for something else of its job that is.
  std::set<JobId> asking;
  for (const auto& [id, shard] : shards_)
    if (!shard.verdict && shard.outstanding > 0) asking.insert(id.job);
  const auto counts = [&](const ShardAnswer& answer) { return !in_quarantine(answer.agent); };
  for (const auto& [id, shard] : shards_) {
    if (shard.verdict || shard.known) continue;
    REQUIRE(asking.contains(id.job));
    REQUIRE((shard.outstanding > 0 || std::ranges::any_of(shard.answers, counts)));
  }
}

}  // namespace forgepool::testing
