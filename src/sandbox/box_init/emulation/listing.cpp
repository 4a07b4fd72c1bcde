#include "sandbox/box_init/emulation/listing.hpp"

#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/gate.hpp"

namespace forgepool::sandbox::box_init {
namespace {

constexpr long from_start = 0, from_here = 1;  // SEEK_SET, SEEK_CUR
constexpr long too_small = 22;                 // EINVAL, as the kernel says of a buffer without room for one entry
constexpr long too_long = 75;                  // EOVERFLOW

/// As getdents64 writes it; the name follows.
struct Entry {
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t length;
  std::uint8_t type;
  char name[1];
};

std::uint64_t position_of(const Entry& entry) {
  const char* name = entry.name;
  if (name[0] == '.' && name[1] == '\0') return 1;
  if (name[0] == '.' && name[1] == '.' && name[2] == '\0') return 2;
  return entry.inode + 2;
}

/// Reads the whole folder. The number of bytes, or -errno.
long read_all(long fd, char* target, std::uint64_t room) {
  if (const long sought = gate_call(__NR_lseek, fd, 0, from_start); failed(sought)) return sought;
  std::uint64_t used = 0;
  for (;;) {
    const long got = gate_call(__NR_getdents64, fd, target + used, room - used);
    if (failed(got)) return got == -too_small ? -too_long : got;
    if (got == 0) return static_cast<long>(used);
    used += static_cast<std::uint64_t>(got);
  }
}

/// The entry with the lowest position after `position`, or null. Looking through all of them for each is quadratic; folders
/// here have at most a few thousand entries, and the alternative is a sorted index beside them.
const Entry* next_after(const char* listing, long size, std::uint64_t position) {
  const Entry* best = nullptr;
  for (long at = 0; at < size;) {
    const auto* entry = reinterpret_cast<const Entry*>(listing + at);
    at += entry->length;
    const auto here = position_of(*entry);
    if (here > position && (!best || here < position_of(*best))) best = entry;
  }
  return best;
}

}  // namespace

long list_folder(long fd, char* buffer, std::uint64_t size) {
  const long before = gate_call(__NR_lseek, fd, 0, from_here);
  if (failed(before)) return before;
  char* const listing = reinterpret_cast<char*>(strict::listing_address);
  const long listed = read_all(fd, listing, strict::listing_size);
  if (failed(listed)) return listed;

  auto position = static_cast<std::uint64_t>(before);
  std::uint64_t used = 0;
  const Entry* entry;
  while ((entry = next_after(listing, listed, position)) != nullptr && entry->length <= size - used) {
    auto* copy = reinterpret_cast<Entry*>(buffer + used);
    const auto* from = reinterpret_cast<const char*>(entry);
    for (std::uint16_t i = 0; i < entry->length; ++i) buffer[used + i] = from[i];
    position = position_of(*entry);
    copy->offset = static_cast<std::int64_t>(position);
    used += entry->length;
  }
  gate_call(__NR_lseek, fd, position, from_start);
  return entry && used == 0 ? -too_small : static_cast<long>(used);
}

}  // namespace forgepool::sandbox::box_init
