#include "machine_code/program_code.hpp"

#include "machine_code/function_ranges.hpp"

#include <cxxabi.h>
#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

namespace forgepool::machine_code {
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

void add_symbols(ByteView table, ByteView strings, ProgramCode& code) {
  auto& symbols = code.symbols;
  for (std::size_t i = 0; i < std::min(table.size() / sizeof(Elf64_Sym), max_symbols); ++i) {
    const auto symbol = read_at<Elf64_Sym>(table, i * sizeof(Elf64_Sym));
    if (!symbol || !names_code(*symbol)) continue;
    auto name = name_at(strings, symbol->st_name);
    // Functions before labels: a label at the same address is a piece of hand-written assembly, and says less.
    const bool function = ELF64_ST_TYPE(symbol->st_info) != STT_NOTYPE;
    if (function && symbol->st_size > 0 && symbol->st_value + symbol->st_size > symbol->st_value)
      code.functions.push_back({symbol->st_value, symbol->st_value + symbol->st_size});
    if (name.empty()) continue;
    if (function)
      symbols.insert_or_assign(symbol->st_value, std::move(name));
    else
      symbols.try_emplace(symbol->st_value, std::move(name));
  }
}

void read_sections(ByteView program, const Elf64_Ehdr& header, ProgramCode& code) {
  if (header.e_shentsize != sizeof(Elf64_Shdr)) return;
  const auto section = [&](std::uint64_t index) -> std::optional<Elf64_Shdr> {
    if (index >= header.e_shnum || header.e_shoff > program.size()) return std::nullopt;
    return read_at<Elf64_Shdr>(program, header.e_shoff + index * sizeof(Elf64_Shdr));
  };
  const auto names = section(header.e_shstrndx);
  const auto is_named = [&](const Elf64_Shdr& one, std::string_view name) {
    return names && name_at(part(program, names->sh_offset, names->sh_size), one.sh_name) == name;
  };
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    const auto table = section(i);
    if (!table) continue;
    const auto content = part(program, table->sh_offset, table->sh_size);
    if (table->sh_type == SHT_SYMTAB) {
      const auto strings = section(table->sh_link);
      if (strings) add_symbols(content, part(program, strings->sh_offset, strings->sh_size), code);
    } else if (is_named(*table, ".eh_frame")) {
      add_unwound_functions(content, table->sh_addr, code.functions);
    }
  }
}

std::string readable(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status),
                                                         std::free);
  return name ? std::string(name.get()) : symbol;
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
  read_sections(program, *header, code);
  std::ranges::sort(code.functions, {}, &AddressRange::begin);
  return code;
}

CodePlace place_of(const ProgramCode& code, std::uint64_t address) {
  CodePlace place{{}, 0, address};
  const auto segment = std::ranges::find_if(code.segments, [&](const CodeSegment& one) {
    return address >= one.address && address - one.address < one.bytes.size();
  });
  const std::uint64_t begin = segment == code.segments.end() ? 0 : segment->address;
  place.offset = address - begin;
  const auto behind = code.symbols.upper_bound(address);
  if (behind == code.symbols.begin() || std::prev(behind)->first < begin) return place;
  place.symbol = readable(std::prev(behind)->second);
  place.offset = address - std::prev(behind)->first;
  return place;
}

std::string CodePlace::text() const {
  return symbol.empty() ? fmt::format("{:#x}", address) : fmt::format("{}+{:#x} ({:#x})", symbol, offset, address);
}

}  // namespace forgepool::machine_code
