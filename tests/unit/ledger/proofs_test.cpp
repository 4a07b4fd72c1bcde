#include "ledger/proofs.hpp"
#include "tile_store.hpp"

#include <catch2/catch_test_macros.hpp>

#include <random>

using namespace forgepool;
using namespace forgepool::test;

TEST_CASE("proofs between random sizes verify with the pure functions") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto leaves = leaf_numbers(140'000);
  TileStore store;
  const Tree tree = grow(leaves, store);
  const TileReader reader = store.reader();
  const auto head_of = [&](std::uint64_t size) { return LedgerHead{size, merkle_root(std::span(leaves).first(size))}; };
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t size = round % 4 == 0 ? tree.size() : 1 + random() % tree.size();
    const std::uint64_t index = random() % size, old_size = 1 + random() % size;
    CAPTURE(size, index, old_size);
    Prover prover(tree, reader);
    CHECK(prover.root(size) == head_of(size).root);
    const auto inclusion = prover.inclusion(index, size);
    REQUIRE(inclusion);
    CHECK(verify_inclusion(leaves[index], index, head_of(size), *inclusion));
    const auto consistency = prover.consistency(old_size, size);
    REQUIRE(consistency);
    CHECK(verify_consistency(head_of(old_size), head_of(size), *consistency));
  }
}

TEST_CASE("a damaged tile is reported, never proved from") {
  const auto leaves = leaf_numbers(1'000);
  TileStore store;
  const Tree tree = grow(leaves, store);
  const TileReader reader = store.reader();
  for (const std::size_t node : {0u, 3u, 254u}) {
    TilePtr& tile = store.tiles().at({0, 1});
    const TilePtr intact = tile;
    Bytes hashes(intact->hashes().begin(), intact->hashes().end()), inner(intact->inner().begin(), intact->inner().end());
    (node < 254 ? hashes[node * 32] : inner[253 * 32]) ^= 1;
    tile = std::make_shared<const Tile>(*Tile::from_stored(hashes, inner));
    // Leaf 256 has leaf 257 beside it, then the nodes over 258…259 and 384…511 (the last inner node).
    const std::uint64_t index = node == 3 ? 256 + 3 : 256;
    CHECK(Prover(tree, reader).inclusion(index, 1'000).error().kind == ErrorKind::corrupt);
    tile = intact;
    CHECK(Prover(tree, reader).inclusion(index, 1'000));
  }
}

TEST_CASE("a missing tile is reported") {
  const auto leaves = leaf_numbers(1'000);
  TileStore store;
  const Tree tree = grow(leaves, store);
  const TileReader reader = store.reader();
  store.tiles().erase({0, 2});
  CHECK(Prover(tree, reader).inclusion(600, 1'000).error().kind == ErrorKind::corrupt);
  CHECK(Prover(tree, reader).consistency(600, 1'000).error().kind == ErrorKind::corrupt);
  CHECK(Prover(tree, reader).inclusion(0, 1'000));
}

TEST_CASE("proofs that make no sense are refused as the caller's mistake") {
  const auto leaves = leaf_numbers(10);
  TileStore store;
  const Tree tree = grow(leaves, store);
  const TileReader reader = store.reader();
  Prover prover(tree, reader);
  for (const auto& [index, size] : {std::pair{10, 10}, {0, 11}, {11, 10}, {0, 0}})
    CHECK(prover.inclusion(static_cast<std::uint64_t>(index), static_cast<std::uint64_t>(size)).error().kind ==
          ErrorKind::invalid_input);
  for (const auto& [old_size, size] : {std::pair{0, 10}, {0, 0}, {6, 5}, {5, 11}})
    CHECK(prover.consistency(static_cast<std::uint64_t>(old_size), static_cast<std::uint64_t>(size)).error().kind ==
          ErrorKind::invalid_input);
  CHECK(prover.inclusion(UINT64_MAX, UINT64_MAX).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("a proof in a log of any size reads at most two tiles per level") {
  UniformTree uniform;
  const TileReader reader = uniform.reader();
  std::mt19937_64 random(1);
  for (const std::uint64_t size :
       {std::uint64_t{1'000}, std::uint64_t{100'000'000}, (std::uint64_t{1} << 62) - 1, std::uint64_t{1} << 62}) {
    const auto tree = uniform.of_size(size);
    REQUIRE(tree);
    for (int round = 0; round < 50; ++round) {
      const std::uint64_t smaller = 1 + random() % size, index = random() % smaller;
      Prover prover(*tree, reader);
      uniform.reads = 0;
      const auto inclusion = prover.inclusion(index, round % 2 ? smaller : size);
      REQUIRE(inclusion);
      CHECK(inclusion->size() <= 62);
      CHECK(uniform.reads <= 16);
      const auto root = prover.root(smaller);
      REQUIRE(root);
      const auto consistency = Prover(*tree, reader).consistency(smaller, size);
      REQUIRE(consistency);
      CHECK(verify_consistency({smaller, *root}, tree->head(), *consistency));
    }
  }
}
