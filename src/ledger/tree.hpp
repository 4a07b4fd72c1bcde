#pragma once
/// The RFC 6962 tree of a log as its right edge: the one tile per level that is not full yet. Sans-I/O: tiles that become full
/// are handed to the caller, who stores them; proofs read full tiles through the caller. Nothing stored ever changes.
///
/// An append costs the same at any size: about two hashes, and the same again per 256 leaves.
#include "ledger/tile.hpp"

#include <forgepool/ledger.hpp>

#include <functional>
#include <memory>

namespace forgepool {

using TilePtr = std::shared_ptr<const Tile>;

/// Gets a full tile from where the caller stored it. `corrupt` if it is not there.
using TileReader = std::function<Result<TilePtr>(const TileId&)>;
/// Gets the hash of a leaf.
using LeafHashReader = std::function<Result<Digest>(std::uint64_t index)>;

struct FullTile {
  TileId id;
  TilePtr tile;
};

/// A node of the tree: the root of the complete subtree over the leaves [index·2^height, (index+1)·2^height).
struct NodeId {
  unsigned height = 0;
  std::uint64_t index = 0;
};

/// A value: copies are independent and cheap (one tile per level, 3 levels at 10^7 leaves).
class Tree {
 public:
  /// Leaf counts are kept below 2^63, so that no sum of them overflows.
  static constexpr std::uint64_t max_size = std::uint64_t{1} << 62;
  static constexpr unsigned max_levels = 8;

  /// Builds the right edge of a stored tree: from its last leaves, and the roots of at most 255 full tiles per level.
  /// The caller compares `root` with what it knows.
  static Result<Tree> restore(std::uint64_t size, const LeafHashReader& leaf_hashes, const TileReader& full_tiles);

  std::uint64_t size() const { return size_; }
  Digest root() const;
  LedgerHead head() const { return {size_, root()}; }

  /// Tiles that this fills are appended to `filled`, lower levels first.
  void append(const Digest& leaf_hash, std::vector<FullTile>& filled);

  /// The tile of `id` if it is on the right edge; null if it is full and with the caller.
  const Tile* edge(const TileId& id) const;

 private:
  struct Edge {
    std::uint64_t index = 0;
    Tile tile;
  };

  void append_to_level(unsigned level, const Digest& hash, std::vector<FullTile>& filled);

  std::uint64_t size_ = 0;
  std::vector<Edge> edges_;  // By level.
};

}  // namespace forgepool
