#include "sandbox/box_init/elf_loader.hpp"

#include "sandbox/strict/layout.hpp"

#include <linux/auxvec.h>
#include <linux/elf.h>
#include <linux/mman.h>

namespace forgepool::sandbox::box_init {
namespace {

using strict::page_size;

constexpr std::int32_t bad_executable = 8;  // ENOEXEC
constexpr std::size_t max_segments = 64;

// What processors offer is told by cpuid to those who must know, not here: this would differ between machines.
constexpr std::uint64_t hardware_capabilities = 2;    // AT_HWCAP
constexpr std::uint64_t hardware_capabilities_2 = 2;  // AT_HWCAP2: FSGSBASE
constexpr std::uint64_t signal_frame_bytes = 0x3000;  // AT_MINSIGSTKSZ: more than any processor's
constexpr std::uint64_t clock_ticks = 100;

std::uint64_t page_of(std::uint64_t address) {
  return address & ~(page_size - 1);
}
std::uint64_t next_page(std::uint64_t address) {
  return page_of(address + page_size - 1);
}

BoxFailure refused() {
  return {BoxStep::load_program, bad_executable};
}

/// The headers say it, the image must not be trusted: no segment may wrap around, or reach into our part of the address space.
bool is_sound(const Elf64_Phdr& segment, std::uint64_t base) {
  const auto begin = segment.p_vaddr, size = segment.p_memsz;
  return segment.p_filesz <= size && size <= strict::program_end && begin <= strict::program_end &&
         base + begin + size <= strict::program_end && begin % page_size == segment.p_offset % page_size &&
         base + begin >= page_size * 16;
}

long map_fixed(std::uint64_t address, std::uint64_t size, long protection, long flags, long fd, std::uint64_t offset) {
  return system_call(__NR_mmap, address, size, protection, MAP_PRIVATE | MAP_FIXED_NOREPLACE | flags, fd, offset);
}

BoxFailure map_segment(long fd, const Elf64_Phdr& segment, std::uint64_t base) {
  const long protection = (segment.p_flags & PF_R ? PROT_READ : 0) | (segment.p_flags & PF_W ? PROT_WRITE : 0) |
                          (segment.p_flags & PF_X ? PROT_EXEC : 0);
  const auto begin = base + segment.p_vaddr;
  const auto file_end = begin + segment.p_filesz, end = begin + segment.p_memsz;
  auto mapped_end = page_of(begin);
  if (segment.p_filesz > 0) {
    const auto first = page_of(begin);
    // Populated: faults taken while preparing are not taken while running.
    const long result = map_fixed(first, file_end - first, protection, MAP_POPULATE, fd, page_of(segment.p_offset));
    if (auto failure = check(result, BoxStep::load_program)) return failure;
    mapped_end = next_page(file_end);
    if (segment.p_flags & PF_W)
      for (auto at = file_end; at < mapped_end; ++at) *reinterpret_cast<volatile char*>(at) = 0;
  }
  if (end <= mapped_end) return {};
  return check(map_fixed(mapped_end, end - mapped_end, protection, MAP_ANONYMOUS, -1, 0), BoxStep::load_program);
}

/// Grows downwards from the stack's top while it is built.
class StackBuilder {
 public:
  char* add(const void* data, std::size_t size) {
    top_ -= size;
    auto* to = reinterpret_cast<char*>(top_);
    for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<const char*>(data)[i];
    return to;
  }
  std::uint64_t* reserve_words(std::size_t count) {
    top_ = (top_ - count * sizeof(std::uint64_t)) & ~15ull;
    return reinterpret_cast<std::uint64_t*>(top_);
  }
  void align() { top_ &= ~15ull; }

 private:
  std::uint64_t top_ = strict::stack_top - 16;
};

std::size_t count_of(char* const* list) {
  std::size_t count = 0;
  while (list[count]) ++count;
  return count;
}

}  // namespace

LoadedProgram load_program(long fd) {
  LoadedProgram program{};
  Elf64_Ehdr header;
  Elf64_Phdr segments[max_segments];
  const long got = system_call(__NR_pread64, fd, &header, sizeof header, 0);
  const std::uint64_t table_size = static_cast<std::uint64_t>(header.e_phnum) * sizeof segments[0];
  if (got != sizeof header || header.e_phnum > max_segments || header.e_phentsize != sizeof segments[0] ||
      system_call(__NR_pread64, fd, segments, table_size, header.e_phoff) != static_cast<long>(table_size)) {
    program.failure = refused();
    return program;
  }
  const auto base = header.e_type == ET_DYN ? strict::program_base : 0;
  for (std::uint16_t i = 0; i < header.e_phnum; ++i) {
    const auto& segment = segments[i];
    if (segment.p_type != PT_LOAD || segment.p_memsz == 0) continue;
    program.failure = is_sound(segment, base) ? map_segment(fd, segment, base) : refused();
    if (program.failure) return program;
    const auto in_file = header.e_phoff - segment.p_offset;
    if (header.e_phoff >= segment.p_offset && in_file < segment.p_filesz) program.headers = base + segment.p_vaddr + in_file;
    const auto end = base + segment.p_vaddr + segment.p_memsz;
    if (end > program.end) program.end = end;
  }
  program.entry = base + header.e_entry;
  program.header_count = header.e_phnum;
  return program;
}

InitialStack build_stack(const LoadedProgram& program, char* const* arguments, char* const* environment) {
  const std::size_t argument_count = count_of(arguments), variable_count = count_of(environment);
  StackBuilder stack;
  const char platform[] = "x86_64";
  const auto* const platform_at = stack.add(platform, sizeof platform);
  stack.align();
  const std::uint8_t no_bytes[16] = {};
  auto* const random_at = reinterpret_cast<std::uint8_t*>(stack.add(no_bytes, sizeof no_bytes));
  // The strings in one piece: their vectors are filled from it afterwards.
  char* strings = nullptr;
  for (auto i = variable_count; i-- > 0;) strings = stack.add(environment[i], length_of(environment[i]) + 1);
  for (auto i = argument_count; i-- > 0;) strings = stack.add(arguments[i], length_of(arguments[i]) + 1);
  stack.align();

  const std::uint64_t auxiliary[] = {
      AT_SYSINFO_EHDR,
      strict::vdso_address,
      AT_HWCAP,
      hardware_capabilities,
      AT_PAGESZ,
      page_size,
      AT_CLKTCK,
      clock_ticks,
      AT_PHDR,
      program.headers,
      AT_PHENT,
      sizeof(Elf64_Phdr),
      AT_PHNUM,
      program.header_count,
      AT_BASE,
      0,
      AT_FLAGS,
      0,
      AT_ENTRY,
      program.entry,
      AT_UID,
      box_user,
      AT_EUID,
      box_user,
      AT_GID,
      box_group,
      AT_EGID,
      box_group,
      AT_SECURE,
      0,
      AT_RANDOM,
      reinterpret_cast<std::uint64_t>(random_at),
      AT_HWCAP2,
      hardware_capabilities_2,
      AT_EXECFN,
      reinterpret_cast<std::uint64_t>(strings),
      AT_PLATFORM,
      reinterpret_cast<std::uint64_t>(platform_at),
      51 /* AT_MINSIGSTKSZ */,
      signal_frame_bytes,
      AT_NULL,
      0,
  };
  constexpr std::size_t auxiliary_count = sizeof auxiliary / sizeof auxiliary[0];
  auto* word = stack.reserve_words(1 + argument_count + 1 + variable_count + 1 + auxiliary_count);
  const auto pointer = reinterpret_cast<std::uint64_t>(word);
  const auto add_strings = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      *word++ = reinterpret_cast<std::uint64_t>(strings);
      strings += length_of(strings) + 1;
    }
    *word++ = 0;
  };
  *word++ = argument_count;
  add_strings(argument_count);
  add_strings(variable_count);
  for (const auto value : auxiliary) *word++ = value;
  return {pointer, random_at};
}

}  // namespace forgepool::sandbox::box_init
