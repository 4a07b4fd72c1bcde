#pragma once
/// When to look at which record again: a heap that is not told when a record ends or its time moves on. Whoever takes an entry
/// out sees whether it still means anything. So a heartbeat costs nothing here, and the end of a lease neither.
#include <forgepool/time.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace forgepool::scheduling {

struct Due {
  Time at{};
  std::uint64_t serial = 0;  ///< Of the record; serials are never used twice.
  std::uint32_t number = 0;

  /// For a heap with the earliest on top.
  friend bool operator<(const Due& a, const Due& b) { return a.at != b.at ? a.at > b.at : a.serial > b.serial; }
};

class DueQueue {
 public:
  std::optional<Time> next() const { return heap_.empty() ? std::nullopt : std::optional(heap_.front().at); }

  void push(const Due& due) {
    heap_.push_back(due);
    std::push_heap(heap_.begin(), heap_.end());
  }

  /// The earliest entry, if it is due at `now`.
  std::optional<Due> pop(Time now) {
    if (heap_.empty() || heap_.front().at > now) return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end());
    const Due due = heap_.back();
    heap_.pop_back();
    return due;
  }

  /// Drops entries that mean nothing any more, once they outnumber the `live` ones.
  template <class Means>
  void tidy(std::size_t live, Means means_something) {
    if (heap_.size() <= 2 * live + 1024) return;
    std::erase_if(heap_, [&](const Due& due) { return !means_something(due); });
    std::make_heap(heap_.begin(), heap_.end());
  }

 private:
  std::vector<Due> heap_;
};

}  // namespace forgepool::scheduling
