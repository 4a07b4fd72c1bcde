#include "audit/verdicts.hpp"

#include "audit/agreement.hpp"
#include "audit/statements.hpp"
#include "base/parallel.hpp"
#include "crypto/keys.hpp"
#include "identity/svid.hpp"

#include <algorithm>
#include <cmath>

namespace forgepool::audit {
namespace {

std::string name_of(const ShardAnswer& answer) {
  return "the answer of " + answer.agent.str() + " under lease " + answer.lease.str();
}

/// A verdict that is the hub's, about this job, and in the ledger. Whether it is right is another question.
struct OpenedVerdict {
  std::string where;
  std::uint64_t index = 0;
  ShardVerdict verdict;
  Time verified_at{};
};

std::string where_is(std::size_t number) {
  return "/verdicts/" + std::to_string(number);
}

/// What of a verdict can be checked by itself: that the hub signed it, and that it is in the ledger.
SignedVerdict open_verdict(const std::string& where, const wire::BundleStatement& statement, const Anchors& anchors,
                           const std::vector<DigestVerifier>& verifiers, const LogProofs& log) {
  if (!statement.chain.empty()) return refute(where + "/chain", "must be empty: the hub's key is in the trusted root");
  const auto envelope = read_envelope(where, statement.envelope);
  if (!envelope) return fail(envelope.error());
  const Digest pae_digest = envelope->pae_digest();
  const PublicKey* hub_key = nullptr;
  Status verified;
  for (std::size_t i = 0; i < verifiers.size(); ++i) {
    auto tried = identity::verify_envelope(*envelope, pae_digest, identity::in_toto_payload_type, verifiers[i]);
    if (tried)
      hub_key = &anchors.hub_keys[i];
    else if (i == 0)
      verified = std::move(tried);
  }
  if (!hub_key) return refute(where, "verdict_not_hubs", "is not signed by the hub: " + verified.error().message);
  auto read = identity::parse_verdict(as_text(envelope->payload));
  if (!read) return refute(where, read.error());
  if (const auto proved = prove_logged(where, *envelope, pae_digest, *hub_key, statement.position, log); !proved)
    return fail(proved.error());
  return read;
}

Status check_subject(const std::string& where, const identity::Verdict& read, const wire::Bundle& bundle,
                     const Anchors& anchors, const Computation& computation) {
  const identity::SpiffeId hub{anchors.trust_domain, identity::NodeRole::hub, "", ""};
  if (read.verifier != hub.uri()) return refute(where, "names " + read.verifier + " as verifier, expected " + hub.uri());
  if (read.contract != computation.contract.digest)
    return refute(where, "verdict_other_job", "is for the contract " + read.contract.str());
  if (read.adversary != computation.contract.policy.adversary)
    return refute(where, "gives its error bound for another adversary than the contract's");
  const ShardVerdict& verdict = read.shard;
  if (verdict.shard.job != bundle.job) return refute(where, "verdict_other_job", "is for job " + verdict.shard.job.str());
  if (verdict.shard.index >= computation.shards())
    return refute(where, "is for shard " + std::to_string(verdict.shard.index) + ", which the plan does not have");
  const std::string shard = "shard " + std::to_string(verdict.shard.index);
  if (verdict.decision == Decision::failed) return refute(where, "verdict_failed", "says that " + shard + " fails");
  if (verdict.decision != Decision::accepted) return refute(where, "verdict_undecided", "leaves " + shard + " undecided");
  return {};
}

/// Agents that count as one: of one operator, or with one key.
class Principals {
 public:
  explicit Principals(const Events& events) {
    std::map<std::string, std::size_t> of_operator;
    std::map<Digest, std::size_t> of_key;
    for (const auto& [agent, enrolled] : events.enrolled) {
      const std::size_t fresh = parents_.size();
      parents_.push_back(fresh);
      numbers_.emplace(agent, fresh);
      join(fresh, of_key.try_emplace(enrolled.key_pin, fresh).first->second);
      if (const auto& operator_id = enrolled.attested.operator_id; !operator_id.empty())
        join(fresh, of_operator.try_emplace(operator_id, fresh).first->second);
    }
  }
  /// Every agent with a receipt is enrolled.
  std::size_t of(const AgentId& agent) const { return root(numbers_.at(agent)); }

 private:
  std::size_t root(std::size_t number) const {
    while (parents_[number] != number) number = parents_[number];
    return number;
  }
  void join(std::size_t a, std::size_t b) { parents_[root(a)] = root(b); }

  std::map<AgentId, std::size_t> numbers_;
  std::vector<std::size_t> parents_;
};

/// Whether verdicts are entitled, by receipts and quarantines, to say what they say.
class Judge {
 public:
  Judge(const Computation& computation, const Events& events, const Receipts& receipts, const Agreement& agreement,
        const std::vector<OpenedVerdict>& by_shard)
      : policy_(computation.contract.policy),
        events_(events),
        receipts_(receipts),
        agreement_(agreement),
        by_shard_(by_shard),
        principals_(events) {
    for (const auto& [agent, event] : events.quarantined) out_from_.emplace(agent, from_when(event));
  }

  Status check_quarantine(const AgentId& agent, const QuarantineEvent& event) const {
    if (!event.answer) return {};
    const OpenedVerdict& decided = by_shard_[event.answer->shard];
    const std::string shard = "shard " + std::to_string(event.answer->shard);
    if (event.answer->accepted != decided.verdict.result)
      return refute(event.where, "quarantine_unfounded",
                    "says that " + event.answer->accepted.str() + " was accepted of " + shard + ", which was " +
                        decided.verdict.result.str());
    if (!agreement_.knows(event.answer->returned, event.answer->accepted))
      return refute(event.where, "is about outputs that the bundle does not hold");
    if (agreement_.same(event.answer->returned, event.answer->accepted))
      return refute(event.where, "quarantine_unfounded", "accuses " + agent.str() + " of the accepted answer");
    const auto& answers = receipts_.answers(event.answer->shard);
    if (std::ranges::none_of(answers, [&](const Answer& answer) {
          return answer.agent == agent && answer.result == event.answer->returned && answer.index < event.index;
        }))
      return refute(
          event.where, "quarantine_unfounded",
          "no receipt before it shows that " + agent.str() + " returned " + event.answer->returned.str() + " for " + shard);
    return {};
  }

  /// Returns how many agents agree; those of one operator, and those with one key, count as one.
  Result<std::uint32_t> check_verdict(const OpenedVerdict& decided) const {
    if (decided.index >= events_.result_index)
      return refute(decided.where, "out_of_order", "stands in the ledger after the result that rests on it");
    std::vector<std::pair<Digest, std::size_t>> counted;  // With whose it is.
    std::set<AgentId> named;
    for (const ShardAnswer& answer : decided.verdict.evidence) {
      if (const auto receipted = check_answer(decided, answer); !receipted) return fail(receipted.error());
      if (!named.insert(answer.agent).second)
        return refute(decided.where, "agent_counted_twice", "names " + answer.agent.str() + " twice in its evidence");
      if (!agreement_.knows(answer.result, decided.verdict.result))
        return refute(decided.where, "compares outputs that the bundle does not hold, of " + name_of(answer));
      if (counts(answer.agent, decided.index)) counted.emplace_back(answer.result, principals_.of(answer.agent));
    }
    const Digest& accepted = decided.verdict.result;
    const auto agents_for = [&](const Digest& result) {
      std::set<std::size_t> agreeing;
      for (const auto& [other, principal] : counted)
        if (agreement_.same(result, other)) agreeing.insert(principal);
      return static_cast<std::uint32_t>(agreeing.size());
    };
    const std::uint32_t support = agents_for(accepted), required = required_agreement(policy_);
    if (support < required)
      return refute(decided.where, "too_few_agree",
                    std::to_string(support) + " agents agree on the accepted result, the contract's policy (" +
                        std::string(to_string(policy_.verify)) + ") asks for " + std::to_string(required));
    for (const auto& [result, principal] : counted)
      if (const auto count = agents_for(result); !agreement_.same(result, accepted) && count >= support)
        return refute(decided.where, "not_the_most",
                      std::to_string(support) + " agents agree on the accepted result, but " + std::to_string(count) + " on " +
                          result.str());
    if (const auto bound = check_bound(decided); !bound) return fail(bound.error());
    return support;
  }

  /// The bound must follow from the evidence. How many checks an agent passed is the hub's word: they were in other shards, and
  /// other jobs.
  Status check_bound(const OpenedVerdict& decided) const {
    std::map<std::size_t, AgentTrust> most_trusted;
    std::uint32_t against = 0;
    for (const Evidence& answer : decided.verdict.evidence) {
      const bool counted = counts(answer.agent, decided.index), same = agreement_.same(answer.result, decided.verdict.result);
      if (answer.agrees && !(counted && same))
        return refute(decided.where, "counted_wrongly",
                      "counts " + name_of(answer) + ", which " +
                          (same ? "is of an agent in quarantine" : "does not agree with the accepted one"));
      if (answer.agrees) {
        const auto [entry, added] = most_trusted.try_emplace(principals_.of(answer.agent), answer.trust);
        if (!added && lie_bound(policy_.adversary, answer.trust) < lie_bound(policy_.adversary, entry->second))
          entry->second = answer.trust;
      }
      against += counted && !same;
    }
    std::vector<AgentTrust> support;
    for (const auto& [principal, trust] : most_trusted) support.push_back(trust);
    // The hub may count less, but not more. Machines differ in the last digits.
    constexpr double rounding = 1 + 1e-9;
    const double bound = error_bound(policy_.adversary, support, against), stated = decided.verdict.error_bound;
    if (stated * rounding < bound)
      return refute(decided.where, "bound_understated",
                    "states that the result is wrong with a probability of at most " + std::to_string(stated) +
                        ", its evidence shows " + std::to_string(bound));
    if (policy_.verify == VerifyMode::adaptive && stated > policy_.max_error * rounding)
      return refute(decided.where, "bound_too_large",
                    "accepts a result that is wrong with a probability of up to " + std::to_string(stated) +
                        ", the contract allows " + std::to_string(policy_.max_error));
    return {};
  }

 private:
  /// An agent is out when both its quarantine and the verdict that it contradicts are in the ledger: of the two, which the hub
  /// writes in one go, either may stand first.
  std::uint64_t from_when(const QuarantineEvent& event) const {
    return event.answer ? std::max(event.index, by_shard_[event.answer->shard].index) : event.index;
  }
  bool counts(const AgentId& agent, std::uint64_t index) const {
    const auto out = out_from_.find(agent);
    return out == out_from_.end() || index <= out->second;
  }

  Status check_answer(const OpenedVerdict& decided, const ShardAnswer& named) const {
    const Answer* answer = receipts_.find(decided.verdict.shard.index, named.agent, named.lease, named.result);
    if (!answer)
      return refute(decided.where, "answer_not_receipted",
                    "names " + name_of(named) + ", but no receipt in the bundle shows it");
    if (answer->index >= decided.index)
      return refute(decided.where, "out_of_order",
                    "stands in the ledger before the receipt of " + name_of(named) + ", which it rests on");
    return {};
  }

  const ContractPolicy& policy_;
  const Events& events_;
  const Receipts& receipts_;
  const Agreement& agreement_;
  const std::vector<OpenedVerdict>& by_shard_;
  const Principals principals_;
  std::map<AgentId, std::uint64_t> out_from_;
};

Result<std::vector<OpenedVerdict>> sort_verdicts(std::vector<SignedVerdict>& opened, const wire::Bundle& bundle,
                                                 const Anchors& anchors, const Computation& computation, LogProofs& log) {
  std::vector<OpenedVerdict> by_shard(computation.shards());
  for (std::size_t i = 0; i < opened.size(); ++i) {
    auto& read = opened[i];
    if (!read) return fail(read.error());
    const auto& position = bundle.verdicts[i].position;
    const std::string where = where_is(i);
    if (const auto claimed = log.claim(where, position); !claimed) return fail(claimed.error());
    if (const auto fits = check_subject(where, *read, bundle, anchors, computation); !fits) return fail(fits.error());
    OpenedVerdict& slot = by_shard[read->shard.shard.index];
    if (!slot.where.empty())
      return refute(where, "verdict_twice", "is a second verdict on shard " + std::to_string(read->shard.shard.index));
    slot = {where, position.index, std::move(read->shard), read->verified_at};
  }
  for (std::size_t shard = 0; shard < by_shard.size(); ++shard)
    if (by_shard[shard].where.empty())
      return refute("/verdicts", "verdict_missing", "there is none on shard " + std::to_string(shard));
  return by_shard;
}

}  // namespace

std::uint32_t required_agreement(const ContractPolicy& policy) {
  const bool replicated = policy.verify == VerifyMode::full || policy.verify == VerifyMode::quorum;
  return replicated ? std::max(1u, policy.replicas) : 1;
}

std::uint32_t required_confirmations(const ContractPolicy& policy, std::uint32_t shards) {
  // With collusion, adaptive has many agree on every shard and compares none in addition.
  const bool compares =
      policy.verify == VerifyMode::spotcheck || (policy.verify == VerifyMode::adaptive && !policy.adversary.collusion);
  if (!compares || !(policy.spotcheck_ratio > 0)) return 0;
  // The tolerance keeps 0.1 of 30 at 3, whatever 0.1 is in binary.
  const double checks = std::ceil(std::min(policy.spotcheck_ratio, 1.0) * shards - 1e-6);
  return std::min(shards, std::max(1u, static_cast<std::uint32_t>(std::max(checks, 0.0))));
}

std::vector<SignedVerdict> open_verdicts(const wire::Bundle& bundle, const Anchors& anchors, const LogProofs& log) {
  const std::vector<DigestVerifier> verifiers(anchors.hub_keys.begin(), anchors.hub_keys.end());
  return map_in_order(bundle.verdicts.size(),
                      [&](std::size_t i) { return open_verdict(where_is(i), bundle.verdicts[i], anchors, verifiers, log); });
}

Result<Verdicts> check_verdicts(std::vector<SignedVerdict> opened, const wire::Bundle& bundle, const Anchors& anchors,
                                const Computation& computation, const Events& events, const Receipts& receipts, LogProofs& log,
                                Trail& trail) {
  auto by_shard = sort_verdicts(opened, bundle, anchors, computation, log);
  if (!by_shard) return fail(by_shard.error());
  const auto agreement = Agreement::open(bundle, computation, receipts.failures());
  if (!agreement) return fail(agreement.error());
  if (!agreement->exact())
    trail.passed("compared", std::to_string(agreement->outputs()) + " outputs that differ, by the adapter's own rule");
  const Judge judge(computation, events, receipts, *agreement, *by_shard);
  for (const auto& [agent, event] : events.quarantined) {
    if (const auto fits = judge.check_quarantine(agent, event); !fits) return fail(fits.error());
    if (event.answer)
      trail.passed("quarantine of " + agent.str(), "its answer for shard " + std::to_string(event.answer->shard) + " lost");
    else
      trail.passed("quarantine of " + agent.str(), "caught elsewhere: the hub's word");
  }

  Verdicts verdicts;
  std::uint32_t confirmed = 0;
  const auto supports = map_in_order(by_shard->size(), [&](std::size_t i) { return judge.check_verdict((*by_shard)[i]); });
  for (std::size_t shard = 0; shard < supports.size(); ++shard) {
    const OpenedVerdict& decided = (*by_shard)[shard];
    const auto& support = supports[shard];
    if (!support) return fail(support.error());
    if (*support >= 2) ++confirmed;
    verdicts.error_bound = std::max(verdicts.error_bound, decided.verdict.error_bound);
    verdicts.expected_wrong += decided.verdict.error_bound;
    const Digest& accepted = decided.verdict.result;
    verdicts.accepted.push_back(accepted);
    std::string lost;
    for (const Evidence& answer : decided.verdict.evidence)
      if (answer.diverges_at)
        lost +=
            "; " + answer.agent.str() + " differs from step " + std::to_string(*answer.diverges_at) + " on, by the hub's word";
    for (const ShardAnswer& answer : decided.verdict.evidence)
      if (agreement->same(answer.result, accepted)) verdicts.winners.insert(answer.agent);
    for (const Answer& answer : receipts.answers(decided.verdict.shard.index))
      if (!answer.failed && agreement->knows(answer.result, accepted) && !agreement->same(answer.result, accepted))
        verdicts.losers.insert(answer.agent);
    trail.passed("verdict on shard " + std::to_string(decided.verdict.shard.index),
                 std::to_string(*support) + " agents agree; " + decided.verdict.rule + lost);
    verdicts.by_shard.push_back({{}, decided.verified_at, decided.index, *support});
  }
  // Until here the judge needed them all.
  for (std::size_t shard = 0; shard < by_shard->size(); ++shard)
    verdicts.by_shard[shard].verdict = std::move((*by_shard)[shard].verdict);
  if (const auto required = required_confirmations(computation.contract.policy, computation.shards()); confirmed < required)
    return refute("/verdicts", "too_few_confirmed",
                  "a second agent confirmed " + std::to_string(confirmed) + " shards, the contract's policy (" +
                      std::string(to_string(computation.contract.policy.verify)) + ") asks for " + std::to_string(required));
  return verdicts;
}

}  // namespace forgepool::audit
