#pragma once
/// The executable parts of an ELF file, and the names in it.
#include <forgepool/bytes.hpp>
#include <forgepool/result.hpp>

#include <map>
#include <string>
#include <vector>

namespace forgepool::machine_code {

struct CodeSegment {
  std::uint64_t address = 0;  ///< Where its first byte is in memory.
  ByteView bytes;             ///< Borrowed from the program.
};

/// Addresses from `begin` up to, and without, `end`.
struct AddressRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

struct ProgramCode {
  std::vector<CodeSegment> segments;
  /// Functions and labels by address, as the linker wrote them. One of several names for an address. Empty for a stripped
  /// program.
  std::map<std::uint64_t, std::string> symbols;
  /// Where something says that there is a function, and how long it is: symbols, or what serves to unwind the stack
  /// (.eh_frame), which stripping leaves. By their beginnings; they may overlap.
  std::vector<AddressRange> functions;
};

/// `program` has passed check_static_elf(). A symbol table that is not well-formed counts as none: names are only for telling
/// code apart, and code without a name is held to stricter rules.
ProgramCode read_program_code(ByteView program);

/// Where an address is, for people.
struct CodePlace {
  std::string symbol;        ///< The last one at or before it in its segment, demangled. Empty if there is none.
  std::uint64_t offset = 0;  ///< From the symbol, or from the segment's beginning.
  std::uint64_t address = 0;

  std::string text() const;  ///< "std::random_device::_M_getval()+0x12 (0x4012ab)"
};
CodePlace place_of(const ProgramCode& code, std::uint64_t address);

}  // namespace forgepool::machine_code
