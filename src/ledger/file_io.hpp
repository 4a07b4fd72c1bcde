#pragma once
/// Files as a ledger's durability needs them. Errors are `internal` (the disk) and name the path.
#include <forgepool/bytes.hpp>

#include <span>

namespace forgepool::file_io {

/// `what`, the path, and errno's text.
tl::unexpected<Error> failed(std::string_view what, const std::string& path);

Status write_all(int file, ByteView bytes, const std::string& path);
Status write_all_at(int file, ByteView bytes, std::uint64_t offset, const std::string& path);

/// The whole file; not_found if there is none, too_large if it is over `limit` bytes.
Result<Bytes> read_whole(const std::string& path, std::uint64_t limit);

/// Fills `buffer` from the start of the file, and returns how much there was; not_found if there is none.
Result<std::size_t> read_start(const std::string& path, std::span<std::uint8_t> buffer);

/// Puts `bytes` at `path` in one step. `durable`: synced before and after.
Status replace(const std::string& path, ByteView bytes, unsigned mode, bool durable);

/// fsync of a file or folder by its path.
Status sync_path(const std::string& path);
std::string folder_of(const std::string& path);

}  // namespace forgepool::file_io
