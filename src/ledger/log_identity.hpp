#pragma once
/// Who a log is, its origin and key, and what it says about itself: checkpoints. Shared by the backends.
#include <forgepool/ledger.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace forgepool {

class LogIdentity {
 public:
  /// `check` must have passed, for each key.
  LogIdentity(std::string origin, std::shared_ptr<Signer> key, std::vector<std::shared_ptr<Signer>> earlier = {})
      : origin_(std::move(origin)) {
    use(std::move(key), std::move(earlier));
  }

  /// invalid_input unless `origin` can name a key of a signed note and `key` is an Ed25519 signer.
  static Status check(std::string_view origin, const Signer* key);

  const std::string& origin() const { return origin_; }
  /// Good as long as this object. Thread-safe.
  const PublicKey& key() const;
  /// As Ledger::use_keys. Thread-safe.
  Status use_keys(std::shared_ptr<Signer> key, std::vector<std::shared_ptr<Signer>> earlier);

  /// A checkpoint over `head`, which must be durable: what is signed can never be taken back. Thread-safe.
  /// Signs once per head, for a key may live in slow hardware.
  Result<std::string> checkpoint(const LedgerHead& head);

 private:
  void use(std::shared_ptr<Signer> key, std::vector<std::shared_ptr<Signer>> earlier);

  const std::string origin_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::shared_ptr<Signer>> signers_;  // The one in use first.
  std::vector<std::shared_ptr<Signer>> used_;     // All that ever were: `key` lends from them.
  LedgerHead signed_head_;
  std::string signed_note_;  // Empty: none yet.
};

}  // namespace forgepool
