#include "machine_code/elf.hpp"

#include <elf.h>

#include <cstring>
#include <string>

namespace forgepool::machine_code {
namespace {

constexpr std::size_t max_program_headers = 64;
constexpr std::size_t max_dynamic_entries = 1024;

/// Copies a `T` out of the file; false if it does not lie within.
template <class T>
bool read_at(ByteView file, std::uint64_t offset, T& out) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return false;
  std::memcpy(&out, file.data() + offset, sizeof(T));
  return true;
}

Status refuse(const std::string& reason) {
  return fail(ErrorKind::unsupported, "the program is not a static x86-64 ELF: " + reason + "; link it with -static");
}

Status check_dynamic_section(ByteView file, const Elf64_Phdr& section) {
  for (std::size_t i = 0; i < section.p_filesz / sizeof(Elf64_Dyn); ++i) {
    Elf64_Dyn entry;
    if (i >= max_dynamic_entries) return refuse("its dynamic section is too long");
    if (!read_at(file, section.p_offset + i * sizeof entry, entry)) return refuse("its dynamic section lies outside the file");
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_NEEDED) return refuse("it needs shared libraries");
  }
  return {};
}

}  // namespace

Status check_static_elf(ByteView program) {
  Elf64_Ehdr header;
  if (!read_at(program, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return refuse("it does not start as an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != EM_X86_64)
    return refuse("it is for another machine");
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) return refuse("it is not an executable");
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > max_program_headers)
    return refuse("it has no usable program headers");

  bool has_code = false;
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (header.e_phoff > program.size() || !read_at(program, header.e_phoff + i * sizeof segment, segment))
      return refuse("its program headers lie outside the file");
    if (segment.p_type == PT_INTERP) return refuse("it asks for an interpreter, a dynamic linker");
    if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC) continue;
    if (segment.p_offset > program.size() || segment.p_filesz > program.size() - segment.p_offset)
      return refuse("a segment lies outside the file");
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X)) has_code = true;
    if (segment.p_type == PT_DYNAMIC)
      if (auto section = check_dynamic_section(program, segment); !section) return section;
  }
  if (!has_code || header.e_entry == 0) return refuse("it has no code to start");
  return {};
}

Status check_write_or_execute(ByteView program) {
  Elf64_Ehdr header;
  if (!read_at(program, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return {};
  const auto refuse_both = [](const std::string& what, const std::string& remedy) {
    return fail(ErrorKind::unsupported, "the program has " + what + " that can be written and executed; " + remedy);
  };
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (header.e_phoff > program.size() || !read_at(program, header.e_phoff + i * sizeof segment, segment)) break;
    const bool executable = (segment.p_flags & PF_X) != 0, writable = (segment.p_flags & PF_W) != 0;
    if (segment.p_type == PT_GNU_STACK && executable)
      return refuse_both("a stack", "link it with -Wl,-z,noexecstack, and do without nested functions whose address is taken");
    if (segment.p_type == PT_LOAD && executable && writable)
      return refuse_both("a segment (number " + std::to_string(i) + ")",
                         "link it without -N (--omagic), and give no section both the flags w and x");
  }
  return {};
}

}  // namespace forgepool::machine_code
