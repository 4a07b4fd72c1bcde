#pragma once
/// What makes a receipt good, whoever asks: the hub before it takes one, the auditor years later. One function for both, so
/// that no agent can sign something that the hub counts and an auditor then refuses.
#include "identity/dsse.hpp"
#include "identity/receipt.hpp"
#include "identity/svid.hpp"

#include <forgepool/adapter.hpp>

namespace forgepool::identity {

/// What a receipt is held against.
struct ReceiptTerms {
  const std::vector<Issuer>& issuers;  ///< Of agents' certificates.
  std::string_view job;                ///< The pseudonym.
  Digest contract;                     ///< The commitment to contract and job.
  const Plan& plan;
  SandboxLevel minimum_level = SandboxLevel::none;  ///< Of the contract.
};

struct CheckedReceipt {
  Receipt receipt;
  Svid signer;
};

/// Checks that
///  - `chain` (DER, leaf first) leads to one of the issuers and is an agent's, and was in force when the receipt says that the
///  work ended;
///  - the envelope has one signature, and it is by that key;
///  - the payload is a receipt of that agent, for this job, adapter, limits and relaxations;
///  - the sandbox was of the contract's level or a better one, and the runs of the plan's determinism class or a stricter one,
///  in its world;
///  - each shard is one of the plan's, with its parameters and inputs.
/// Which shards the lease was for, and whether the outputs are those that were sent, is for the hub to see. Errors:
/// unauthenticated with the codes of verify_svid, or svid_role, receipt_signature, receipt_agent; invalid_input, starting with
/// "receipt", for the rest. Among these invalid_input with the codes receipt_contract, receipt_sandbox_level and
/// receipt_determinism.
Result<CheckedReceipt> check_receipt(const Envelope& envelope, const std::vector<Bytes>& chain, const ReceiptTerms& terms);

}  // namespace forgepool::identity
