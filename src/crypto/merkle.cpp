#include <forgepool/merkle.hpp>

#include "crypto/boringssl.hpp"
#include "crypto/node_hashes.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace forgepool {
namespace {

// RFC 6962, section 2.1: the prefixes keep a leaf from being passed off as a node and the other way round.
constexpr std::uint8_t leaf_prefix = 0x00;
constexpr std::uint8_t node_prefix = 0x01;

/// A node as SHA-256 takes it in: with its padding (FIPS 180-4, section 5.1.1) two blocks, of which only the children change.
/// Proofs hash nodes by the hundreds, and SHA256() would spend a third of its time on all that is the same for each.
class PaddedNode {
 public:
  PaddedNode() {
    blocks_[0] = node_prefix;
    blocks_[node_bytes] = 0x80;
    blocks_[blocks_.size() - 2] = node_bytes * 8 >> 8;
    blocks_[blocks_.size() - 1] = node_bytes * 8 & 0xff;
  }

  void set(const Digest& left, const Digest& right) {
    std::memcpy(blocks_.data() + 1, left.bytes.data(), sizeof left);
    std::memcpy(blocks_.data() + 1 + sizeof left, right.bytes.data(), sizeof right);
  }

  Digest hash() const {
    std::array<std::uint32_t, 8> state = initial_state;
    SHA256_TransformBlocks(state.data(), blocks_.data(), blocks_.size() / SHA256_CBLOCK);
    Digest digest;
    std::uint8_t* out = digest.bytes.data();
    for (const std::uint32_t word : state) {
      out[0] = static_cast<std::uint8_t>(word >> 24);
      out[1] = static_cast<std::uint8_t>(word >> 16);
      out[2] = static_cast<std::uint8_t>(word >> 8);
      out[3] = static_cast<std::uint8_t>(word);
      out += 4;
    }
    return digest;
  }

 private:
  static constexpr std::size_t node_bytes = 1 + 2 * sizeof(Digest);
  static constexpr std::array<std::uint32_t, 8> initial_state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

  alignas(SHA256_CBLOCK) std::array<std::uint8_t, std::size_t{2} * SHA256_CBLOCK> blocks_{};
};

Status refuse(std::string_view proof, std::string_view why) {
  return fail(ErrorKind::corrupt, std::string(proof) + " proof does not verify: " + std::string(why));
}

std::string of_size(const LedgerHead& head) {
  return "the tree of " + std::to_string(head.size) + " leaves";
}

}  // namespace

Digest leaf_hash(ByteView leaf) {
  SHA256_CTX context;
  Digest digest;
  SHA256_Init(&context);
  SHA256_Update(&context, &leaf_prefix, 1);
  SHA256_Update(&context, leaf.data(), leaf.size());
  SHA256_Final(digest.bytes.data(), &context);
  return digest;
}

Digest node_hash(const Digest& left, const Digest& right) {
  std::array<std::uint8_t, 65> node;
  node[0] = node_prefix;
  std::ranges::copy(left.bytes, node.begin() + 1);
  std::ranges::copy(right.bytes, node.begin() + 33);
  return sha256(node);
}

void node_hashes(std::span<const Digest> children, std::span<Digest> parents) {
  // The next node is written while the one before it is hashed: a processor that reads what it has just written has to wait.
  std::array<PaddedNode, 2> nodes;
  for (std::size_t i = 0; i <= parents.size(); ++i) {
    if (i < parents.size()) nodes[i % 2].set(children[2 * i], children[2 * i + 1]);
    if (i > 0) parents[i - 1] = nodes[(i - 1) % 2].hash();
  }
}

Digest merkle_root(std::span<const Digest> leaf_hashes) {
  if (leaf_hashes.empty()) return sha256(ByteView{});
  // Roots of the complete subtrees so far, largest first: one per set bit of the number of leaves seen.
  std::vector<Digest> subtrees;
  for (std::size_t i = 0; i < leaf_hashes.size(); ++i) {
    Digest node = leaf_hashes[i];
    for (std::size_t rest = i; rest & 1; rest >>= 1) {
      node = node_hash(subtrees.back(), node);
      subtrees.pop_back();
    }
    subtrees.push_back(node);
  }
  Digest root = subtrees.back();
  for (std::size_t i = subtrees.size() - 1; i-- > 0;) root = node_hash(subtrees[i], root);
  return root;
}

Status verify_inclusion(const Digest& leaf, std::uint64_t index, const LedgerHead& head, const MerklePath& path) {
  if (index >= head.size) return refuse("inclusion", "index " + std::to_string(index) + " is not in " + of_size(head));
  std::uint64_t node = index, last = head.size - 1;
  Digest root = leaf;
  for (const Digest& sibling : path) {
    if (last == 0) return refuse("inclusion", "the path is longer than " + of_size(head) + " is high");
    if ((node & 1) || node == last) {
      root = node_hash(sibling, root);
      // On the right edge there are no siblings until the next left turn.
      while (!(node & 1) && node != 0) node >>= 1, last >>= 1;
    } else {
      root = node_hash(root, sibling);
    }
    node >>= 1, last >>= 1;
  }
  if (last != 0) return refuse("inclusion", "the path is shorter than " + of_size(head) + " is high");
  if (root != head.root)
    return refuse("inclusion", "leaf " + std::to_string(index) + " does not lead to the root of " + of_size(head));
  return {};
}

Status verify_consistency(const LedgerHead& older, const LedgerHead& newer, const MerklePath& path) {
  if (older.size == 0)
    return fail(ErrorKind::invalid_input,
                "a consistency proof from the empty tree proves nothing: expected an older size of at least 1");
  if (older.size > newer.size)
    return refuse("consistency",
                  "the log shrank from " + std::to_string(older.size) + " to " + std::to_string(newer.size) + " leaves");
  if (older.size == newer.size) {
    if (!path.empty()) return refuse("consistency", "the path between equal sizes must be empty");
    if (older.root != newer.root) return refuse("consistency", "two roots for " + of_size(older));
    return {};
  }
  if (path.empty()) return refuse("consistency", "the path is empty");

  std::uint64_t node = older.size - 1, last = newer.size - 1;
  while (node & 1) node >>= 1, last >>= 1;
  // If the older tree is complete, its root starts the path; the prover leaves it out.
  const bool complete = std::has_single_bit(older.size);
  Digest old_root = complete ? older.root : path.front();
  Digest new_root = old_root;
  for (std::size_t i = complete ? 0 : 1; i < path.size(); ++i) {
    if (last == 0) return refuse("consistency", "the path is longer than " + of_size(newer) + " is high");
    if ((node & 1) || node == last) {
      old_root = node_hash(path[i], old_root);
      new_root = node_hash(path[i], new_root);
      while (!(node & 1) && node != 0) node >>= 1, last >>= 1;
    } else {
      new_root = node_hash(new_root, path[i]);
    }
    node >>= 1, last >>= 1;
  }
  if (last != 0) return refuse("consistency", "the path is shorter than " + of_size(newer) + " is high");
  if (old_root != older.root) return refuse("consistency", "it does not lead to the root of " + of_size(older));
  if (new_root != newer.root) return refuse("consistency", "it does not lead to the root of " + of_size(newer));
  return {};
}

}  // namespace forgepool
