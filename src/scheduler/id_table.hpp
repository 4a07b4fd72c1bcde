#pragma once
/// Numbers for ids: an open hash table of (hash, number) pairs; the ids themselves stand in the records that the numbers are
/// of.
#include <forgepool/ids.hpp>

#include <cstdint>
#include <vector>

namespace forgepool::scheduling {

/// No agent, lease, holder, ….
inline constexpr std::uint32_t none = UINT32_MAX;

/// `id_of(number)` gives the id of a record. Numbers are unique, and not `none`.
template <class Id>
class IdTable {
 public:
  template <class IdOf>
  std::uint32_t find(const Id& id, IdOf id_of) const {
    if (slots_.empty()) return none;
    const std::uint32_t hash = hash_of(id);
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.number == none) return none;
      if (slot.hash == hash && id_of(slot.number) == id) return slot.number;
    }
  }

  /// Where `find` will look first.
  const void* look_up(const Id& id) const { return slots_.empty() ? nullptr : &slots_[hash_of(id) & mask()]; }

  /// The id must not be there.
  void insert(const Id& id, std::uint32_t number) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    place({hash_of(id), number});
    ++count_;
  }

  /// The number must be there, under this id.
  void erase(const Id& id, std::uint32_t number) {
    std::size_t at = hash_of(id) & mask();
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

  static std::uint32_t hash_of(const Id& id) {
    const std::uint64_t hash = std::hash<Id>()(id);
    return static_cast<std::uint32_t>(hash ^ (hash >> 32));
  }
  std::size_t mask() const { return slots_.size() - 1; }

  void place(const Slot& slot) {
    std::size_t at = slot.hash & mask();
    while (slots_[at].number != none) at = (at + 1) & mask();
    slots_[at] = slot;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.number != none) place(slot);
  }

  std::vector<Slot> slots_;  // A power of two of them, at most half of them taken.
  std::size_t count_ = 0;
};

}  // namespace forgepool::scheduling
