#pragma once
/// Who a log is, its origin and key, and what it says about itself: checkpoints. Shared by the backends.
#include <forgepool/ledger.hpp>

#include <memory>
#include <mutex>

namespace forgepool {

class LogIdentity {
 public:
  /// `check` must have passed.
  LogIdentity(std::string origin, std::shared_ptr<Signer> key) : origin_(std::move(origin)), key_(std::move(key)) {}

  /// invalid_input unless `origin` can name a key of a signed note and `key` is an Ed25519 signer.
  static Status check(std::string_view origin, const Signer* key);

  const std::string& origin() const { return origin_; }
  const PublicKey& key() const { return key_->public_key(); }

  /// A checkpoint over `head`, which must be durable: what is signed can never be taken back. Thread-safe.
  /// Signs once per head, for a key may live in slow hardware.
  Result<std::string> checkpoint(const LedgerHead& head);

 private:
  const std::string origin_;
  const std::shared_ptr<Signer> key_;

  std::mutex mutex_;
  // Guarded by mutex_.
  LedgerHead signed_head_;
  std::string signed_note_;  // Empty: none yet.
};

}  // namespace forgepool
