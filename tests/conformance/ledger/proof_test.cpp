#include "backends.hpp"

#include <random>

using namespace forgepool;
using namespace forgepool::test;

namespace {

/// Heads of all sizes up to `leaves.size()`, by the definition.
std::vector<LedgerHead> heads_of(const std::vector<Digest>& leaves) {
  std::vector<LedgerHead> heads;
  for (std::size_t n = 0; n <= leaves.size(); ++n) heads.push_back({n, merkle_root(std::span(leaves).first(n))});
  return heads;
}

/// Flips one bit in each element in turn, and leaves one out or adds one: `accepted` must refuse them all.
template <class Verify>
void refuse_damage(const MerklePath& path, std::size_t salt, const Verify& accepted) {
  for (std::size_t k = 0; k < path.size(); ++k) {
    MerklePath bad = path;
    bad[k].bytes[(salt + k) % 32] ^= static_cast<std::uint8_t>(1u << (salt / 32 + k) % 8);
    REQUIRE_FALSE(accepted(bad));
    bad = path;
    bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(k));
    REQUIRE_FALSE(accepted(bad));
  }
  MerklePath longer = path;
  longer.push_back(path.empty() ? Digest{} : path.front());
  REQUIRE_FALSE(accepted(longer));
}

constexpr std::uint64_t small = 130;

}  // namespace

TEST_CASE("all inclusion proofs of a small log verify, and none that was damaged") {
  FOR_EACH_LEDGER(ledger);
  REQUIRE(ledger.commit(numbered_leaves(0, small)));
  const auto leaves = numbered_hashes(small);
  const auto heads = heads_of(leaves);
  for (std::uint64_t size = 1; size <= small; ++size) {
    for (std::uint64_t index = 0; index < size; ++index) {
      const auto path = ledger.prove_inclusion(index, size);
      REQUIRE(path);
      REQUIRE(verify_inclusion(leaves[index], index, heads[size], *path));
      refuse_damage(*path, index * 131 + size, [&](const MerklePath& bad) {
        return verify_inclusion(leaves[index], index, heads[size], bad).has_value();
      });
    }
  }
}

TEST_CASE("all consistency proofs of a small log verify, and none that was damaged") {
  FOR_EACH_LEDGER(ledger);
  REQUIRE(ledger.commit(numbered_leaves(0, small)));
  const auto heads = heads_of(numbered_hashes(small));
  for (std::uint64_t size = 1; size <= small; ++size) {
    for (std::uint64_t old_size = 1; old_size <= size; ++old_size) {
      const auto path = ledger.prove_consistency(old_size, size);
      REQUIRE(path);
      REQUIRE(verify_consistency(heads[old_size], heads[size], *path));
      refuse_damage(*path, old_size * 131 + size,
                    [&](const MerklePath& bad) { return verify_consistency(heads[old_size], heads[size], bad).has_value(); });
    }
  }
}

TEST_CASE("random proofs of a log with several levels of tiles verify, whatever the batches were") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  FOR_EACH_LEDGER(ledger);
  constexpr std::uint64_t size = 70'000;
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t count = std::min(size - done, 1 + random() % (random() % 4 ? 3'000 : 30));
    REQUIRE(ledger.commit(numbered_leaves(done, count)));
    done += count;
  }
  const auto leaves = numbered_hashes(size);
  const auto head_of = [&](std::uint64_t n) { return LedgerHead{n, merkle_root(std::span(leaves).first(n))}; };
  CHECK(ledger.head().root == head_of(size).root);
  for (int round = 0; round < 40; ++round) {
    const std::uint64_t n = round % 4 == 0 ? size : 1 + random() % size, index = random() % n, old_size = 1 + random() % n;
    CAPTURE(n, index, old_size);
    const auto inclusion = ledger.prove_inclusion(index, n);
    REQUIRE(inclusion);
    CHECK(verify_inclusion(leaf_hash(*ledger.leaf(index)), index, head_of(n), *inclusion));
    const auto consistency = ledger.prove_consistency(old_size, n);
    REQUIRE(consistency);
    CHECK(verify_consistency(head_of(old_size), head_of(n), *consistency));
  }
}

TEST_CASE("proofs about leaves and sizes that are not there are refused") {
  FOR_EACH_LEDGER(ledger);
  CHECK(ledger.prove_inclusion(0, 0).error().kind == ErrorKind::invalid_input);
  CHECK(ledger.prove_consistency(0, 0).error().kind == ErrorKind::invalid_input);
  REQUIRE(ledger.commit(numbered_leaves(0, 5)));
  for (const auto& [index, size] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{5, 5}, {0, 6}, {0, 0}, {3, 3}, {UINT64_MAX, UINT64_MAX}})
    CHECK(ledger.prove_inclusion(index, size).error().kind == ErrorKind::invalid_input);
  for (const auto& [old_size, size] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 5}, {4, 3}, {1, 6}, {6, 6}, {1, UINT64_MAX}})
    CHECK(ledger.prove_consistency(old_size, size).error().kind == ErrorKind::invalid_input);
  CHECK(ledger.prove_inclusion(4, 5));
  CHECK(ledger.prove_consistency(5, 5)->empty());
}
