#pragma once
/// The default verifier. For contracts that say `adaptive` it executes every shard as often as it takes for their `max_error`
/// against their adversary (credibility.hpp has the mathematics); the other modes are those of duplication_verifier.hpp.
///  - A shard runs once at first. One answer is enough if its agent passed `checks_needed` checks and the shard is none of the
///    ceil(`spotcheck_ratio` * shards) that the secret chose to compare in any case. Else more are asked for, one operator
///    each, until the bound of those that agree is `max_error` or less; if others contradict them, they must also be more.
///  - What such an agent returned waits while earlier answers of it in the same job are being compared: if it is caught, none
///  of it
///    counts.
///  - Whoever agreed with an accepted result when it was compared has passed a check; whoever did not is in quarantine and what
///  it
///    earned is gone. Nothing else changes trust: it does not decay, and it does not lower the rate of comparison.
///  - Per accepted shard, with the probability `canary_ratio`, a shard whose result is known is given out again as a canary,
///  see
///    `Canary`. One agent cannot tell it from work. Agents that work together can, if one of them had it before and all share
///    what they had: the parameters are the same, as they must be for the result to be known. So canaries do not enter any
///    bound with collusion; they still catch who lies without asking the others.
///  - With collusion, as many agents as must be ahead are asked at once.
/// In a long run that is 1 + `spotcheck_ratio` + `canary_ratio` executions per shard; as long as agents are new, up to
/// `lead_needed`.
#include <forgepool/verifier.hpp>

namespace forgepool {

struct AdaptiveVerifierOptions {
  double canary_ratio = 0.01;         ///< 0 … 1. Work that makes nothing but trust and distrust.
  double min_spotcheck_ratio = 0;     ///< 0 … 1. Where contracts compare part of their shards, at least so much.
  std::uint32_t max_executions = 48;  ///< Of one shard before it is given up as undecided, see DuplicationVerifierOptions.
};

FORGEPOOL_API std::unique_ptr<Verifier> make_adaptive_verifier(AdaptiveVerifierOptions options = {});

}  // namespace forgepool
