#pragma once
#include <cstdint>

namespace forgepool::sandbox::box_init {

/// getdents64 in the order of creation: ".", "..", then by inode number. The position in the folder, which is also what d_off
/// and lseek speak of, is that of the last entry returned, so that entries may go and come in between.
long list_folder(long fd, char* buffer, std::uint64_t size);

}  // namespace forgepool::sandbox::box_init
