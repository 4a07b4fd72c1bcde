#pragma once
/// RFC 6962 Merkle trees and C2SP checkpoints, for whoever checks a log without trusting it. Pure functions.
#include <forgepool/ledger.hpp>

namespace forgepool {

/// SHA-256(0x00 ‖ leaf).
FORGEPOOL_API Digest leaf_hash(ByteView leaf);
/// SHA-256(0x01 ‖ left ‖ right).
FORGEPOOL_API Digest node_hash(const Digest& left, const Digest& right);
/// Root over leaf hashes; of none, the digest of the empty string.
FORGEPOOL_API Digest merkle_root(std::span<const Digest> leaf_hashes);

/// RFC 9162 section 2.1.3.2. `corrupt` if the path does not lead from the leaf to the root.
FORGEPOOL_API Status verify_inclusion(const Digest& leaf, std::uint64_t index, const LedgerHead& head, const MerklePath& path);
/// RFC 9162 section 2.1.4.2. A proof from size 0 is an error.
FORGEPOOL_API Status verify_consistency(const LedgerHead& older, const LedgerHead& newer, const MerklePath& path);

/// C2SP signed-note key name and Ed25519 key, "vkey" form: <name>+<hash>+<base64>. Empty if `key` is not Ed25519.
FORGEPOOL_API std::string to_vkey(std::string_view name, const PublicKey& key);

struct VerifierKey {
  std::string name;
  PublicKey key;
};
/// invalid_input unless it is a well-formed Ed25519 vkey whose hash fits its name and key.
FORGEPOOL_API Result<VerifierKey> parse_vkey(std::string_view text);

/// Makes a tlog-checkpoint over `head`, signed as `origin` (which is also the key's name).
/// invalid_input if `origin` cannot be a key name (empty, spaces, control characters, '+', not UTF-8) or `key` is not Ed25519.
FORGEPOOL_API Result<std::string> sign_checkpoint(std::string_view origin, const LedgerHead& head, const Signer& key);

/// Reads a tlog-checkpoint whose origin and signature are those of `key`. Signatures by unknown keys are ignored.
/// `corrupt` if the note is malformed, of another origin, or not signed by `key`.
FORGEPOOL_API Result<LedgerHead> verify_checkpoint(std::string_view note, const VerifierKey& key);

}  // namespace forgepool
