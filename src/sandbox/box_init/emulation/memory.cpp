/// Where memory lies: decided here, because the kernel's choice depends on its version and configuration.
#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/gate.hpp"

#include <linux/mman.h>

namespace forgepool::sandbox::box_init {
namespace {

using strict::world;

constexpr std::uint64_t huge_page = 2 << 20;
constexpr std::uint64_t least_address = 64 << 10;  // vm.mmap_min_addr, where nobody has changed it.
constexpr std::uint64_t type_of_mapping = 0xf;     // MAP_TYPE
constexpr std::uint64_t low_addresses = 0x40;      // MAP_32BIT
constexpr std::uint64_t move_elsewhere = 1;        // MREMAP_MAYMOVE
constexpr std::uint64_t move_there = 2;            // MREMAP_FIXED

std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bytes + strict::page_size - 1) & ~(strict::page_size - 1);
}

/// Processors with five levels of page tables have addresses beyond, others have not.
bool reaches_beyond(std::uint64_t address, std::uint64_t size) {
  return size > strict::address_space_end || address > strict::address_space_end - size;
}

bool reaches_into_resident(std::uint64_t address, std::uint64_t size) {
  return address < strict::resident_end && address + size > strict::resident_begin;
}

/// The next free place below all that was given out before. Nothing is given out twice: there are 29 TiB, and an address that
/// depends on what was freed when is hard to keep the same. 0 if there is no room.
std::uint64_t take_place(std::uint64_t size) {
  auto& arena = world().arena;
  if (size > arena - strict::arena_bottom) return 0;
  std::uint64_t place = arena - size;
  // Large ones begin where a huge page may begin.
  if (size >= huge_page) place &= ~(huge_page - 1);
  if (place < strict::arena_bottom) return 0;
  return arena = place;
}

long map(const TrappedCall& call) {
  const auto [address, length, protection, asked, fd, offset] = call.argument;
  const auto size = whole_pages(length);
  if (length == 0 || size < length) return length == 0 ? -invalid : -no_memory;
  if (protection & PROT_EXEC) return -access_denied;
  if (asked & (low_addresses | MAP_HUGETLB | MAP_GROWSDOWN)) return -invalid;
  const auto type = asked & type_of_mapping;
  if (type != MAP_SHARED && type != MAP_PRIVATE) return -invalid;
  if (asked & MAP_LOCKED) return -not_permitted;
  // Whether the machine has as much memory as is promised here is not for the program to find out.
  const auto flags = type | MAP_NORESERVE |
                     (asked & (MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK));
  if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
    if (reaches_beyond(address, size)) return -no_memory;
    if (address < least_address) return -not_permitted;
    if (reaches_into_resident(address, size)) return -not_permitted;
    return gate_call(__NR_mmap, address, length, protection, flags, fd, offset);
  }
  // An address that is only wished for is ignored, as a kernel may.
  for (;;) {
    const auto place = take_place(size);
    if (place == 0) return -no_memory;
    const long result = gate_call(__NR_mmap, place, length, protection, flags | MAP_FIXED_NOREPLACE, fd, offset);
    // The program has put something there itself.
    if (result != -exists) return result;
  }
}

long remap(const TrappedCall& call) {
  const auto [address, old_length, new_length, flags, target, unused] = call.argument;
  if (flags & ~(move_elsewhere | move_there)) return -invalid;
  if (reaches_into_resident(address, whole_pages(old_length))) return -not_permitted;
  if (flags & move_there) {
    if (reaches_beyond(target, whole_pages(new_length))) return -invalid;
    if (target < least_address) return -not_permitted;
    if (reaches_into_resident(target, whole_pages(new_length))) return -not_permitted;
    return gate_call(__NR_mremap, address, old_length, new_length, flags, target);
  }
  const long in_place = gate_call(__NR_mremap, address, old_length, new_length, 0);
  if (in_place != -no_memory || !(flags & move_elsewhere)) return in_place;
  const auto place = take_place(whole_pages(new_length));
  if (place == 0) return -no_memory;
  return gate_call(__NR_mremap, address, old_length, new_length, move_elsewhere | move_there, place);
}

long set_heap_end(std::uint64_t wanted) {
  auto& end = world().heap_end;
  if (wanted < world().heap_begin || wanted > strict::program_end) return static_cast<long>(end);
  const auto mapped = whole_pages(end), needed = whole_pages(wanted);
  if (needed > mapped) {
    const long result = gate_call(__NR_mmap, mapped, needed - mapped, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (failed(result)) return static_cast<long>(end);
  } else if (needed < mapped) {
    if (failed(gate_call(__NR_munmap, needed, mapped - needed))) return static_cast<long>(end);
  }
  end = wanted;
  return static_cast<long>(end);
}

long unmap(const TrappedCall& call) {
  const auto [address, length, a, b, c, d] = call.argument;
  if (reaches_beyond(address, length)) return -invalid;
  return gate_call(__NR_munmap, address, length);
}

/// Advice is obeyed where that has an effect, which is where contents go; MADV_FREE, whose effect comes whenever the kernel
/// likes, at once.
long advise(const TrappedCall& call) {
  const auto [address, length, advice, a, b, c] = call.argument;
  if (reaches_into_resident(address, whole_pages(length))) return -not_permitted;
  if (advice == MADV_DONTNEED || advice == MADV_FREE) return gate_call(__NR_madvise, address, length, MADV_DONTNEED);
  return 0;
}

}  // namespace

long emulate_memory(const TrappedCall& call) {
  switch (call.number) {
    case __NR_mmap: return map(call);
    case __NR_mremap: return remap(call);
    case __NR_munmap: return unmap(call);
    case __NR_brk: return set_heap_end(call.argument[0]);
    case __NR_madvise: return advise(call);
    default: return not_ours;
  }
}

}  // namespace forgepool::sandbox::box_init
