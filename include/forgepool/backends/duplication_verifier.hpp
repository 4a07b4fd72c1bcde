#pragma once
/// The default verifier, by exact comparison of result digests. A shard is accepted
///  - none: with the first answer;
///  - full: when `replicas` agents agree, and more than on any other result. All are asked at once; while they disagree, one
///  more at
///    a time. With replicas = 1 nothing is compared: the same as none;
///  - quorum: by the same rule, but agents that could make the leading result win are asked for all at once;
///  - spotcheck: ceil(`spotcheck_ratio` * shards) shards, chosen by the secret, as for full with 2 replicas; the others with
///  one
///    answer, and not before every checked shard is decided: what an agent that is caught returned until then is executed
///    again.
/// So a wrong result is accepted only if as many agents as must agree collude on it, or where nothing is compared.
#include <forgepool/verifier.hpp>

#include <memory>

namespace forgepool {

struct DuplicationVerifierOptions {
  /// Executions of one shard, at most, before it is given up as undecided, those of agents in quarantine included. Must exceed
  /// the replicas of any contract.
  std::uint32_t max_executions = 24;
};

FORGEPOOL_API std::unique_ptr<Verifier> make_duplication_verifier(DuplicationVerifierOptions options = {});

}  // namespace forgepool
