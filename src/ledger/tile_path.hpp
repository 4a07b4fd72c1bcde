#pragma once
/// Where a log's resources are, relative to its prefix: the paths of C2SP tlog-tiles.
#include "ledger/tile.hpp"

namespace forgepool {

/// "tile/<level>/<index>", and ".p/<width>" if the tile is partial. `width` is 1 … 256.
std::string tile_path(const TileId& id, std::size_t width = Tile::width);
/// "tile/entries/<index>", likewise.
std::string entries_path(std::uint64_t index, std::size_t width = Tile::width);
/// The folder of a tile's partial versions: "tile/<level>/<index>.p".
std::string partial_tiles_path(const TileId& id);
std::string partial_entries_path(std::uint64_t index);

/// The bytes of an entry bundle: each leaf after its length as big-endian 16-bit number. No leaf is over max_leaf_bytes.
void append_entry(Bytes& bundle, ByteView leaf);
/// The leaves of a bundle; `corrupt` unless there are exactly `width`. Borrowed from it.
Result<std::vector<ByteView>> parse_entries(ByteView bundle, std::size_t width);

}  // namespace forgepool
