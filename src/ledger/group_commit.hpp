#pragma once
/// Commits that arrive while another is being made durable wait, and then go to the disk together.
#include "ledger/batch.hpp"
#include "ledger/tree.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace forgepool {

class GroupCommit {
 public:
  /// One caller of `commit`, on its stack.
  struct Waiting {
    const LedgerBatch* batch = nullptr;
    bool done = false;
    Result<LedgerHead> result = {};
  };

  /// Calls `write` with a group that `batch` is part of, on one of the group's threads and never on two at once; it sets each
  /// one's result.
  template <class Write>
  Result<LedgerHead> commit(const LedgerBatch& batch, const Write& write) {
    Waiting self{.batch = &batch};
    std::unique_lock lock(mutex_);
    queue_.push_back(&self);
    moved_.wait(lock, [&] { return self.done || !writing_; });
    if (self.done) return self.result;

    writing_ = true;
    const std::vector<Waiting*> group = std::exchange(queue_, {});
    lock.unlock();
    write(group);
    lock.lock();
    writing_ = false;
    for (Waiting* each : group) each->done = true;
    moved_.notify_all();
    return self.result;
  }

  /// Calls `work` while nothing is being written.
  template <class Work>
  auto alone(const Work& work) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return !writing_; });
    writing_ = true;
    lock.unlock();
    auto result = work();
    lock.lock();
    writing_ = false;
    moved_.notify_all();
    return result;
  }

 private:
  std::mutex mutex_;
  std::condition_variable moved_;
  // Guarded by mutex_.
  std::vector<Waiting*> queue_;
  bool writing_ = false;
};

/// Appends the leaves of those in the group that fit into the log to `tree`, sets their results, and returns their batches.
std::vector<const LedgerBatch*> append_group(const std::vector<GroupCommit::Waiting*>& group, Tree& tree,
                                             std::vector<FullTile>& filled);

}  // namespace forgepool
