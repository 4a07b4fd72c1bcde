#include "ledger/tile_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>

#include <stdlib.h>

namespace forgepool {
namespace {

struct Folder {
  Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path = (std::filesystem::temp_directory_path() / "tile-files-XXXXXX").string();
};

/// A full tile of its own for each name.
Tile tile_of(const TileId& id) {
  Tile tile;
  while (!tile.full()) tile.append(sha256(tile_path(id) + std::to_string(tile.size())));
  return tile;
}

void write_tile(TileFiles& files, const TileId& id) {
  REQUIRE(files.write(tile_path(id), tile_of(id).hashes()));
}

void remove_tile(const TileFiles& files, const TileId& id) {
  REQUIRE(std::filesystem::remove(files.root() + "/" + tile_path(id)));
}

constexpr std::uint64_t upper_tile_leaves = 65'536;

}  // namespace

TEST_CASE("a tile is read from its hashes, with the nodes above them, and stays in memory") {
  const Folder folder;
  TileFiles files(folder.path);
  for (const TileId id : {TileId{0, 3}, TileId{1, 7}}) {
    CHECK(files.tile(id).error().kind == ErrorKind::corrupt);
    write_tile(files, id);
    const auto read = files.tile(id);
    REQUIRE(read);
    CHECK((*read)->root() == tile_of(id).root());
    CHECK(std::ranges::equal((*read)->inner(), tile_of(id).inner()));
    remove_tile(files, id);
    CHECK(files.tile(id));
  }
}

TEST_CASE("a tile of another length is corrupt") {
  const Folder folder;
  TileFiles files(folder.path);
  const TileId id{0, 3};
  for (const std::size_t length : {std::size_t{0}, Tile::hashes_bytes - 1, Tile::hashes_bytes + 1, 2 * Tile::hashes_bytes}) {
    CAPTURE(length);
    REQUIRE(files.write(tile_path(id), Bytes(length)));
    CHECK(files.tile(id).error().kind == ErrorKind::corrupt);
    CHECK(files.tile(id).error().message.find(tile_path(id)) != std::string::npos);
  }
}

TEST_CASE("the tiles above the leaves are read ahead, and only those of the log") {
  const Folder folder;
  TileFiles files(folder.path);
  for (std::uint64_t i = 0; i < 4; ++i) write_tile(files, {1, i});
  write_tile(files, {0, 0});
  files.remember_upper(3 * upper_tile_leaves + 5);
  for (std::uint64_t i = 0; i < 4; ++i) remove_tile(files, {1, i});
  remove_tile(files, {0, 0});
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto read = files.tile({1, i});
    REQUIRE(read);
    CHECK((*read)->root() == tile_of({1, i}).root());
  }
  CHECK_FALSE(files.tile({1, 3}));
  CHECK_FALSE(files.tile({0, 0}));
}

TEST_CASE("proofs of many leaves do not drive out the tiles above them") {
  const Folder folder;
  TileFiles files(folder.path);
  write_tile(files, {1, 0});
  files.remember_upper(upper_tile_leaves);
  remove_tile(files, {1, 0});
  const auto some = std::make_shared<const Tile>(tile_of({0, 0}));
  for (std::uint64_t i = 0; i < 5'000; ++i) files.remember({0, i}, some);
  CHECK(files.tile({1, 0}));
  CHECK(files.tile({0, 4'999}));
  CHECK_FALSE(files.tile({0, 0}));
}

TEST_CASE("a tile that cannot be read ahead is told to whoever needs it") {
  const Folder folder;
  TileFiles files(folder.path);
  write_tile(files, {1, 0});
  REQUIRE(files.write(tile_path({1, 1}), Bytes(100)));
  files.remember_upper(2 * upper_tile_leaves);
  CHECK(files.tile({1, 0}));
  CHECK(files.tile({1, 1}).error().kind == ErrorKind::corrupt);
}

}  // namespace forgepool
