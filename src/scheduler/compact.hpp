#pragma once
/// Ids and short lists that lie within the records they belong to. With a hundred thousand agents every look at memory
/// elsewhere is a look at memory that is far away, and most of what a decision costs.
#include <forgepool/ids.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace forgepool::scheduling {

/// Begins to bring what `record` points to nearer, while something else is done. Pays where several far looks would follow each
/// other.
template <class Record>
void fetch_ahead(const Record* record) {
  for (std::size_t at = 0; at < sizeof(Record); at += 64) __builtin_prefetch(reinterpret_cast<const char*>(record) + at);
}

/// An id; of up to 47 characters (those that a hub makes have 28 to 30) without memory of its own.
template <class Id>
class CompactId {
 public:
  CompactId() = default;
  CompactId& operator=(const Id& id) {
    const bool fits = id.str().size() <= text_.size();
    long_ = fits ? nullptr : std::make_unique<Id>(id);
    size_ = fits ? static_cast<std::uint8_t>(id.str().size()) : 0;
    std::copy_n(id.str().data(), size_, text_.data());
    return *this;
  }

  Id get() const { return long_ ? *long_ : Id(std::string(text_.data(), size_)); }

  friend bool operator==(const CompactId& a, const Id& b) {
    if (a.long_) return *a.long_ == b;
    return a.size_ == b.str().size() && std::memcmp(a.text_.data(), b.str().data(), a.size_) == 0;
  }

 private:
  std::array<char, 47> text_{};
  std::uint8_t size_ = 0;
  std::unique_ptr<Id> long_;
};

/// The shards of a lease; up to three without memory of their own.
class ShardList {
 public:
  ShardList() = default;
  explicit ShardList(std::span<const std::uint32_t> shards) : count_(static_cast<std::uint32_t>(shards.size())) {
    if (count_ > few_.size()) many_ = std::make_unique<std::uint32_t[]>(count_);
    std::ranges::copy(shards, many_ ? many_.get() : few_.data());
  }

  std::size_t size() const { return count_; }
  const std::uint32_t* begin() const { return many_ ? many_.get() : few_.data(); }
  const std::uint32_t* end() const { return begin() + count_; }
  std::vector<std::uint32_t> get() const { return {begin(), end()}; }

 private:
  std::uint32_t count_ = 0;
  std::array<std::uint32_t, 3> few_{};
  std::unique_ptr<std::uint32_t[]> many_;
};

}  // namespace forgepool::scheduling
