#include "adapter/program_code.hpp"

#include <elf.h>

#include <cstring>
#include <optional>

namespace forgepool::adapter {
namespace {

constexpr std::size_t max_symbols = 1'000'000;
constexpr std::size_t max_name_bytes = 4096;

template <class T>
std::optional<T> read_at(ByteView file, std::uint64_t offset) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

ByteView part(ByteView file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) return {};
  return file.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

bool names_code(const Elf64_Sym& symbol) {
  const auto type = ELF64_ST_TYPE(symbol.st_info);
  return symbol.st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE);
}

std::string name_at(ByteView strings, std::uint32_t offset) {
  if (offset >= strings.size()) return {};
  const auto rest = strings.subspan(offset);
  const auto* end = static_cast<const std::uint8_t*>(std::memchr(rest.data(), 0, std::min(rest.size(), max_name_bytes)));
  return end ? std::string(rest.data(), end) : std::string();
}

void add_symbols(ByteView table, ByteView strings, std::map<std::uint64_t, std::string>& symbols) {
  for (std::size_t i = 0; i < table.size() / sizeof(Elf64_Sym) && symbols.size() < max_symbols; ++i) {
    const auto symbol = read_at<Elf64_Sym>(table, i * sizeof(Elf64_Sym));
    if (!symbol || !names_code(*symbol)) continue;
    auto name = name_at(strings, symbol->st_name);
    // Functions before labels: a label at the same address is a piece of hand-written assembly, and says less.
    const bool function = ELF64_ST_TYPE(symbol->st_info) != STT_NOTYPE;
    if (name.empty()) continue;
    if (function)
      symbols.insert_or_assign(symbol->st_value, std::move(name));
    else
      symbols.try_emplace(symbol->st_value, std::move(name));
  }
}

void read_symbols(ByteView program, const Elf64_Ehdr& header, ProgramCode& code) {
  if (header.e_shentsize != sizeof(Elf64_Shdr)) return;
  const auto section = [&](std::uint64_t index) -> std::optional<Elf64_Shdr> {
    if (index >= header.e_shnum || header.e_shoff > program.size()) return std::nullopt;
    return read_at<Elf64_Shdr>(program, header.e_shoff + index * sizeof(Elf64_Shdr));
  };
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    const auto table = section(i);
    if (!table || table->sh_type != SHT_SYMTAB) continue;
    const auto strings = section(table->sh_link);
    if (!strings) continue;
    add_symbols(part(program, table->sh_offset, table->sh_size), part(program, strings->sh_offset, strings->sh_size),
                code.symbols);
  }
}

}  // namespace

ProgramCode read_program_code(ByteView program) {
  ProgramCode code;
  const auto header = read_at<Elf64_Ehdr>(program, 0);
  if (!header || header->e_phoff > program.size()) return code;
  for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
    const auto segment = read_at<Elf64_Phdr>(program, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment || segment->p_type != PT_LOAD || (segment->p_flags & PF_X) == 0) continue;
    if (const auto bytes = part(program, segment->p_offset, segment->p_filesz); !bytes.empty())
      code.segments.push_back({segment->p_vaddr, bytes});
  }
  read_symbols(program, *header, code);
  return code;
}

}  // namespace forgepool::adapter
