#pragma once
/// Ids and short lists that lie within the records they belong to. With a hundred thousand agents every look at memory
/// elsewhere is a look at memory that is far away, and most of what a decision costs.
#include <forgepool/ids.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forgepool::scheduling {

/// Begins to bring what `record` points to nearer, while something else is done. Pays where several far looks would follow each
/// other. Inlined always, as must be what calls nothing else: GCC takes a function that only fetches for one without effect,
/// and drops calls of it.
template <class Record>
[[gnu::always_inline]] inline void fetch_ahead(const Record* record) {
  for (std::size_t at = 0; at < sizeof(Record); at += 64) __builtin_prefetch(reinterpret_cast<const char*>(record) + at);
}

/// In a row of records that are looked at for a moment each, one so many places on is fetched: by its turn it is there.
inline constexpr std::size_t fetched_ahead = 24;

/// The text of an id in 32 bytes, padded with zeros, if it has up to 31 characters (those that a hub makes have 28 to 30): so
/// it is compared, copied and hashed in a few steps. Of a longer one only that it is longer.
struct IdBlock {
  static constexpr std::uint64_t too_long = 255;

  std::array<std::uint64_t, 4> words{};  // The last byte in memory is the length.

  IdBlock() = default;
  explicit IdBlock(std::string_view text) {
    const std::size_t size = text.size();
    if (size >= 16 && size < sizeof words) {
      // Not through memory: a processor waits for bytes that were written apart before it reads them together.
      words[0] = word_at(text.data());
      words[1] = word_at(text.data() + 8);
      words[2] = size >= 24 ? word_at(text.data() + 16) : last_bytes(text, size - 16);
      words[3] = size >= 24 ? last_bytes(text, size - 24) : 0;
    } else if (size < 16) {
      std::memcpy(words.data(), text.data(), size);
    }
    words[3] |= std::uint64_t{size < sizeof words ? size : too_long} << 56;
  }

  std::size_t size() const { return reinterpret_cast<const unsigned char*>(words.data())[31]; }
  bool is_too_long() const { return size() == too_long; }
  std::string_view text() const { return {reinterpret_cast<const char*>(words.data()), size()}; }

  friend bool operator==(const IdBlock&, const IdBlock&) = default;

 private:
  static std::uint64_t word_at(const char* text) {
    std::uint64_t word;
    std::memcpy(&word, text, sizeof word);
    return word;
  }
  /// Its last `count` bytes, fewer than 8; it has more than that.
  static std::uint64_t last_bytes(std::string_view text, std::size_t count) {
    return count == 0 ? 0 : word_at(text.data() + text.size() - 8) >> (64 - 8 * count);
  }
};
static_assert(std::endian::native == std::endian::little);

/// An id to look for, borrowed; with its hash, made once where several calls are about one id.
template <class Id>
struct IdKey {
  IdKey(const Id& one) : text(one.str()), block(text), hash(hash_of(text, block)) {}

  static std::uint32_t hash_of(std::string_view text, const IdBlock& block) {
    std::uint64_t hash = block.is_too_long() ? std::hash<std::string_view>()(text) : 0;
    for (const auto word : block.words) {
      hash = (hash ^ word) * 0x9e3779b97f4a7c15u;  // Fibonacci hashing: the upper half depends on all below it.
      hash ^= hash >> 32;
    }
    return static_cast<std::uint32_t>(hash);
  }

  const std::string_view text;
  const IdBlock block;
  const std::uint32_t hash;
};

/// An id that lies within its record; only a long one has memory of its own.
template <class Id>
class CompactId {
 public:
  CompactId() = default;
  CompactId(CompactId&& other) noexcept { *this = std::move(other); }
  CompactId& operator=(CompactId&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~CompactId() { release(); }

  CompactId& operator=(const IdKey<Id>& key) {
    release();
    block_ = key.block;
    if (block_.is_too_long()) block_.words[0] = std::bit_cast<std::uint64_t>(new std::string(key.text));
    return *this;
  }

  std::string_view view() const { return block_.is_too_long() ? std::string_view(*elsewhere()) : block_.text(); }
  Id get() const { return Id(std::string(view())); }
  std::uint32_t hash() const {
    if (!block_.is_too_long()) return IdKey<Id>::hash_of({}, block_);
    return IdKey<Id>::hash_of(view(), IdBlock(view()));
  }

  friend bool operator==(const CompactId& a, const IdKey<Id>& b) {
    return a.block_.is_too_long() ? a.view() == b.text : a.block_ == b.block;
  }

 private:
  const std::string* elsewhere() const { return std::bit_cast<const std::string*>(block_.words[0]); }
  void release() {
    if (block_.is_too_long()) delete elsewhere();
    block_ = {};
  }

  IdBlock block_;  // Of one that is too long, the first word is the address of a string of ours.
};

/// A shard of a lease, and where its job notes what the lease's agent has to do with it.
struct HeldShard {
  std::uint32_t index = 0;
  std::uint32_t holder = UINT32_MAX;
};

/// The shards of a lease in 12 bytes; a single one (most leases have no more) without memory of its own.
class HeldShards {
 public:
  HeldShards() = default;
  explicit HeldShards(std::span<const std::uint32_t> shards) : count_(static_cast<std::uint32_t>(shards.size())) {
    if (count_ > 1) one_ = std::bit_cast<HeldShard>(new HeldShard[count_]);
    for (std::uint32_t i = 0; i < count_; ++i) begin()[i].index = shards[i];
  }
  HeldShards(HeldShards&& other) noexcept { *this = std::move(other); }
  HeldShards& operator=(HeldShards&& other) noexcept {
    std::swap(one_, other.one_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~HeldShards() {
    if (count_ > 1) delete[] begin();
  }

  std::size_t size() const { return count_; }
  HeldShard* begin() { return count_ > 1 ? std::bit_cast<HeldShard*>(one_) : &one_; }
  HeldShard* end() { return begin() + count_; }
  const HeldShard* begin() const { return count_ > 1 ? std::bit_cast<const HeldShard*>(one_) : &one_; }
  const HeldShard* end() const { return begin() + count_; }
  std::vector<std::uint32_t> indices() const {
    std::vector<std::uint32_t> indices(count_);
    std::ranges::transform(*this, indices.begin(), &HeldShard::index);
    return indices;
  }

 private:
  HeldShard one_;  // Of several, the address of an array of ours.
  std::uint32_t count_ = 0;
};

}  // namespace forgepool::scheduling
