#pragma once
/// When to look at which record again: a queue that is not told when a record ends or its time moves on. Whoever takes an entry
/// out sees whether it still means anything. So a heartbeat costs nothing here, and the end of a lease neither.
///
/// Most entries come in the order in which they fall due (every lease lasts equally long at first); these stand in a row. The
/// others are sorted into short spans of time, and only within the span that comes first by time.
#include <forgepool/time.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace forgepool::scheduling {

struct Due {
  Time at{};
  std::uint32_t number = 0;
  /// The lower half of the record's serial: enough to pass over what is gone. Where it comes round to another record of this
  /// number, that one is looked at too early, no more.
  std::uint32_t serial = 0;

  Due(Time when, std::uint32_t of, std::uint64_t its_serial)
      : at(when), number(of), serial(static_cast<std::uint32_t>(its_serial)) {}
  /// Of a record, whose serial is not 0.
  bool is_of(std::uint64_t its_serial) const { return its_serial != 0 && serial == static_cast<std::uint32_t>(its_serial); }

  /// For a heap with the earliest on top.
  friend bool operator<(const Due& a, const Due& b) { return a.at != b.at ? a.at > b.at : a.serial > b.serial; }
};

class DueQueue {
 public:
  std::optional<Time> next() const {
    const Due* first = earliest();
    return first ? std::optional(first->at) : std::nullopt;
  }

  void push(const Due& due) {
    if (gone_ == row_.size() || due < row_.back()) {
      row_.push_back(due);
      return;
    }
    const auto span = spans_.try_emplace(due.at.time_since_epoch() / span_length).first;
    span->second.push_back(due);
    ++apart_;
    if (span == spans_.begin()) std::push_heap(span->second.begin(), span->second.end());
  }

  /// The earliest entry, if it is due at `now`.
  std::optional<Due> pop(Time now) {
    const Due* first = earliest();
    if (!first || first->at > now) return std::nullopt;
    const Due due = *first;
    if (gone_ < row_.size() && first == &row_[gone_]) {
      if (2 * ++gone_ > row_.size()) drop_gone();
      return due;
    }
    const auto span = spans_.begin();
    std::pop_heap(span->second.begin(), span->second.end());
    span->second.pop_back();
    --apart_;
    if (span->second.empty()) {
      spans_.erase(span);
      order_first_span();
    }
    return due;
  }

  /// What will be popped after so many others, as far as that is known: whoever looks at records can fetch its one ahead.
  const Due* upcoming(std::size_t others) const { return gone_ + others < row_.size() ? &row_[gone_ + others] : nullptr; }

  /// Drops entries that mean nothing any more, once they far outnumber the `live` ones.
  template <class Means>
  void tidy(std::size_t live, Means means_something) {
    if (row_.size() - gone_ + apart_ <= 4 * live + 1024) return;
    drop_gone();
    const auto meaningless = [&](const Due& due) { return !means_something(due); };
    std::erase_if(row_, meaningless);
    for (auto& [number, span] : spans_) apart_ -= std::erase_if(span, meaningless);
    std::erase_if(spans_, [](const auto& span) { return span.second.empty(); });
    order_first_span();
  }

 private:
  static constexpr Duration span_length = std::chrono::milliseconds(100);

  const Due* earliest() const {
    const Due* const first = gone_ == row_.size() ? nullptr : &row_[gone_];
    if (spans_.empty()) return first;
    const Due* const other = &spans_.begin()->second.front();
    return first && *other < *first ? first : other;
  }
  void drop_gone() {
    row_.erase(row_.begin(), row_.begin() + static_cast<std::ptrdiff_t>(gone_));
    gone_ = 0;
  }
  void order_first_span() {
    if (!spans_.empty()) std::make_heap(spans_.begin()->second.begin(), spans_.begin()->second.end());
  }

  std::vector<Due> row_;                            // One after the other in memory, which is read ahead of its own accord.
  std::size_t gone_ = 0;                            // So many of its first were popped.
  std::map<std::int64_t, std::vector<Due>> spans_;  // By number; of the first a heap.
  std::size_t apart_ = 0;                           // Entries in spans.
};

}  // namespace forgepool::scheduling
