#pragma once
/// What owners take of something that there is only so much of. A core: it counts, and says when it is too much.
#include "base/checked_arithmetic.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace forgepool::hub {

class Shares {
 public:
  void take(const std::string& owner, std::uint64_t amount) {
    total_ += amount;
    by_owner_[owner] += amount;
  }
  /// What was taken with the same arguments.
  void give_back(const std::string& owner, std::uint64_t amount) {
    total_ -= amount;
    if (const auto found = by_owner_.find(owner); found != by_owner_.end() && (found->second -= amount) == 0)
      by_owner_.erase(found);
  }
  std::uint64_t total() const { return total_; }
  std::uint64_t of(const std::string& owner) const {
    const auto found = by_owner_.find(owner);
    return found == by_owner_.end() ? 0 : found->second;
  }
  /// Whether so much more would be within `most` for all together and `most_of_one` for this owner.
  bool has_room(const std::string& owner, std::uint64_t amount, std::uint64_t most, std::uint64_t most_of_one) const {
    return saturating_add(total_, amount) <= most && saturating_add(of(owner), amount) <= most_of_one;
  }

 private:
  std::uint64_t total_ = 0;
  std::map<std::string, std::uint64_t> by_owner_;
};

}  // namespace forgepool::hub
