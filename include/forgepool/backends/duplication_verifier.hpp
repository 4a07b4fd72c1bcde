#pragma once
/// The default verifier: none, spotcheck, full and quorum, by exact comparison of result digests.
#include <forgepool/verifier.hpp>

#include <memory>

namespace forgepool {

struct DuplicationVerifierOptions {
  /// Executions of one shard, at most, before it is given up as undecided. Must exceed the replicas of any contract.
  std::uint32_t max_executions = 24;
};

FORGEPOOL_API std::unique_ptr<Verifier> make_duplication_verifier(DuplicationVerifierOptions options = {});

}  // namespace forgepool
