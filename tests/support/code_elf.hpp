#pragma once
/// Programs of a few instructions, for those that look at code.
#include <forgepool/bytes.hpp>

#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

namespace forgepool::test {

struct Named {
  std::string name;
  std::size_t offset = 0;
  std::size_t size = 0;
  unsigned char type = STT_FUNC;
};

template <class T>
void append_value(Bytes& bytes, const T& value) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), data, data + sizeof value);
}

constexpr std::uint64_t code_base = 0x400000;

/// A static ELF of this code, with a symbol table of these names.
inline Bytes elf_of(const Bytes& code, const std::vector<Named>& names = {}) {
  std::string strings(1, '\0');
  Bytes table(sizeof(Elf64_Sym));
  for (const auto& named : names) {
    Elf64_Sym symbol{};
    symbol.st_name = static_cast<std::uint32_t>(strings.size());
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, named.type);
    symbol.st_shndx = 1;
    symbol.st_value = code_base + named.offset;
    symbol.st_size = named.size;
    append_value(table, symbol);
    strings += named.name + '\0';
  }
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_entry = code_base;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_X;
  segment.p_offset = sizeof header + sizeof segment;
  segment.p_vaddr = code_base;
  segment.p_filesz = segment.p_memsz = code.size();
  Bytes elf(segment.p_offset);
  elf.insert(elf.end(), code.begin(), code.end());
  Elf64_Shdr sections[3] = {};
  sections[1].sh_type = SHT_SYMTAB;
  sections[1].sh_link = 2;
  sections[1].sh_offset = elf.size();
  sections[1].sh_size = table.size();
  elf.insert(elf.end(), table.begin(), table.end());
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = elf.size();
  sections[2].sh_size = strings.size();
  elf.insert(elf.end(), strings.begin(), strings.end());
  header.e_shoff = elf.size();
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  append_value(elf, sections);
  std::memcpy(elf.data(), &header, sizeof header);
  std::memcpy(elf.data() + header.e_phoff, &segment, sizeof segment);
  return elf;
}

/// One function that is all of the code.
inline Bytes function_of(const Bytes& code) {
  return elf_of(code, {{"function", 0, code.size()}});
}

}  // namespace forgepool::test
