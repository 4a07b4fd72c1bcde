#pragma once
/// Wraps a ledger whose disk fails when a test says so.
#include <forgepool/testing/forwarding_ledger.hpp>

#include <mutex>
#include <set>

namespace forgepool::testing {

/// Thread-safe, like every ledger.
class FORGEPOOL_API FlakyLedger final : public ForwardingLedger {
 public:
  /// What a failed commit leaves behind. Its caller cannot tell which.
  enum class Failure {
    before,  ///< Nothing was written.
    after,   ///< All was written, but the caller is told that it failed (as if it crashed before it heard).
  };

  explicit FlakyLedger(std::unique_ptr<Ledger> inner) : ForwardingLedger(std::move(inner)) {}

  /// The `number`-th commit from the ledger's beginning fails, counted from 1; with `internal`.
  void fail_commit(std::uint64_t number, Failure failure);
  /// Every commit from the next one on fails, until `repair`.
  void break_down();
  void repair();
  /// Commits tried so far.
  std::uint64_t commits() const;

  Result<LedgerHead> commit(const LedgerBatch& batch) override;

 private:
  mutable std::mutex mutex_;
  std::set<std::uint64_t> fail_before_;  // Guarded by mutex_, as are the next.
  std::set<std::uint64_t> fail_after_;
  std::uint64_t commits_ = 0;
  bool broken_ = false;
};

}  // namespace forgepool::testing
