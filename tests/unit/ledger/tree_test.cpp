#include "tile_store.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace forgepool::test;

TEST_CASE("a growing tree has the root of the definition at every size") {
  const auto leaves = leaf_numbers(1'100);
  Tree tree;
  std::vector<FullTile> filled;
  CHECK(tree.root() == merkle_root({}));
  for (std::size_t n = 0; n < leaves.size(); ++n) {
    tree.append(leaves[n], filled);
    REQUIRE(tree.size() == n + 1);
    REQUIRE(tree.root() == merkle_root(std::span(leaves).first(n + 1)));
  }
}

TEST_CASE("full tiles are those of C2SP tlog-tiles") {
  // The specification's example: 70,000 leaves are 273 full tiles of level 0, one of level 1, and partial tiles of 112, 17
  // and 1.
  const auto leaves = leaf_numbers(70'000);
  TileStore store;
  const Tree tree = grow(leaves, store);
  CHECK(store.tiles().size() == 274);
  CHECK(store.tiles().count({0, 272}) == 1);
  CHECK(store.tiles().count({1, 0}) == 1);
  CHECK(tree.edge({0, 273})->size() == 112);
  CHECK(tree.edge({1, 1})->size() == 17);
  CHECK(tree.edge({2, 0})->size() == 1);
  CHECK(tree.edge({0, 272}) == nullptr);
  CHECK(tree.edge({3, 0}) == nullptr);

  const Tile& first = *store.tiles().at({0, 0});
  const Tile& above = *store.tiles().at({1, 0});
  CHECK(first.hashes().size() == 8'192);
  CHECK(std::ranges::equal(first.hashes().subspan(255 * 32), leaves[255].bytes));
  for (const std::size_t i : {0u, 1u, 255u}) {
    const Digest expected = merkle_root(std::span(leaves).subspan(i * 256, 256));
    CHECK(store.tiles().at({0, i})->root() == expected);
    CHECK(std::ranges::equal(above.hashes().subspan(i * 32, 32), expected.bytes));
  }
  CHECK(above.root() == merkle_root(std::span(leaves).first(65'536)));
  CHECK(tree.root() == merkle_root(leaves));
}

TEST_CASE("a tile keeps all nodes below its root, and survives being stored") {
  const auto leaves = leaf_numbers(256);
  Tile tile;
  for (const Digest& leaf : leaves) tile.append(leaf);
  const auto stored = Tile::from_stored(tile.hashes(), tile.inner());
  REQUIRE(stored);
  for (unsigned height = 0; height < Tile::height; ++height)
    for (std::size_t i = 0; i < (256u >> height); ++i)
      REQUIRE(stored->node(height, i) == merkle_root(std::span(leaves).subspan(i << height, std::size_t{1} << height)));
  CHECK(stored->root() == merkle_root(leaves));
  CHECK(Tile::from_stored(tile.hashes().first(8'191), tile.inner()).error().kind == ErrorKind::corrupt);
  CHECK(Tile::from_stored(tile.hashes(), {}).error().kind == ErrorKind::corrupt);
}

TEST_CASE("a tree restored from its leaves and tiles is the tree that was grown, and grows on alike") {
  const auto leaves = leaf_numbers(66'200);
  const LeafHashReader leaf_hashes = [&](std::uint64_t i) { return leaves[i]; };
  for (const std::size_t n : {0, 1, 2, 255, 256, 257, 511, 512, 1'000, 65'535, 65'536, 65'537, 65'792, 65'793}) {
    CAPTURE(n);
    TileStore store;
    Tree grown = grow({leaves.begin(), leaves.begin() + static_cast<std::ptrdiff_t>(n)}, store);
    auto restored = Tree::restore(n, leaf_hashes, store.reader());
    REQUIRE(restored);
    CHECK(restored->root() == grown.root());
    std::vector<FullTile> from_grown, from_restored;
    for (std::size_t i = n; i < n + 300; ++i) {
      grown.append(leaves[i], from_grown);
      restored->append(leaves[i], from_restored);
    }
    CHECK(restored->root() == grown.root());
    REQUIRE(from_grown.size() == from_restored.size());
    for (std::size_t i = 0; i < from_grown.size(); ++i) {
      CHECK(from_grown[i].id == from_restored[i].id);
      CHECK(from_grown[i].tile->root() == from_restored[i].tile->root());
    }
  }
}

TEST_CASE("a tree that cannot be read back is not restored") {
  TileStore empty;
  const LeafHashReader no_leaves = [](std::uint64_t) -> Result<Digest> { return fail(ErrorKind::corrupt, "no such leaf"); };
  CHECK(Tree::restore(5, no_leaves, empty.reader()).error().kind == ErrorKind::corrupt);
  CHECK(Tree::restore(256, no_leaves, empty.reader()).error().kind == ErrorKind::corrupt);
  CHECK(Tree::restore(UINT64_MAX, no_leaves, empty.reader()).error().kind == ErrorKind::corrupt);
}

TEST_CASE("opening a log of any size reads at most 255 tiles per level") {
  UniformTree uniform;
  for (const std::uint64_t size : {std::uint64_t{100'000'000}, (std::uint64_t{1} << 62) - 1, std::uint64_t{1} << 62}) {
    uniform.reads = 0;
    REQUIRE(uniform.of_size(size));
    CHECK(uniform.reads <= 255 * 7);
  }
}
