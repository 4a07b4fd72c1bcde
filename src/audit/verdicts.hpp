#pragma once
/// What the hub decided, and whether it was entitled to: a verdict must follow from receipts by the policy of the contract.
#include "audit/receipts.hpp"
#include "identity/verdict.hpp"

#include <forgepool/time.hpp>
#include <forgepool/verifier.hpp>

#include <set>

namespace forgepool::audit {

/// A verdict that holds.
struct VerdictRecord {
  ShardVerdict verdict;
  Time verified_at{};         ///< By the hub's clock.
  std::uint64_t index = 0;    ///< In the ledger.
  std::uint32_t support = 0;  ///< How many agents agree.
};

struct Verdicts {
  std::vector<Digest> accepted;  ///< Result digest of each shard.
  std::set<AgentId> winners;     ///< Agents whose answer was accepted somewhere.
  std::set<AgentId> losers;      ///< Agents whose receipted answer was another than the accepted one.
  double error_bound = 0;        ///< The largest P(wrong) of a shard,
  double expected_wrong = 0;     ///< and the sum of all.
  std::vector<VerdictRecord> by_shard;
};

/// What can be said of a verdict by itself: that the hub signed it, and that it is in the ledger.
using SignedVerdict = Result<identity::Verdict>;
/// In the order of the bundle, up to the first that is not so. On all processors.
std::vector<SignedVerdict> open_verdicts(const wire::Bundle& bundle, const Anchors& anchors, const LogProofs& log);

/// Checks what was opened: that there is exactly one verdict per shard, after everything it rests on and before the result;
/// that every answer in its evidence is receipted; that enough different agents agree (see `required_agreement`), more than on
/// any other result; that the error bound is no smaller than what follows from the evidence, and of an adaptive contract no
/// larger than it allows; and that every quarantine event is about an answer that lost.
Result<Verdicts> check_verdicts(std::vector<SignedVerdict> opened, const wire::Bundle& bundle, const Anchors& anchors,
                                const Computation& computation, const Events& events, const Receipts& receipts, LogProofs& log,
                                Trail& trail);

/// How many agents must agree on a shard. Which shards of a spot-checked job were checked is the hub's secret: of any one of
/// them only that it ran can be demanded.
std::uint32_t required_agreement(const ContractPolicy& policy);
/// How many shards must have been confirmed by a second agent: of a spot-checked or adaptive job ceil(ratio * shards), at least
/// one unless the ratio is 0; of others none.
std::uint32_t required_confirmations(const ContractPolicy& policy, std::uint32_t shards);

}  // namespace forgepool::audit
