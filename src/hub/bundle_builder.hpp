#pragma once
/// Collects a finished job's evidence from the ledger. Blocking; runs on a pool thread.
#include "hub/job.hpp"
#include "hub/log_publication.hpp"

#include <forgepool/ledger.hpp>

namespace forgepool::hub {

/// What the builder needs to know of a job: a copy, so that it needs no access to the hub's state.
struct BundleFacts {
  JobId job;
  Contract contract;
  std::shared_ptr<const AdapterPackage> adapter;
  std::shared_ptr<const ContentKey> key;
  bool has_outputs = false;              ///< The accepted outputs are still in the store.
  std::string root;                      ///< The trusted root of now.
  std::optional<SignedHead> checkpoint;  ///< To prove everything against; none: one of now.
};

/// So many bytes of accepted outputs are put into a bundle whose contract does not ask for them: with them anybody can check
/// the result.
inline constexpr std::size_t max_unasked_output_bytes = 32u << 20;

/// The result's bytes, checked against nothing: the client compares them with the digest in the status.
Result<std::string> read_result(const Ledger& ledger, const BundleFacts& facts);

/// The signed bundle document. `unavailable` if the checkpoint is older than the job's end. `corrupt` if the ledger does not
/// hold what it must.
Result<std::string> build_bundle(Ledger& ledger, const BundleFacts& facts, const Signer& key);

}  // namespace forgepool::hub
