#include "machine_code/disassembly.hpp"

#include "machine_code/instruction_rules.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace forgepool::machine_code {
namespace {

/// Rules by mnemonic, so that millions of instructions cost one look-up each.
std::array<const Rule*, ZYDIS_MNEMONIC_MAX_VALUE + 1> rules_by_mnemonic() {
  std::array<const Rule*, ZYDIS_MNEMONIC_MAX_VALUE + 1> table{};
  for (int mnemonic = 0; mnemonic <= ZYDIS_MNEMONIC_MAX_VALUE; ++mnemonic)
    table[static_cast<std::size_t>(mnemonic)] = rule_of(static_cast<ZydisMnemonic>(mnemonic));
  return table;
}

/// Functions that overlap count as one: what is wrong with one is wrong with all of them.
struct Body {
  AddressRange range;
  bool sound = true;  ///< All of its bytes are instructions.
};

std::vector<Body> bodies_of(const std::vector<AddressRange>& functions) {
  std::vector<Body> bodies;
  for (const auto& function : functions) {
    if (bodies.empty() || function.begin >= bodies.back().range.end)
      bodies.push_back({function});
    else
      bodies.back().range.end = std::max(bodies.back().range.end, function.end);
  }
  return bodies;
}

class Disassembly {
 public:
  Disassembly(ByteView program, const ProgramCode& code)
      : program_(program), code_(code), rules_(rules_by_mnemonic()), bodies_(bodies_of(code.functions)) {
    ZydisDecoderInit(&quick_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    ZydisDecoderEnableMode(&quick_, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
    ZydisDecoderInit(&whole_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    for (const auto& function : code.functions) starts_.push_back(function.begin);
    for (const auto& body : bodies_) starts_.push_back(body.range.end);
    for (const auto& [address, name] : code.symbols)
      if (!body_at(address)) starts_.push_back(address);
    std::ranges::sort(starts_);
    starts_.erase(std::ranges::unique(starts_).begin(), starts_.end());
  }

  std::vector<UnfixedCode> run() {
    for (const auto& segment : code_.segments) sweep(segment);
    for (auto& one : found_) {
      const auto* body = body_at(one.address);
      one.certain = body && body->sound;
    }
    std::ranges::sort(found_, {}, &UnfixedCode::address);
    return std::move(found_);
  }

 private:
  const Body* body_at(std::uint64_t address) const {
    const auto behind = std::ranges::upper_bound(bodies_, address, {}, [](const Body& body) { return body.range.begin; });
    if (behind == bodies_.begin() || address >= std::prev(behind)->range.end) return nullptr;
    return &*std::prev(behind);
  }
  void unsound(std::uint64_t address) {
    if (const auto* body = body_at(address)) bodies_[static_cast<std::size_t>(body - bodies_.data())].sound = false;
  }

  /// Decoding begins anew at each start: whatever data lies between functions does not shift the decoding of the next one.
  void sweep(const CodeSegment& segment) {
    auto next = std::ranges::upper_bound(starts_, segment.address);
    for (std::size_t at = 0; at < segment.bytes.size();) {
      std::size_t end = segment.bytes.size();
      if (next != starts_.end() && *next - segment.address < end) end = static_cast<std::size_t>(*next++ - segment.address);
      while (at < end) {
        const auto length = decode(segment, at);
        if (length == 0 || at + length > end) unsound(segment.address + at);
        at += std::max<std::size_t>(length, 1);
      }
      at = end;
    }
  }

  /// The length of the instruction; 0 where there is none.
  std::size_t decode(const CodeSegment& segment, std::size_t at) {
    ZydisDecodedInstruction instruction;
    const auto* bytes = segment.bytes.data() + at;
    const auto left = segment.bytes.size() - at;
    if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(&quick_, nullptr, bytes, left, &instruction))) return 0;
    const Rule* rule = rules_[instruction.mnemonic];
    if (rule && found_.size() < max_findings) note(*rule, segment, at);
    return instruction.length;
  }

  void note(const Rule& rule, const CodeSegment& segment, std::size_t at) {
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    const auto* bytes = segment.bytes.data() + at;
    if (ZYAN_FAILED(ZydisDecoderDecodeFull(&whole_, bytes, segment.bytes.size() - at, &instruction, operands))) return;
    UnfixedCode one;
    one.address = segment.address + at;
    one.file_offset = static_cast<std::size_t>(bytes - program_.data());
    one.mnemonic = ZydisMnemonicGetString(instruction.mnemonic);
    one.reason = rule.reason;
    one.rewritten = {one.address, rule.question, instruction.length, 0, 0, 0};
    if (rule.question == Question::random || rule.question == Question::processor_number) {
      const auto target = operands[0].reg.value;
      one.rewritten.target = static_cast<std::uint8_t>(ZydisRegisterGetId(target));
      one.rewritten.bits = static_cast<std::uint8_t>(ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, target));
    }
    found_.push_back(one);
  }

  const ByteView program_;
  const ProgramCode& code_;
  const std::array<const Rule*, ZYDIS_MNEMONIC_MAX_VALUE + 1> rules_;
  std::vector<Body> bodies_;
  std::vector<std::uint64_t> starts_;
  ZydisDecoder quick_{}, whole_{};
  std::vector<UnfixedCode> found_;
};

}  // namespace

std::vector<UnfixedCode> find_unfixed(ByteView program, const ProgramCode& code) {
  return Disassembly(program, code).run();
}

}  // namespace forgepool::machine_code
