#pragma once
/// The signed statements between agents and ledger: receipts are checked against the lease they are for, verdicts are signed.
#include "hub/hub_core.hpp"

namespace forgepool::hub {

/// A statement ready for the ledger: its leaf, and its record without the index.
struct LoggedStatement {
  Bytes leaf;
  StatementRecord record;
};

/// Checks that `text` is a receipt for exactly this lease, with the outputs (or none) that the report gives for each shard, and
/// that an auditor will accept it: identity/receipt_check.hpp. Errors as there, and invalid_input.
Result<LoggedStatement> check_receipt(const std::string& text, const Peer& peer, const HubIdentity& hub, const Lease& lease,
                                      const Job& job,
                                      const std::vector<std::pair<std::uint32_t, std::optional<Digest>>>& results, Time now);

/// Signs a verdict with the hub's key.
Result<LoggedStatement> sign_verdict(const ShardVerdict& verdict, const Job& job, const HubIdentity& hub,
                                     const RandomSource& random, Time now);

}  // namespace forgepool::hub
