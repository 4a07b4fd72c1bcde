#include "ledger/tile.hpp"

#include "crypto/node_hashes.hpp"

#include <forgepool/merkle.hpp>

#include <cstring>

namespace forgepool {

static_assert(sizeof(Digest) == 32 && sizeof(std::array<Digest, 2>) == 64, "tiles are read and written as arrays of digests");

void Tile::append(const Digest& hash) {
  std::size_t index = size_++;
  nodes_[index] = hash;
  // Each node that is a right child completes its parent.
  for (unsigned above = 1; above < height && (index & 1); ++above) {
    index >>= 1;
    nodes_[offset(above) + index] = node_hash(node(above - 1, 2 * index), node(above - 1, 2 * index + 1));
  }
}

Digest Tile::root() const {
  return node_hash(node(height - 1, 0), node(height - 1, 1));
}

Result<Tile> Tile::from_stored(ByteView hashes, ByteView inner) {
  if (hashes.size() != hashes_bytes || inner.size() != inner_bytes)
    return fail(ErrorKind::corrupt, "a stored hash tile has " + std::to_string(hashes.size()) + " + " +
                                        std::to_string(inner.size()) + " bytes; expected " + std::to_string(hashes_bytes) +
                                        " + " + std::to_string(inner_bytes));
  Tile tile;
  std::memcpy(tile.nodes_.data(), hashes.data(), hashes.size());
  std::memcpy(tile.nodes_.data() + width, inner.data(), inner.size());
  tile.size_ = width;
  return tile;
}

Result<std::shared_ptr<const Tile>> Tile::from_hashes(ByteView hashes) {
  if (hashes.size() != hashes_bytes)
    return fail(ErrorKind::corrupt,
                "a full hash tile has " + std::to_string(hashes.size()) + " bytes; expected " + std::to_string(hashes_bytes));
  auto tile = std::make_shared<Tile>();  // Where it stays: copies of 16 KiB cost as much as reading them.
  std::memcpy(tile->nodes_.data(), hashes.data(), hashes.size());
  tile->size_ = width;
  for (unsigned above = 1; above < height; ++above)
    node_hashes({&tile->node(above - 1, 0), width >> (above - 1)}, {&tile->nodes_[offset(above)], width >> above});
  return tile;
}

}  // namespace forgepool
