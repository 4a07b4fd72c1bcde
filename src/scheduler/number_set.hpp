#pragma once
/// A set of small numbers, kept as bits.
#include <algorithm>
#include <cstdint>
#include <vector>

namespace forgepool::scheduling {

class NumberSet {
 public:
  bool contains(std::uint32_t number) const {
    return number / 64 < words_.size() && (words_[number / 64] >> number % 64 & 1) != 0;
  }
  bool meets(const NumberSet& other) const {
    for (std::size_t i = 0; i < std::min(words_.size(), other.words_.size()); ++i)
      if ((words_[i] & other.words_[i]) != 0) return true;
    return false;
  }
  void set(std::uint32_t number, bool in) {
    if (number / 64 >= words_.size()) words_.resize(number / 64 + 1);
    const std::uint64_t bit = std::uint64_t{1} << number % 64;
    words_[number / 64] = in ? words_[number / 64] | bit : words_[number / 64] & ~bit;
  }

 private:
  std::vector<std::uint64_t> words_;
};

}  // namespace forgepool::scheduling
