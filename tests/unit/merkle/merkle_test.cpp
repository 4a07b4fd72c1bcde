#include "crypto/node_hashes.hpp"

#include <forgepool/merkle.hpp>

#include <catch2/catch_test_macros.hpp>

#include <bit>

using namespace forgepool;

namespace {

// RFC 6962 section 2.1, word for word and as slow as that: what the library's functions are held against.
using Leaves = std::span<const Digest>;

Digest mth(Leaves leaves) {
  if (leaves.empty()) return sha256("");
  if (leaves.size() == 1) return leaves[0];
  const std::size_t k = std::bit_floor(leaves.size() - 1);
  return node_hash(mth(leaves.first(k)), mth(leaves.subspan(k)));
}

MerklePath path(std::size_t m, Leaves leaves) {
  if (leaves.size() == 1) return {};
  const std::size_t k = std::bit_floor(leaves.size() - 1);
  MerklePath result = m < k ? path(m, leaves.first(k)) : path(m - k, leaves.subspan(k));
  result.push_back(m < k ? mth(leaves.subspan(k)) : mth(leaves.first(k)));
  return result;
}

MerklePath subproof(std::size_t m, Leaves leaves, bool whole) {
  if (m == leaves.size()) return whole ? MerklePath{} : MerklePath{mth(leaves)};
  const std::size_t k = std::bit_floor(leaves.size() - 1);
  MerklePath result = m <= k ? subproof(m, leaves.first(k), whole) : subproof(m - k, leaves.subspan(k), false);
  result.push_back(m <= k ? mth(leaves.subspan(k)) : mth(leaves.first(k)));
  return result;
}

std::vector<Digest> some_leaves(std::size_t count) {
  std::vector<Digest> leaves;
  for (std::size_t i = 0; i < count; ++i) leaves.push_back(leaf_hash(as_bytes("leaf " + std::to_string(i))));
  return leaves;
}

LedgerHead head_of(Leaves leaves) {
  return {leaves.size(), mth(leaves)};
}

Digest flipped(Digest digest, std::size_t bit) {
  digest.bytes[bit / 8 % 32] ^= static_cast<std::uint8_t>(1u << bit % 8);
  return digest;
}

}  // namespace

TEST_CASE("neighbouring nodes are hashed together as one by one") {
  const auto children = some_leaves(256);
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{128}}) {
    std::vector<Digest> parents(count), expected;
    for (std::size_t i = 0; i < count; ++i) expected.push_back(node_hash(children[2 * i], children[2 * i + 1]));
    node_hashes(std::span(children).first(2 * count), parents);
    CHECK(parents == expected);
  }
}

TEST_CASE("the hashes of RFC 6962 are those that Certificate Transparency publishes") {
  CHECK(merkle_root({}).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(leaf_hash({}).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  // The eight leaves of the reference implementation's tests.
  std::vector<Digest> leaves;
  for (const char* hex : {"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"})
    leaves.push_back(leaf_hash(*from_hex(hex)));
  CHECK(merkle_root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

TEST_CASE("the root of any number of leaves is that of the recursive definition") {
  const auto leaves = some_leaves(300);
  for (std::size_t n = 0; n <= leaves.size(); ++n)
    REQUIRE(merkle_root(Leaves(leaves).first(n)) == mth(Leaves(leaves).first(n)));
}

TEST_CASE("every inclusion proof of the definition verifies, and none with a flipped bit, a missing or an extra element") {
  const auto leaves = some_leaves(40);
  for (std::size_t n = 1; n <= leaves.size(); ++n) {
    const LedgerHead head = head_of(Leaves(leaves).first(n));
    for (std::size_t i = 0; i < n; ++i) {
      const MerklePath proof = path(i, Leaves(leaves).first(n));
      REQUIRE(verify_inclusion(leaves[i], i, head, proof));
      CHECK(verify_inclusion(flipped(leaves[i], i), i, head, proof).error().kind == ErrorKind::corrupt);
      CHECK_FALSE(verify_inclusion(leaves[i], i, {n, flipped(head.root, n)}, proof));
      for (std::size_t k = 0; k < proof.size(); ++k) {
        MerklePath bad = proof;
        bad[k] = flipped(bad[k], 7 * i + k);
        CHECK_FALSE(verify_inclusion(leaves[i], i, head, bad));
      }
      for (const std::size_t other : {i + 1, i ^ 1, n, n + 1})
        if (other != i) CHECK_FALSE(verify_inclusion(leaves[i], other, head, proof));
      MerklePath longer = proof, shorter = proof;
      longer.push_back(leaves[0]);
      CHECK_FALSE(verify_inclusion(leaves[i], i, head, longer));
      if (!proof.empty()) {
        shorter.pop_back();
        CHECK_FALSE(verify_inclusion(leaves[i], i, head, shorter));
      }
    }
  }
}

TEST_CASE("a proof for one tree size does not verify for another") {
  const auto leaves = some_leaves(20);
  const LedgerHead head = head_of(leaves);
  for (std::size_t i = 0; i < 19; ++i) CHECK_FALSE(verify_inclusion(leaves[i], i, head, path(i, Leaves(leaves).first(19))));
}

TEST_CASE("nothing is included in the empty tree, and absurd indices are refused") {
  const Digest leaf = leaf_hash(as_bytes("x"));
  CHECK_FALSE(verify_inclusion(leaf, 0, {0, merkle_root({})}, {}));
  CHECK_FALSE(verify_inclusion(leaf, UINT64_MAX, {UINT64_MAX, leaf}, MerklePath(64, leaf)));
  CHECK_FALSE(verify_inclusion(leaf, UINT64_MAX - 1, {UINT64_MAX, leaf}, MerklePath(1000, leaf)));
}

TEST_CASE("every consistency proof of the definition verifies, and none with a flipped bit, a missing or an extra element") {
  const auto leaves = some_leaves(40);
  for (std::size_t n = 1; n <= leaves.size(); ++n) {
    const LedgerHead newer = head_of(Leaves(leaves).first(n));
    for (std::size_t m = 1; m <= n; ++m) {
      const LedgerHead older = head_of(Leaves(leaves).first(m));
      const MerklePath proof = subproof(m, Leaves(leaves).first(n), true);
      REQUIRE(verify_consistency(older, newer, proof));
      CHECK_FALSE(verify_consistency({m, flipped(older.root, n)}, newer, proof));
      CHECK_FALSE(verify_consistency(older, {n, flipped(newer.root, m)}, proof));
      for (std::size_t k = 0; k < proof.size(); ++k) {
        MerklePath bad = proof;
        bad[k] = flipped(bad[k], 5 * m + k);
        CHECK(verify_consistency(older, newer, bad).error().kind == ErrorKind::corrupt);
      }
      MerklePath longer = proof, shorter = proof;
      longer.push_back(leaves[0]);
      CHECK_FALSE(verify_consistency(older, newer, longer));
      if (!proof.empty()) {
        shorter.pop_back();
        CHECK_FALSE(verify_consistency(older, newer, shorter));
      }
    }
  }
}

TEST_CASE("a consistency proof from the empty tree is an error of whoever asks") {
  const LedgerHead some{1, leaf_hash({})};
  CHECK(verify_consistency({0, merkle_root({})}, some, {}).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("a log that shrank or has two roots for one size is not consistent") {
  const auto leaves = some_leaves(8);
  const LedgerHead eight = head_of(leaves), four = head_of(Leaves(leaves).first(4));
  CHECK(verify_consistency(eight, four, {}).error().kind == ErrorKind::corrupt);
  CHECK(verify_consistency(eight, {8, four.root}, {}).error().kind == ErrorKind::corrupt);
  CHECK(verify_consistency(four, eight, {}).error().kind == ErrorKind::corrupt);
}
