#include <forgepool/testing/flaky_ledger.hpp>

namespace forgepool::testing {

void FlakyLedger::fail_commit(std::uint64_t number, Failure failure) {
  const std::lock_guard lock(mutex_);
  (failure == Failure::before ? fail_before_ : fail_after_).insert(number);
}

void FlakyLedger::break_down() {
  const std::lock_guard lock(mutex_);
  broken_ = true;
}

void FlakyLedger::repair() {
  const std::lock_guard lock(mutex_);
  broken_ = false;
}

std::uint64_t FlakyLedger::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

Result<LedgerHead> FlakyLedger::commit(const LedgerBatch& batch) {
  std::unique_lock lock(mutex_);
  const std::uint64_t number = ++commits_;
  const bool before = broken_ || fail_before_.contains(number);
  const bool after = fail_after_.contains(number);
  lock.unlock();
  const auto failed = [&] {
    return fail(ErrorKind::internal, "fault injected: commit " + std::to_string(number) + " could not be written");
  };
  if (before) return failed();
  auto head = ForwardingLedger::commit(batch);
  if (head && after) return failed();
  return head;
}

}  // namespace forgepool::testing
