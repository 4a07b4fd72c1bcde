#pragma once
/// A hash tile (C2SP tlog-tiles): up to 256 neighbouring nodes of one tile level, and the nodes above them inside the tile.
///
/// Tile level L holds the tree's nodes of height 8·L; a full tile's root is one hash of a tile on level L + 1. Keeping the
/// nodes in between costs as much space again and saves a proof from hashing half a tile per level.
#include <forgepool/digest.hpp>
#include <forgepool/tiled_log.hpp>

#include <array>
#include <memory>

namespace forgepool {

struct TileId {
  unsigned level = 0;
  std::uint64_t index = 0;  ///< Counted from the left, per level.

  friend bool operator==(const TileId&, const TileId&) = default;
};

inline std::string tile_path(const TileId& id, std::size_t width = tile_width) {
  return to_path({false, id.level, id.index, width});
}
inline std::string entries_path(std::uint64_t index, std::size_t width = tile_width) {
  return to_path({true, 0, index, width});
}

class Tile {
 public:
  static constexpr unsigned height = 8;
  static constexpr std::size_t width = 256;
  /// Size of a full tile's hashes (that of C2SP), and of the nodes above them: 128 + 64 + … + 2, the root excluded.
  static constexpr std::size_t hashes_bytes = width * sizeof(Digest);
  static constexpr std::size_t inner_bytes = (width - 2) * sizeof(Digest);

  Tile() {}  // NOLINT: without zeros, see nodes_.

  std::size_t size() const { return size_; }
  bool full() const { return size_ == width; }

  /// Only while not full.
  void append(const Digest& hash);

  /// The `index`-th node of `node_height` 0 … 7 above the hashes; its subtree must be complete.
  const Digest& node(unsigned node_height, std::size_t index) const { return nodes_[offset(node_height) + index]; }

  /// Of a full tile.
  Digest root() const;
  ByteView hashes() const { return bytes_of(0, size_); }
  ByteView inner() const { return bytes_of(width, width - 2); }

  /// A full tile from what `hashes` and `inner` gave; `corrupt` if their sizes are wrong. Whether the nodes fit is not checked.
  static Result<Tile> from_stored(ByteView hashes, ByteView inner);
  /// A full tile from its hashes alone, which costs 254 more of them; `corrupt` if their size is wrong.
  static Result<std::shared_ptr<const Tile>> from_hashes(ByteView hashes);

 private:
  static constexpr std::size_t offset(unsigned node_height) { return 2 * width - (2 * width >> node_height); }
  ByteView bytes_of(std::size_t first, std::size_t count) const { return {nodes_[first].bytes.data(), count * sizeof(Digest)}; }

  /// Height by height: first the hashes themselves. Those that are not there yet are left as they were: writing 16 KiB of zeros
  /// takes as long as reading a tile.
  union {
    std::array<Digest, 2 * width - 2> nodes_;
  };
  std::size_t size_ = 0;
};

}  // namespace forgepool
