#include "adapter/elf.hpp"
#include "adapter/instruction_rules.hpp"
#include "adapter/program_code.hpp"

#include <forgepool/adapter.hpp>

#include <fmt/core.h>

#include <cxxabi.h>

#include <array>
#include <cstdlib>
#include <set>

namespace forgepool {
namespace {

using adapter::CodeSegment;
using adapter::ProgramCode;
using adapter::Unfixed;

/// No program that is meant to be `strict` has more, and a message with more helps nobody.
constexpr std::size_t max_findings = 1000;

std::string readable(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status),
                                                         std::free);
  return name ? std::string(name.get()) : symbol;
}

/// Rules by mnemonic, so that millions of instructions cost one look-up each.
std::array<const Unfixed*, ZYDIS_MNEMONIC_MAX_VALUE + 1> rules_by_mnemonic() {
  std::array<const Unfixed*, ZYDIS_MNEMONIC_MAX_VALUE + 1> table{};
  for (int mnemonic = 0; mnemonic <= ZYDIS_MNEMONIC_MAX_VALUE; ++mnemonic)
    table[static_cast<std::size_t>(mnemonic)] = adapter::unfixed(static_cast<ZydisMnemonic>(mnemonic));
  return table;
}

class Scan {
 public:
  explicit Scan(const ProgramCode& code) : code_(code), rules_(rules_by_mnemonic()) {
    ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  }

  std::vector<UnfixedInstruction> run() {
    for (const auto& segment : code_.segments) sweep(segment);
    return std::move(findings_);
  }

 private:
  /// From each symbol to the next: whatever data lies between functions does not shift the decoding of the next one.
  void sweep(const CodeSegment& segment) {
    auto next = code_.symbols.lower_bound(segment.address);
    std::uint64_t symbol_address = segment.address;
    const std::string* symbol = nullptr;
    for (std::size_t at = 0; at < segment.bytes.size();) {
      std::size_t end = segment.bytes.size();
      if (next != code_.symbols.end() && next->first - segment.address < end) {
        if (next->first == segment.address + at) {
          symbol_address = next->first;
          symbol = &next->second;
          ++next;
          continue;
        }
        end = static_cast<std::size_t>(next->first - segment.address);
      }
      at += decode(segment, at, end, symbol, symbol_address);
    }
  }

  /// The length of the instruction; 1 where there is none.
  std::size_t decode(const CodeSegment& segment, std::size_t at, std::size_t end, const std::string* symbol,
                     std::uint64_t symbol_address) {
    ZydisDecodedInstruction instruction;
    // A label in the middle of an instruction (after a lock prefix, say) does not end it: what is there is decoded whole, too.
    const bool decoded = ZYAN_SUCCESS(
        ZydisDecoderDecodeInstruction(&decoder_, nullptr, segment.bytes.data() + at, segment.bytes.size() - at, &instruction));
    if (!decoded) return 1;
    const Unfixed* reason = rules_[instruction.mnemonic];
    if (reason && findings_.size() < max_findings && !(symbol && adapter::is_known_harmless(*symbol, *reason)))
      findings_.push_back({ZydisMnemonicGetString(instruction.mnemonic), symbol ? readable(*symbol) : "",
                           segment.address + at - symbol_address, segment.address + at,
                           std::string(adapter::describe(*reason))});
    return std::min<std::size_t>(instruction.length, end - at);
  }

  const ProgramCode& code_;
  const std::array<const Unfixed*, ZYDIS_MNEMONIC_MAX_VALUE + 1> rules_;
  ZydisDecoder decoder_{};
  std::vector<UnfixedInstruction> findings_;
};

}  // namespace

std::string describe(const UnfixedInstruction& instruction) {
  const auto place = instruction.symbol.empty()
                         ? fmt::format("{:#x}", instruction.address)
                         : fmt::format("{}+{:#x} ({:#x})", instruction.symbol, instruction.offset, instruction.address);
  return fmt::format("{} in {}: {}", instruction.mnemonic, place, instruction.reason);
}

Result<std::vector<UnfixedInstruction>> scan_program(ByteView program) {
  if (auto elf = adapter::check_static_elf(program); !elf) return fail(elf.error());
  const auto code = adapter::read_program_code(program);
  return Scan(code).run();
}

}  // namespace forgepool
