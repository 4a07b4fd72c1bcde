#pragma once
/// The shards of a job that were never given back, in index order: appended at the end, taken out anywhere, never put back in.
/// That they are never put back lets gaps be skipped in amortized almost constant time (each gap remembers where it ends, as in
/// a union-find with path halving) and keeps an agent's position in the order valid for good.
#include "scheduler/large_vector.hpp"

#include <cstdint>

namespace forgepool::scheduling {

class FreshOrder {
 public:
  /// One past the highest index that was ever appended.
  std::uint32_t end() const { return static_cast<std::uint32_t>(next_.size()); }
  /// `index` must be at least `end()`.
  void append(std::uint32_t index);
  /// `index` must be in the order.
  void remove(std::uint32_t index) { next_[index] = index + 1; }
  /// The first index at or after `from`; `end()` if there is none.
  std::uint32_t next(std::uint32_t from) const;

 private:
  mutable LargeVector<std::uint32_t> next_;  // next_[i] == i: i is in the order; otherwise nothing from i to next_[i] - 1 is.
};

}  // namespace forgepool::scheduling
