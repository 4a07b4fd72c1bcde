#include "ledger/log_identity.hpp"

#include "crypto/signed_note.hpp"

#include <iterator>

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

void LogIdentity::use(std::shared_ptr<Signer> key, std::vector<std::shared_ptr<Signer>> earlier) {
  used_.push_back(key);
  signers_ = {std::move(key)};
  signers_.insert(signers_.end(), std::make_move_iterator(earlier.begin()), std::make_move_iterator(earlier.end()));
  signed_note_.clear();
}

const PublicKey& LogIdentity::key() const {
  const std::lock_guard lock(mutex_);
  return signers_.front()->public_key();
}

Status LogIdentity::use_keys(std::shared_ptr<Signer> key, std::vector<std::shared_ptr<Signer>> earlier) {
  if (auto checked = check(origin_, key.get()); !checked) return checked;
  for (const auto& one : earlier)
    if (auto checked = check(origin_, one.get()); !checked) return checked;
  const std::lock_guard lock(mutex_);
  use(std::move(key), std::move(earlier));
  return {};
}

Result<std::string> LogIdentity::checkpoint(const LedgerHead& head) {
  const std::lock_guard lock(mutex_);
  if (!signed_note_.empty() && signed_head_.size == head.size) return signed_note_;
  auto note = sign_checkpoint(origin_, head, *signers_.front());
  if (!note) return note;
  // One text, and a line for each further key: whoever knows any of them can check it.
  const std::size_t text_size = note->find("\n\n") + 2;
  for (std::size_t i = 1; i < signers_.size(); ++i) {
    const auto also = sign_checkpoint(origin_, head, *signers_[i]);
    if (!also) return also;
    *note += also->substr(text_size);
  }
  // A slower caller with an older head must not displace the newest one.
  if (signed_note_.empty() || head.size > signed_head_.size) {
    signed_head_ = head;
    signed_note_ = *note;
  }
  return note;
}

}  // namespace forgepool
