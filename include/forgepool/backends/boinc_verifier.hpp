#pragma once
/// BOINC's adaptive replication, for comparison (boinc.berkeley.edu/trac/wiki/AdaptiveReplication): an agent whose last N
/// answers were validated one after another is trusted if N ≥ `trusted_after`; a trusted agent's answer is accepted alone, but
/// with probability 1/N another one is asked for. Everything else needs two that agree. There, who returned an invalid answer
/// begins again with N = 0 and goes on (`quarantine` = false); in a hub it is put in quarantine, as with every verifier. It
/// makes no claim about errors: the bound it states is that of agents of whom nothing is known.
#include <forgepool/verifier.hpp>

namespace forgepool {

struct BoincVerifierOptions {
  std::uint64_t trusted_after = 10;   ///< BOINC's default.
  std::uint32_t max_executions = 24;  ///< Of one shard, see DuplicationVerifierOptions.
  /// False: as BOINC does. For simulations: what agents lost in jobs that ended does not come back after a restart.
  bool quarantine = true;
};

FORGEPOOL_API std::unique_ptr<Verifier> make_boinc_verifier(BoincVerifierOptions options = {});

}  // namespace forgepool
