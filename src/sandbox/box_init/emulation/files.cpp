/// Files without a history: all are the program's own, every time is the world's beginning, every file system the same,
/// listings in the order of creation (the kernel's order has changed between versions). Inode numbers count up per file system
/// and are left as they are.
#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/file_identity.hpp"
#include "sandbox/box_init/emulation/gate.hpp"
#include "sandbox/box_init/emulation/listing.hpp"

#include <linux/fcntl.h>
#include <linux/stat.h>

namespace forgepool::sandbox::box_init {
namespace {

using strict::epoch_s;
using strict::world;

constexpr std::uint64_t device_number = 1;
constexpr std::uint32_t device_major = 1;  // Of null, random and urandom.
constexpr std::uint32_t null_minor = 3, random_minor = 8, urandom_minor = 9;
constexpr std::uint32_t device_mode = type_character | 0666;
constexpr std::int64_t block_size = 4096;
constexpr std::int64_t folder_size = 4096;

/// What is shown of a file, whichever of the two structures it is asked for in.
struct Shown {
  std::uint64_t inode;
  std::uint32_t mode;
  std::int64_t size;
  std::uint32_t minor;  ///< 0: not a device.
};

Shown shown(const strict::FileIdentity& file, std::uint64_t inode, std::uint32_t mode, std::int64_t size) {
  if (is_random_file(file)) return {inode, device_mode, 0, file == world().random_files[0] ? urandom_minor : random_minor};
  switch (mode & type_mask) {
    case type_character: return {1, device_mode, 0, null_minor};
    case type_fifo: return {1, mode, 0, 0};
    case type_folder: return {inode, mode, folder_size, 0};
    default: return {inode, mode, size, 0};
  }
}

std::int64_t blocks_of(std::int64_t size) {
  return (size + 511) / 512;
}

void disguise(FileStatus& status) {
  const auto show = shown({status.device, status.inode}, status.inode, status.mode, status.size);
  status.device = device_number;
  status.inode = show.inode;
  status.mode = show.mode;
  status.size = show.size;
  status.user = box_user;
  status.group = box_group;
  status.special_device = show.minor ? device_major << 8 | show.minor : 0;
  status.block_size = block_size;
  status.blocks = blocks_of(show.size);
  status.accessed[0] = status.modified[0] = status.changed[0] = epoch_s;
  status.accessed[1] = status.modified[1] = status.changed[1] = 0;
}

void disguise(struct statx& status) {
  const std::uint64_t device = static_cast<std::uint64_t>(status.stx_dev_major) << 8 | status.stx_dev_minor;
  const auto show =
      shown({device, status.stx_ino}, status.stx_ino, status.stx_mode, static_cast<std::int64_t>(status.stx_size));
  struct statx clean {};
  clean.stx_mask = STATX_BASIC_STATS | STATX_BTIME;
  clean.stx_blksize = static_cast<std::uint32_t>(block_size);
  clean.stx_nlink = status.stx_nlink;
  clean.stx_uid = box_user;
  clean.stx_gid = box_group;
  clean.stx_mode = static_cast<std::uint16_t>(show.mode);
  clean.stx_ino = show.inode;
  clean.stx_size = static_cast<std::uint64_t>(show.size);
  clean.stx_blocks = static_cast<std::uint64_t>(blocks_of(show.size));
  clean.stx_atime.tv_sec = clean.stx_btime.tv_sec = clean.stx_ctime.tv_sec = clean.stx_mtime.tv_sec = epoch_s;
  if (show.minor) clean.stx_rdev_major = device_major, clean.stx_rdev_minor = show.minor;
  clean.stx_dev_minor = device_number;
  status = clean;
}

long status_of(const TrappedCall& call, std::uint64_t result_at) {
  const auto* a = call.argument;
  if (call.number == __NR_fstat && is_random_fd(a[0])) {
    auto& status = *reinterpret_cast<FileStatus*>(result_at);
    status = FileStatus{};
    status.device = world().random_files[0].device;
    status.inode = world().random_files[0].inode;
    status.links = 1;
    disguise(status);
    return 0;
  }
  const long result = gate_call(call.number, a[0], a[1], a[2], a[3]);
  if (!failed(result)) disguise(*reinterpret_cast<FileStatus*>(result_at));
  return result;
}

long extended_status(const TrappedCall& call) {
  const auto* a = call.argument;
  // Always everything: what is asked for must not decide what can be recognised.
  const long result = gate_call(__NR_statx, a[0], a[1], a[2], STATX_BASIC_STATS, a[4]);
  if (!failed(result)) disguise(*reinterpret_cast<struct statx*>(a[4]));
  return result;
}

/// struct statfs of x86-64: every file system is a tmpfs with the same room.
long file_system(const TrappedCall& call) {
  std::uint64_t scratch[15];
  const long result = gate_call(call.number, call.argument[0], scratch);
  if (failed(result)) return result;
  auto* out = reinterpret_cast<std::uint64_t*>(call.argument[1]);
  constexpr std::uint64_t tmpfs = 0x01021994, room = 1 << 16, longest_name = 255;
  const std::uint64_t values[15] = {tmpfs, 4096, room, room, room, room, room, 0, longest_name, 4096, 0, 0, 0, 0, 0};
  for (int i = 0; i < 15; ++i) out[i] = values[i];
  return 0;
}

/// A random device is opened as /dev/null under a number that is watched.
long watched(long fd, std::uint64_t flags) {
  gate_call(__NR_close, fd);
  const long null = gate_call(__NR_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
  if (failed(null)) return null;
  const long high = gate_call(__NR_fcntl, null, (flags & O_CLOEXEC) ? F_DUPFD_CLOEXEC : F_DUPFD, strict::first_watched_fd);
  gate_call(__NR_close, null);
  if (!failed(high)) world().random_fds |= 1u << (high - strict::first_watched_fd);
  return high;
}

long open_file(long folder, std::uint64_t path, std::uint64_t flags, std::uint64_t mode) {
  const long fd = gate_call(__NR_openat, folder, path, flags, mode);
  if (failed(fd)) return fd;
  if (fd >= strict::first_watched_fd) world().random_fds &= ~(1u << (fd - strict::first_watched_fd));
  FileStatus status{};
  if (gate_call(__NR_fstat, fd, &status) == 0 && is_random_file({status.device, status.inode})) return watched(fd, flags);
  return fd;
}

}  // namespace

long emulate_files(const TrappedCall& call) {
  const auto* a = call.argument;
  switch (call.number) {
    case __NR_stat:
    case __NR_fstat:
    case __NR_lstat: return status_of(call, a[1]);
    case __NR_newfstatat: return status_of(call, a[2]);
    case __NR_statx: return extended_status(call);
    case __NR_statfs:
    case __NR_fstatfs: return file_system(call);
    case __NR_open: return open_file(AT_FDCWD, a[0], a[1], a[2]);
    case __NR_creat: return open_file(AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC, a[1]);
    case __NR_openat: return open_file(static_cast<std::int32_t>(a[0]), a[1], a[2], a[3]);
    case __NR_getdents64:
      return list_folder(static_cast<std::int32_t>(a[0]), reinterpret_cast<char*>(a[1]), static_cast<std::uint32_t>(a[2]));
    default: return not_ours;
  }
}

}  // namespace forgepool::sandbox::box_init
