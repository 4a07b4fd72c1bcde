#pragma once
/// The executable parts of an ELF file, and the names in it.
#include <forgepool/bytes.hpp>
#include <forgepool/result.hpp>

#include <map>
#include <string>
#include <vector>

namespace forgepool::adapter {

struct CodeSegment {
  std::uint64_t address = 0;  ///< Where its first byte is in memory.
  ByteView bytes;             ///< Borrowed from the program.
};

struct ProgramCode {
  std::vector<CodeSegment> segments;
  /// Functions and labels by address, as the linker wrote them. One of several names for an address. Empty for a stripped
  /// program.
  std::map<std::uint64_t, std::string> symbols;
};

/// `program` has passed check_static_elf(). A symbol table that is not well-formed counts as none: names are only for telling
/// code apart, and code without a name is held to stricter rules.
ProgramCode read_program_code(ByteView program);

}  // namespace forgepool::adapter
