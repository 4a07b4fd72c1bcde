#include "ledger/tree.hpp"

#include <forgepool/merkle.hpp>

namespace forgepool {

Result<Tree> Tree::restore(std::uint64_t size, const LeafHashReader& leaf_hashes, const TileReader& full_tiles) {
  if (size > max_size)
    return fail(ErrorKind::corrupt, "a stored tree of " + std::to_string(size) + " leaves: no log gets that long");
  Tree tree;
  tree.size_ = size;
  for (unsigned level = 0; level < max_levels && size >> (Tile::height * level) != 0; ++level) {
    const std::uint64_t hashes = size >> (Tile::height * level);
    Edge edge{.index = hashes / Tile::width, .tile = {}};
    for (std::uint64_t i = edge.index * Tile::width; i < hashes; ++i) {
      Result<Digest> hash =
          level == 0 ? leaf_hashes(i) : full_tiles({level - 1, i}).map([](const TilePtr& tile) { return tile->root(); });
      if (!hash) return fail(hash.error());
      edge.tile.append(*hash);
    }
    tree.edges_.push_back(std::move(edge));
  }
  return tree;
}

Digest Tree::root() const {
  // From the right: at each height the last complete subtree is a left sibling of everything after it, if the size has that
  // bit.
  bool started = false;
  Digest root = sha256(ByteView{});
  for (unsigned level = 0; level < edges_.size(); ++level) {
    const Tile& tile = edges_[level].tile;
    for (unsigned height = 0; height < Tile::height; ++height) {
      if ((tile.size() >> height & 1) == 0) continue;
      const Digest& node = tile.node(height, (tile.size() >> height) - 1);
      root = started ? node_hash(node, root) : node;
      started = true;
    }
  }
  return root;
}

void Tree::append(const Digest& leaf_hash, std::vector<FullTile>& filled) {
  append_to_level(0, leaf_hash, filled);
  ++size_;
}

void Tree::append_to_level(unsigned level, const Digest& hash, std::vector<FullTile>& filled) {
  if (level == edges_.size()) edges_.emplace_back();
  Edge& edge = edges_[level];
  edge.tile.append(hash);
  if (!edge.tile.full()) return;
  filled.push_back({{level, edge.index}, std::make_shared<const Tile>(edge.tile)});
  const Digest root = edge.tile.root();
  edge = Edge{.index = edge.index + 1, .tile = {}};
  append_to_level(level + 1, root, filled);  // At most eight levels deep. `edge` is stale after this.
}

const Tile* Tree::edge(const TileId& id) const {
  return id.level < edges_.size() && edges_[id.level].index == id.index ? &edges_[id.level].tile : nullptr;
}

}  // namespace forgepool
