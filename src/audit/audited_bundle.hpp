#pragma once
/// A bundle that holds, with everything that was read on the way: what reports and exports are made of.
#include "audit/outcome.hpp"

namespace forgepool::audit {

struct AuditedBundle {
  AuditReport report;
  wire::Bundle bundle;
  Computation computation;
  LedgerHead head;
  VerifierKey log_key;  ///< The one of the trusted root's that signed the checkpoint.
  std::string trust_domain;
  std::vector<PublicKey> hub_keys;
  Events events;
  std::vector<ReceiptRecord> receipts;  ///< As in the bundle.
  Verdicts verdicts;
};

/// What `verify_bundle` checks.
Result<AuditedBundle> audit_bundle(std::string_view document, std::string_view trusted_root, const AuditAids& aids = {});

}  // namespace forgepool::audit
