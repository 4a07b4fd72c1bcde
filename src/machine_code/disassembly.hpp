#pragma once
/// Finds the instructions in a program whose results depend on the machine or the moment.
#include "machine_code/program_code.hpp"
#include "machine_code/rewritten_instruction.hpp"
#include "machine_code/unfixed.hpp"

namespace forgepool::machine_code {

struct UnfixedCode {
  std::uint64_t address = 0;    ///< As linked.
  std::size_t file_offset = 0;  ///< In the program.
  std::string_view mnemonic;
  Unfixed reason{};
  /// Within a function all of whose bytes are instructions, one after the other. Elsewhere it may as well be data that looks
  /// so.
  bool certain = false;
  RewrittenInstruction rewritten{};  ///< At the same address.
};

/// Disassembles the executable segments of `program`, of which `code` was read: functions from their beginnings on, all else
/// from each symbol to the next. At most `max_findings`, by address.
constexpr std::size_t max_findings = 10'000;
std::vector<UnfixedCode> find_unfixed(ByteView program, const ProgramCode& code);

}  // namespace forgepool::machine_code
