#pragma once
/// BOINC's adaptive replication, for comparison (boinc.berkeley.edu/trac/wiki/AdaptiveReplication): an agent whose last N
/// answers were validated one after another is trusted if N ≥ `trusted_after`; a trusted agent's answer is accepted alone, but
/// with probability 1/N another one is asked for. Everything else needs two that agree. Unlike there, an agent that lost is not
/// only distrusted but in quarantine, as with every verifier here. It makes no claim about errors: the bound it states is that
/// of agents of whom nothing is known.
#include <forgepool/verifier.hpp>

namespace forgepool {

struct BoincVerifierOptions {
  std::uint64_t trusted_after = 10;   ///< BOINC's default.
  std::uint32_t max_executions = 24;  ///< Of one shard, see DuplicationVerifierOptions.
};

FORGEPOOL_API std::unique_ptr<Verifier> make_boinc_verifier(BoincVerifierOptions options = {});

}  // namespace forgepool
