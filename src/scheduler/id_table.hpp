#pragma once
/// Numbers for ids: an open hash table of (hash, number) pairs; the ids themselves stand in the records that the numbers are
/// of.
#include "scheduler/compact.hpp"
#include "scheduler/large_vector.hpp"

#include <cstdint>

namespace forgepool::scheduling {

/// No agent, lease, holder, ….
inline constexpr std::uint32_t none = UINT32_MAX;

/// `id_of(number)` gives the id of a record. Numbers are unique, and not `none`.
template <class Id>
class IdTable {
 public:
  using Key = IdKey<Id>;

  template <class IdOf>
  std::uint32_t find(const Key& key, IdOf id_of) const {
    if (slots_.empty()) return none;
    for (std::size_t at = key.hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.number == none) return none;
      if (slot.hash == key.hash && id_of(slot.number) == key) return slot.number;
    }
  }

  /// `find` is about to be called.
  [[gnu::always_inline]] void will_find(const Key& key) const {
    if (!slots_.empty()) fetch_ahead(&slots_[key.hash & mask()]);
  }

  /// What `find` will probably return: the first number under an id of this hash.
  std::uint32_t likely(const Key& key) const {
    if (slots_.empty()) return none;
    std::size_t at = key.hash & mask();
    while (slots_[at].number != none && slots_[at].hash != key.hash) at = (at + 1) & mask();
    return slots_[at].number;
  }

  /// The id must not be there.
  void insert(const Key& key, std::uint32_t number) {
    if (4 * (count_ + 1) > 3 * slots_.size()) grow();
    place({key.hash, number});
    ++count_;
  }

  /// The number must be there, under an id of this hash.
  void erase(std::uint32_t hash, std::uint32_t number) {
    std::size_t at = hash & mask();
    while (slots_[at].number != number) at = (at + 1) & mask();
    // What follows moves up, so that no search stops at the gap.
    for (std::size_t next = (at + 1) & mask(); slots_[next].number != none; next = (next + 1) & mask()) {
      const std::size_t home = slots_[next].hash & mask();
      if (((next - home) & mask()) < ((next - at) & mask())) continue;
      slots_[at] = slots_[next];
      at = next;
    }
    slots_[at] = {};
    --count_;
  }

  std::size_t size() const { return count_; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t number = none;
  };

  std::size_t mask() const { return slots_.size() - 1; }

  void place(const Slot& slot) {
    std::size_t at = slot.hash & mask();
    while (slots_[at].number != none) at = (at + 1) & mask();
    slots_[at] = slot;
  }

  void grow() {
    LargeVector<Slot> old(slots_.empty() ? 16 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.number != none) place(slot);
  }

  LargeVector<Slot> slots_;  // A power of two of them, at most three quarters of them taken.
  std::size_t count_ = 0;
};

}  // namespace forgepool::scheduling
