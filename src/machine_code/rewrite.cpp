#include "machine_code/rewrite.hpp"

#include "machine_code/disassembly.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::machine_code {
namespace {

constexpr std::uint8_t undefined_instruction[] = {0x0f, 0x0b};
constexpr std::uint8_t no_operation = 0x90;

void put_fault(Bytes& program, const UnfixedCode& one) {
  const auto at = program.begin() + static_cast<std::ptrdiff_t>(one.file_offset);
  std::fill_n(std::ranges::copy(undefined_instruction, at).out, one.rewritten.length - sizeof undefined_instruction,
              no_operation);
}

}  // namespace

const char* const uncertain_code =
    "it stands outside of every function, or in one that has other bytes than instructions, and may be data that looks so. "
    "Keep "
    "data out of the code, give functions in assembly a size (.type and .size), and keep the symbol table (--strip-debug "
    "instead "
    "of -s)";

Result<RewrittenProgram> rewrite_unfixed(ByteView program) {
  const auto code = read_program_code(program);
  RewrittenProgram rewritten{Bytes(program.begin(), program.end()), {}};
  for (const auto& one : find_unfixed(program, code)) {
    if (one.certain) {
      put_fault(rewritten.program, one);
      rewritten.table.push_back(one.rewritten);
    } else if (one.rewritten.question != Question::none) {
      return fail(ErrorKind::unsupported, fmt::format("the program cannot be run as strict: {} at {}: {}", one.mnemonic,
                                                      place_of(code, one.address).text(), uncertain_code));
    }
  }
  return rewritten;
}

}  // namespace forgepool::machine_code
