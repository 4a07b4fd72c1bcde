#pragma once
/// The signed statements between agents and ledger: receipts are checked against the lease they are for, verdicts are signed.
#include "hub/hub_core.hpp"

namespace forgepool::hub {

/// A statement ready for the ledger: its leaf, and its record without the index.
struct LoggedStatement {
  Bytes leaf;
  StatementRecord record;
};

/// What a report says of one shard: how it ended, and what its output is, if it has one.
struct ClaimedShard {
  std::uint32_t index = 0;  ///< As agents know it.
  SandboxOutcome::Kind kind = SandboxOutcome::Kind::setup_failed;
  int code = 0;
  std::optional<Digest> output;
};

/// Checks that `text` is a receipt for exactly this lease, in which each shard ended as the report says, and that an auditor
/// will accept it: identity/receipt_check.hpp. Errors as there, and invalid_input.
Result<LoggedStatement> check_receipt(const std::string& text, const Peer& peer, const HubIdentity& hub, const Lease& lease,
                                      const Job& job, const std::vector<ClaimedShard>& claimed, Time now);

/// Signs a verdict with the hub's key.
Result<LoggedStatement> sign_verdict(const ShardVerdict& verdict, const Job& job, const HubIdentity& hub,
                                     const RandomSource& random, Time now);

}  // namespace forgepool::hub
