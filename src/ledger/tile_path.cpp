#include "ledger/tile_path.hpp"

#include <fmt/core.h>

namespace forgepool {
namespace {

/// Three digits per path element, all but the last after an "x": 1234067 is "x001/x234/067".
std::string index_path(std::uint64_t index) {
  std::string path = fmt::format("{:03}", index % 1000);
  while ((index /= 1000) != 0) path = fmt::format("x{:03}/{}", index % 1000, path);
  return path;
}

std::string with_width(std::string path, std::size_t width) {
  return width == Tile::width ? path : fmt::format("{}.p/{}", path, width);
}

}  // namespace

std::string tile_path(const TileId& id, std::size_t width) {
  return with_width(fmt::format("tile/{}/{}", id.level, index_path(id.index)), width);
}

std::string entries_path(std::uint64_t index, std::size_t width) {
  return with_width("tile/entries/" + index_path(index), width);
}

std::string partial_tiles_path(const TileId& id) {
  return tile_path(id) + ".p";
}

std::string partial_entries_path(std::uint64_t index) {
  return entries_path(index) + ".p";
}

void append_entry(Bytes& bundle, ByteView leaf) {
  bundle.push_back(static_cast<std::uint8_t>(leaf.size() >> 8));
  bundle.push_back(static_cast<std::uint8_t>(leaf.size()));
  bundle.insert(bundle.end(), leaf.begin(), leaf.end());
}

Result<std::vector<ByteView>> parse_entries(ByteView bundle, std::size_t width) {
  std::vector<ByteView> entries;
  entries.reserve(width);
  const auto malformed = [&] {
    return fail(ErrorKind::corrupt, fmt::format("an entry bundle does not hold exactly {} whole entries", width));
  };
  while (entries.size() < width) {
    if (bundle.size() < 2) return malformed();
    const std::size_t size = std::size_t{bundle[0]} << 8 | bundle[1];
    if (bundle.size() - 2 < size) return malformed();
    entries.push_back(bundle.subspan(2, size));
    bundle = bundle.subspan(2 + size);
  }
  if (!bundle.empty()) return malformed();
  return entries;
}

}  // namespace forgepool
