#pragma once
/// Signed statements as they stand in a bundle: an envelope, its one signature, and the leaf that logs both.
#include "audit/log_proofs.hpp"
#include "identity/dsse.hpp"

namespace forgepool::audit {

/// Reads an envelope with exactly one signature. Nothing is verified.
Result<identity::Envelope> read_envelope(const std::string& where, std::string_view text);

/// Checks that the ledger holds the leaf of an envelope, of this `pae_digest`, whose one signature was made, and verified, with
/// `key`.
Status prove_logged(const std::string& where, const identity::Envelope& envelope, const Digest& pae_digest,
                    const PublicKey& key, const wire::LogPosition& position, const LogProofs& log);

}  // namespace forgepool::audit
