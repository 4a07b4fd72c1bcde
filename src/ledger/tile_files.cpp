#include "ledger/tile_files.hpp"

#include "ledger/file_io.hpp"

#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace forgepool {
namespace {

/// 256 leaves of the greatest length, each after its length.
constexpr std::uint64_t max_resource_bytes = Tile::width * (max_leaf_bytes + 2);
constexpr unsigned public_file = 0644;

}  // namespace

Status TileFiles::write(const std::string& path, ByteView content) {
  const std::string full = root_ + "/" + path;
  if (const std::string folder = file_io::folder_of(full); folder != last_folder_) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return fail(ErrorKind::internal, "cannot make the folder " + folder + ": " + error.message());
    last_folder_ = folder;
  }
  return file_io::replace(full, content, public_file, false);
}

Status TileFiles::remove_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(root_ + "/" + path, error);
  if (error) return fail(ErrorKind::internal, "cannot remove " + root_ + "/" + path + ": " + error.message());
  last_folder_.clear();
  return {};
}

Status TileFiles::sync() {
  // One call for thousands of small files; each fsync would cost as much as all of this.
  const int folder = ::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return file_io::failed("open", root_);
  const int synced = ::syncfs(folder);
  const int error = errno;
  ::close(folder);
  errno = error;
  if (synced != 0) return file_io::failed("make durable", root_);
  return {};
}

Status TileFiles::write_durably(const std::string& path, ByteView content) {
  return file_io::replace(root_ + "/" + path, content, public_file, true);
}

Result<Bytes> TileFiles::read(const std::string& path) const {
  return file_io::read_whole(root_ + "/" + path, max_resource_bytes);
}

Result<TilePtr> TileFiles::tile(const TileId& id) const {
  {
    const std::lock_guard lock(mutex_);
    if (auto known = cache_of(id).find(id)) return known;
  }
  auto tile = read_tile(root_ + "/" + tile_path(id));
  if (tile) remember(id, *tile);
  return tile;
}

Result<TilePtr> TileFiles::read_tile(const std::string& path) {
  std::array<std::uint8_t, Tile::hashes_bytes + 1> buffer;  // One more than there should be.
  const auto size = file_io::read_start(path, buffer);
  if (!size) return fail(ErrorKind::corrupt, size.error().message);
  if (*size == buffer.size())
    return fail(ErrorKind::corrupt, path + ": a full hash tile has " + std::to_string(Tile::hashes_bytes) + " bytes, not more");
  auto tile = Tile::from_hashes(ByteView(buffer).first(*size));
  if (!tile) return fail(tile.error().kind, path + ": " + tile.error().message);
  return tile;
}

void TileFiles::remember(const TileId& id, TilePtr tile) const {
  const std::lock_guard lock(mutex_);
  cache_of(id).add(id, std::move(tile));
}

void TileFiles::remember_upper(std::uint64_t leaves) const {
  std::size_t left = max_upper_tiles;
  for (unsigned level = Tree::max_levels - 1; level >= 1; --level) {
    const unsigned span = Tile::height * (level + 1);
    for (std::uint64_t index = span < 64 ? leaves >> span : 0; index > 0 && left > 0; --index, --left)
      if (!tile({level, index - 1})) return;
  }
}

TilePtr TileFiles::Cache::find(const TileId& id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->second;
}

void TileFiles::Cache::add(const TileId& id, TilePtr tile) {
  if (places_.contains(id)) return;
  recent_.emplace_front(id, std::move(tile));
  places_[id] = recent_.begin();
  if (recent_.size() > capacity_) {
    places_.erase(recent_.back().first);
    recent_.pop_back();
  }
}

}  // namespace forgepool
