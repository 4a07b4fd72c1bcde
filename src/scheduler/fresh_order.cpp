#include "scheduler/fresh_order.hpp"

namespace forgepool::scheduling {

void FreshOrder::append(std::uint32_t index) {
  while (end() < index) next_.push_back(end() + 1);
  next_.push_back(index);
  fetch_end(next_);
}

std::uint32_t FreshOrder::next(std::uint32_t from) const {
  while (from < end() && next_[from] != from) {
    const std::uint32_t hop = next_[from];
    if (hop < end()) next_[from] = next_[hop];
    from = next_[from];
  }
  return from < end() ? from : end();
}

}  // namespace forgepool::scheduling
