#pragma once
/// m-first majority voting, for comparison: whatever the contract says, a shard is accepted as soon as `agreeing` agents
/// returned the same. m are asked at first; while they disagree, as many more as are missing. No trust, no history. The bound
/// it states is that of m agents of whom nothing is known. In its plain form nothing happens to those who lost (`quarantine` =
/// false); in a hub they are put in quarantine, as with every verifier.
#include <forgepool/verifier.hpp>

namespace forgepool {

struct MajorityVerifierOptions {
  std::uint32_t agreeing = 2;         ///< m, at least 2.
  std::uint32_t max_executions = 24;  ///< Of one shard, see DuplicationVerifierOptions.
  bool quarantine = true;             ///< False: the plain form.
};

FORGEPOOL_API std::unique_ptr<Verifier> make_majority_verifier(MajorityVerifierOptions options = {});

}  // namespace forgepool
