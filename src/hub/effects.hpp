#pragma once
/// What the hub's state machine wants made durable: the outbox between it and the ledger. Everything put in between two `take`s
/// is one transaction.
#include <forgepool/ledger.hpp>

namespace forgepool::hub {

class Effects {
 public:
  /// `next_index` is the ledger's size: the hub is the only writer, so it knows the index of a leaf before it is committed.
  explicit Effects(std::uint64_t next_index) : next_index_(next_index) {}

  /// Appends a leaf; returns the index it will have.
  std::uint64_t append(Bytes leaf) {
    batch_.leaves.push_back(std::move(leaf));
    return next_index_++;
  }
  /// The index that the next leaf will have.
  std::uint64_t next_index() const { return next_index_; }
  void put(std::string key, Bytes value) { batch_.writes.push_back({std::move(key), std::move(value)}); }
  void put(std::string key, std::string_view value) { put(std::move(key), to_bytes(value)); }
  void erase(std::string key) { batch_.writes.push_back({std::move(key), std::nullopt}); }

  bool empty() const { return batch_.empty(); }
  LedgerBatch take() { return std::exchange(batch_, {}); }

 private:
  LedgerBatch batch_;
  std::uint64_t next_index_;
};

}  // namespace forgepool::hub
