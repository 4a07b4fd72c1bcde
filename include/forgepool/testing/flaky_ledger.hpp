#pragma once
/// Wraps a ledger whose disk fails when a test says so.
#include <forgepool/ledger.hpp>

#include <mutex>
#include <set>

namespace forgepool::testing {

/// Thread-safe, like every ledger.
class FORGEPOOL_API FlakyLedger final : public Ledger {
 public:
  /// What a failed commit leaves behind. Its caller cannot tell which.
  enum class Failure {
    before,  ///< Nothing was written.
    after,   ///< All was written, but the caller is told that it failed (as if it crashed before it heard).
  };

  explicit FlakyLedger(std::unique_ptr<Ledger> inner) : inner_(std::move(inner)) {}

  /// The `number`-th commit from the ledger's beginning fails, counted from 1; with `internal`.
  void fail_commit(std::uint64_t number, Failure failure);
  /// Every commit from the next one on fails, until `repair`.
  void break_down();
  void repair();
  /// Commits tried so far.
  std::uint64_t commits() const;

  const std::string& origin() const override { return inner_->origin(); }
  const PublicKey& key() const override { return inner_->key(); }
  Result<LedgerHead> commit(const LedgerBatch& batch) override;
  Status scrub() override { return inner_->scrub(); }
  LedgerHead head() const override { return inner_->head(); }
  Result<std::string> checkpoint() override { return inner_->checkpoint(); }
  Result<Bytes> leaf(std::uint64_t index) const override { return inner_->leaf(index); }
  Result<std::vector<Bytes>> leaves(std::uint64_t first, std::size_t count) const override {
    return inner_->leaves(first, count);
  }
  Result<Bytes> hash_tile(unsigned level, std::uint64_t index, std::size_t width) const override {
    return inner_->hash_tile(level, index, width);
  }
  Result<MerklePath> prove_inclusion(std::uint64_t index, std::uint64_t size) const override {
    return inner_->prove_inclusion(index, size);
  }
  Result<MerklePath> prove_consistency(std::uint64_t old_size, std::uint64_t size) const override {
    return inner_->prove_consistency(old_size, size);
  }
  Result<std::optional<Bytes>> read(std::string_view key) const override { return inner_->read(key); }
  Status scan(std::string_view prefix, const std::function<bool(std::string_view key, ByteView value)>& visit) const override {
    return inner_->scan(prefix, visit);
  }

 private:
  const std::unique_ptr<Ledger> inner_;
  mutable std::mutex mutex_;
  std::set<std::uint64_t> fail_before_;  // Guarded by mutex_, as are the next.
  std::set<std::uint64_t> fail_after_;
  std::uint64_t commits_ = 0;
  bool broken_ = false;
};

}  // namespace forgepool::testing
