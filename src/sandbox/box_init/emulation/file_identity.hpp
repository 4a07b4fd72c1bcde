#pragma once
/// Files that are something special, recognised by device and inode, whatever name they were reached by.
#include "sandbox/strict/world.hpp"

namespace forgepool::sandbox::box_init {

/// struct stat, as x86-64's system calls fill it.
struct FileStatus {
  std::uint64_t device, inode, links;
  std::uint32_t mode, user, group, padding;
  std::uint64_t special_device;
  std::int64_t size, block_size, blocks;
  std::int64_t accessed[2], modified[2], changed[2];  ///< Seconds and nanoseconds.
  std::int64_t unused[3];
};
static_assert(sizeof(FileStatus) == 144);

constexpr std::uint32_t type_mask = 0170000, type_fifo = 0010000, type_character = 0020000, type_folder = 0040000;

inline bool operator==(const strict::FileIdentity& a, const strict::FileIdentity& b) {
  return a.device == b.device && a.inode == b.inode;
}

/// Standard output or error: whether something can be written there depends on how fast the supervisor reads.
bool is_output_pipe(const strict::FileIdentity& file);
bool is_output_pipe_fd(long fd);

/// The files that stand for /dev/urandom and /dev/random.
bool is_random_file(const strict::FileIdentity& file);
bool is_random_fd(std::uint64_t fd);

}  // namespace forgepool::sandbox::box_init
