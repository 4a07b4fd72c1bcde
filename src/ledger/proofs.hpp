#pragma once
/// Inclusion and consistency proofs (RFC 6962, sections 2.1.1 and 2.1.2) from a tree's edge and its stored tiles.
///
/// A proof reads O(log size) nodes from at most two tiles per level. What it returns has been verified: damage in the stored
/// tiles is `corrupt`, never a wrong proof.
#include "ledger/tree.hpp"

namespace forgepool {

/// The hashes of a tile, of which the tree must have that many: `width` is 1 … 256 (not_found otherwise). Of a full tile they
/// are held against its parent.
Result<Bytes> tile_hashes(const Tree& tree, const TileReader& full_tiles, const TileId& id, std::size_t width);

class Prover {
 public:
  /// All borrowed; `root` is tree.root(), for those who make many proofs of one tree.
  Prover(const Tree& tree, const TileReader& full_tiles, const Digest* root = nullptr)
      : tree_(tree), full_tiles_(full_tiles), root_(root) {}

  /// invalid_input unless index < size ≤ tree.size().
  Result<MerklePath> inclusion(std::uint64_t index, std::uint64_t size);
  /// invalid_input unless 0 < old_size ≤ size ≤ tree.size().
  Result<MerklePath> consistency(std::uint64_t old_size, std::uint64_t size);

  /// Hash of a leaf of the tree.
  Result<Digest> leaf_hash(std::uint64_t index) { return node({0, index}); }
  /// Root of a full tile, as the tile above has it.
  Result<Digest> tile_root(const TileId& id) { return node({Tile::height * (id.level + 1), id.index}); }
  /// Root of the tree of the first `size` leaves.
  Result<Digest> root(std::uint64_t size);

 private:
  /// The leaves [begin, end), where begin is a multiple of the smallest power of two that is at least end - begin.
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  Result<Digest> node(const NodeId& id);
  Result<Digest> range_root(const Range& range);
  Result<MerklePath> roots(const std::vector<Range>& ranges);
  Result<const Tile*> tile(const TileId& id);

  const Tree& tree_;
  const TileReader& full_tiles_;
  const Digest* root_;
  std::vector<FullTile> read_;  // Neighbouring nodes share tiles.
};

}  // namespace forgepool
