#include "ledger/log_identity.hpp"

#include "crypto/signed_note.hpp"

namespace forgepool {

Status LogIdentity::check(std::string_view origin, const Signer* key) {
  if (!is_valid_key_name(origin))
    return fail(ErrorKind::invalid_input,
                "a ledger's origin must be non-empty UTF-8 without spaces, control characters and '+', "
                "such as \"pool.example.com/org-1\"");
  if (key == nullptr) return fail(ErrorKind::invalid_input, "a ledger needs a key to sign its checkpoints with");
  if (key->public_key().algorithm != KeyAlgorithm::ed25519)
    return fail(ErrorKind::invalid_input, "a ledger's key must be Ed25519, as C2SP checkpoints need; this one is ECDSA P-256");
  return {};
}

Result<std::string> LogIdentity::checkpoint(const LedgerHead& head) {
  const std::lock_guard lock(mutex_);
  if (!signed_note_.empty() && signed_head_.size == head.size) return signed_note_;
  auto note = sign_checkpoint(origin_, head, *key_);
  if (!note) return note;
  // A slower caller with an older head must not displace the newest one.
  if (signed_note_.empty() || head.size > signed_head_.size) {
    signed_head_ = head;
    signed_note_ = *note;
  }
  return note;
}

}  // namespace forgepool
