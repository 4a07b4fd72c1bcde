#include "ledger/proofs.hpp"

#include <forgepool/merkle.hpp>

#include <algorithm>
#include <bit>
#include <optional>

namespace forgepool {
namespace {

/// RFC 6962's k: the largest power of two smaller than `count`, which is at least 2.
std::uint64_t split(std::uint64_t count) {
  return std::bit_floor(count - 1);
}

tl::unexpected<Error> damaged(const Error& why) {
  return fail(ErrorKind::corrupt, "the ledger's stored hash tiles are damaged: " + why.message);
}

}  // namespace

Result<Bytes> tile_hashes(const Tree& tree, const TileReader& full_tiles, const TileId& id, std::size_t width) {
  const std::uint64_t nodes = id.level < Tree::max_levels ? tree.size() >> (Tile::height * id.level) : 0;
  if (width == 0 || width > Tile::width || id.index > nodes / Tile::width ||
      width > nodes - std::min(nodes, id.index * Tile::width))
    return fail(ErrorKind::not_found, "the tree of " + std::to_string(tree.size()) + " leaves has no tile " +
                                          std::to_string(id.index) + " of level " + std::to_string(id.level) + " with " +
                                          std::to_string(width) + " hashes");
  ByteView hashes;
  TilePtr stored;
  if (const Tile* edge = tree.edge(id)) {
    hashes = edge->hashes();
  } else {
    auto read = full_tiles(id);
    if (!read) return fail(read.error());
    stored = std::move(*read);
    hashes = stored->hashes();
    const auto computed = Tile::from_hashes(hashes);
    if (!computed) return fail(computed.error());
    const auto parent = Prover(tree, full_tiles).tile_root(id);
    if (!parent) return fail(parent.error());
    if ((*computed)->root() != *parent)
      return fail(ErrorKind::corrupt, "the stored hash tile " + std::to_string(id.index) + " of level " +
                                          std::to_string(id.level) + " does not fit the tree");
  }
  hashes = hashes.first(width * sizeof(Digest));
  return Bytes(hashes.begin(), hashes.end());
}

Result<MerklePath> Prover::inclusion(std::uint64_t index, std::uint64_t size) {
  if (size > tree_.size() || index >= size)
    return fail(ErrorKind::invalid_input, "no inclusion proof of leaf " + std::to_string(index) + " in the tree of " +
                                              std::to_string(size) +
                                              " leaves: expected index < size <= " + std::to_string(tree_.size()));
  std::vector<Range> siblings;  // From the root down: each turn leaves the other half behind.
  for (Range rest{0, size}; rest.end - rest.begin > 1;) {
    const std::uint64_t middle = rest.begin + split(rest.end - rest.begin);
    siblings.push_back(index < middle ? Range{middle, rest.end} : Range{rest.begin, middle});
    (index < middle ? rest.end : rest.begin) = middle;
  }
  std::ranges::reverse(siblings);
  auto path = roots(siblings);
  const auto leaf = leaf_hash(index);
  const auto head_root = root(size);
  if (!path || !leaf || !head_root) return fail(!path ? path.error() : !leaf ? leaf.error() : head_root.error());
  if (const auto verified = verify_inclusion(*leaf, index, {size, *head_root}, *path); !verified)
    return damaged(verified.error());
  return path;
}

Result<MerklePath> Prover::consistency(std::uint64_t old_size, std::uint64_t size) {
  if (old_size == 0 || old_size > size || size > tree_.size())
    return fail(ErrorKind::invalid_input, "no consistency proof from " + std::to_string(old_size) + " to " +
                                              std::to_string(size) +
                                              " leaves: expected 0 < old size <= size <= " + std::to_string(tree_.size()));
  std::vector<Range> ranges;
  Range rest{0, size};
  while (rest.end != old_size) {
    const std::uint64_t middle = rest.begin + split(rest.end - rest.begin);
    if (old_size <= middle) {
      ranges.push_back({middle, rest.end});
      rest.end = middle;
    } else {
      ranges.push_back({rest.begin, middle});
      rest.begin = middle;
    }
  }
  // The old tree itself is left out if it is one complete subtree: the verifier has its root.
  if (rest.begin != 0) ranges.push_back(rest);
  std::ranges::reverse(ranges);
  auto path = roots(ranges);
  const auto old_root = root(old_size), new_root = root(size);
  if (!path || !old_root || !new_root) return fail(!path ? path.error() : !old_root ? old_root.error() : new_root.error());
  if (const auto verified = verify_consistency({old_size, *old_root}, {size, *new_root}, *path); !verified)
    return damaged(verified.error());
  return path;
}

Result<Digest> Prover::root(std::uint64_t size) {
  if (size == tree_.size()) return root_ ? *root_ : tree_.root();
  if (size == 0) return merkle_root({});
  return range_root({0, size});
}

Result<Digest> Prover::node(const NodeId& id) {
  const unsigned height = id.height % Tile::height;
  const unsigned bits = Tile::height - height;  // Of the index that are inside the tile.
  const auto found = tile({id.height / Tile::height, id.index >> bits});
  if (!found) return fail(found.error());
  return (*found)->node(height, id.index & ((std::uint64_t{1} << bits) - 1));
}

Result<Digest> Prover::range_root(const Range& range) {
  // Of the complete subtrees that make up the range the last is the smallest: it begins.
  std::optional<Digest> root;
  for (std::uint64_t end = range.end; end > range.begin;) {
    const unsigned height = static_cast<unsigned>(std::countr_zero(end - range.begin));
    end -= std::uint64_t{1} << height;
    const auto subtree = node({height, end >> height});
    if (!subtree) return subtree;
    root = root ? node_hash(*subtree, *root) : *subtree;
  }
  return *root;
}

Result<MerklePath> Prover::roots(const std::vector<Range>& ranges) {
  MerklePath path;
  path.reserve(ranges.size());
  for (const Range& range : ranges) {
    const auto root = range_root(range);
    if (!root) return fail(root.error());
    path.push_back(*root);
  }
  return path;
}

Result<const Tile*> Prover::tile(const TileId& id) {
  if (const Tile* edge = tree_.edge(id)) return edge;
  const auto known = std::ranges::find(read_, id, &FullTile::id);
  if (known != read_.end()) return known->tile.get();
  auto read = full_tiles_(id);
  if (!read) return fail(read.error());
  read_.push_back({id, std::move(*read)});
  return read_.back().tile.get();
}

}  // namespace forgepool
