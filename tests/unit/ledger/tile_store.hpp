#pragma once
/// Where tests keep full tiles.
#include "ledger/tree.hpp"

#include <forgepool/merkle.hpp>

#include <map>
#include <string>

namespace forgepool::test {

class TileStore {
 public:
  void take(std::vector<FullTile>& filled) {
    for (FullTile& full : filled) tiles_[{full.id.level, full.id.index}] = std::move(full.tile);
    filled.clear();
  }

  TileReader reader() {
    return [this](const TileId& id) -> Result<TilePtr> {
      ++reads;
      const auto found = tiles_.find({id.level, id.index});
      if (found == tiles_.end()) return fail(ErrorKind::corrupt, "no such tile");
      return found->second;
    };
  }

  std::map<std::pair<unsigned, std::uint64_t>, TilePtr>& tiles() { return tiles_; }
  std::size_t reads = 0;

 private:
  std::map<std::pair<unsigned, std::uint64_t>, TilePtr> tiles_;
};

inline Digest leaf_number(std::uint64_t index) {
  return leaf_hash(as_bytes("leaf " + std::to_string(index)));
}

inline std::vector<Digest> leaf_numbers(std::uint64_t count) {
  std::vector<Digest> leaves;
  for (std::uint64_t i = 0; i < count; ++i) leaves.push_back(leaf_number(i));
  return leaves;
}

inline Tree grow(const std::vector<Digest>& leaves, TileStore& store) {
  Tree tree;
  std::vector<FullTile> filled;
  for (const Digest& leaf : leaves) tree.append(leaf, filled);
  store.take(filled);
  return tree;
}

/// A tree of any size whose leaves are all alike: then so are all full tiles of one level, and 2^62 leaves need eight of them.
class UniformTree {
 public:
  UniformTree() {
    Digest hash = leaf_number(0);
    for (unsigned level = 0; level < Tree::max_levels; ++level) {
      Tile tile;
      while (!tile.full()) tile.append(hash);
      hash = tile.root();
      tiles_[level] = std::make_shared<const Tile>(tile);
    }
  }

  TileReader reader() {
    return [this](const TileId& id) -> Result<TilePtr> {
      ++reads;
      return tiles_[id.level];
    };
  }
  Result<Tree> of_size(std::uint64_t size) {
    return Tree::restore(
        size, [](std::uint64_t) { return leaf_number(0); }, reader());
  }

  std::size_t reads = 0;

 private:
  std::array<TilePtr, Tree::max_levels> tiles_;
};

}  // namespace forgepool::test
