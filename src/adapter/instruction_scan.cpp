#include "machine_code/disassembly.hpp"
#include "machine_code/elf.hpp"
#include "machine_code/rewrite.hpp"

#include <forgepool/adapter.hpp>

#include <fmt/core.h>

namespace forgepool {
namespace {

using namespace machine_code;

/// No program that is meant to be `strict` has more, and a message with more helps nobody.
constexpr std::size_t most_told = 1000;

/// What the sandbox answers in the processor's place is no obstacle, where it is sure to be an instruction.
bool stands_against_strict(const UnfixedCode& one, const ProgramCode& code) {
  if (one.rewritten.question != Question::none) return !one.certain;
  const auto behind = code.symbols.upper_bound(one.address);
  return behind == code.symbols.begin() || !is_never_reached(std::prev(behind)->second, one.reason);
}

}  // namespace

std::string describe(const UnfixedInstruction& instruction) {
  const CodePlace place{instruction.symbol, instruction.offset, instruction.address};
  return fmt::format("{} in {}: {}", instruction.mnemonic, place.text(), instruction.reason);
}

Result<std::vector<UnfixedInstruction>> scan_program(ByteView program) {
  if (auto elf = check_static_elf(program); !elf) return fail(elf.error());
  const auto code = read_program_code(program);
  std::vector<UnfixedInstruction> found;
  for (const auto& one : find_unfixed(program, code)) {
    if (!stands_against_strict(one, code)) continue;
    if (found.size() == most_told) break;
    const auto place = place_of(code, one.address);
    std::string reason(describe(one.reason));
    if (one.rewritten.question != Question::none) reason += std::string("; ") + uncertain_code;
    found.push_back({std::string(one.mnemonic), place.symbol, place.offset, one.address, std::move(reason)});
  }
  return found;
}

}  // namespace forgepool
