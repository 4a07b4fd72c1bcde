/// What becomes of instructions that only somebody in the processor's place may answer.
#include "machine_code/rewrite.hpp"

#include "machine_code/program_code.hpp"

#include "code_elf.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <iterator>
#include <random>

using namespace forgepool;
using namespace forgepool::test;
using machine_code::Question;
using machine_code::RewrittenInstruction;

namespace {

machine_code::RewrittenProgram rewrite(const Bytes& elf) {
  auto rewritten = machine_code::rewrite_unfixed(elf);
  INFO((rewritten ? "" : rewritten.error().message));
  REQUIRE(rewritten.has_value());
  REQUIRE(rewritten->program.size() == elf.size());
  return *rewritten;
}

/// The code of a program made by elf_of().
Bytes code_of(const Bytes& elf, std::size_t size) {
  const auto begin = elf.begin() + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
  return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

struct Form {
  const char* name;
  Bytes bytes;
  Question question;
  int target = 0;
  int bits = 0;
};

const std::vector<Form>& forms() {
  static const std::vector<Form> list{
      {"rdtsc", {0x0f, 0x31}, Question::time_stamp},
      {"rdtsc with a prefix", {0x66, 0x0f, 0x31}, Question::time_stamp},
      {"rdtsc with REX.W", {0x48, 0x0f, 0x31}, Question::time_stamp},
      {"rdtsc behind repeated prefixes", {0xf2, 0xf2, 0x2e, 0x0f, 0x31}, Question::time_stamp},
      {"rdtscp", {0x0f, 0x01, 0xf9}, Question::time_stamp_and_processor},
      {"cpuid", {0x0f, 0xa2}, Question::processor},
      {"cpuid with REX", {0x41, 0x0f, 0xa2}, Question::processor},
      {"xgetbv", {0x0f, 0x01, 0xd0}, Question::extended_state},
      {"rdrand eax", {0x0f, 0xc7, 0xf0}, Question::random, 0, 32},
      {"rdrand ax", {0x66, 0x0f, 0xc7, 0xf0}, Question::random, 0, 16},
      {"rdrand rax", {0x48, 0x0f, 0xc7, 0xf0}, Question::random, 0, 64},
      {"rdrand rsp", {0x48, 0x0f, 0xc7, 0xf4}, Question::random, 4, 64},
      {"rdrand edi", {0x0f, 0xc7, 0xf7}, Question::random, 7, 32},
      {"rdrand r9", {0x49, 0x0f, 0xc7, 0xf1}, Question::random, 9, 64},
      {"rdrand r15d", {0x41, 0x0f, 0xc7, 0xf7}, Question::random, 15, 32},
      {"rdrand r8w", {0x66, 0x41, 0x0f, 0xc7, 0xf0}, Question::random, 8, 16},
      {"rdseed ebx", {0x0f, 0xc7, 0xfb}, Question::random, 3, 32},
      {"rdseed r12", {0x49, 0x0f, 0xc7, 0xfc}, Question::random, 12, 64},
      {"rdpid rax", {0xf3, 0x0f, 0xc7, 0xf8}, Question::processor_number, 0, 64},
      {"rdpid r13", {0xf3, 0x41, 0x0f, 0xc7, 0xfd}, Question::processor_number, 13, 64},
      {"rcpps, which nobody answers", {0x0f, 0x53, 0xc0}, Question::none},
      {"fsin, which nobody answers", {0xd9, 0xfe}, Question::none},
      {"xsave, which nobody answers", {0x0f, 0xae, 0x20}, Question::none},
      {"lsl, which nobody answers", {0x0f, 0x03, 0xc0}, Question::none},
  };
  return list;
}

}  // namespace

TEST_CASE("each form of an instruction becomes one that faults, of the same length, and the table says what it was") {
  for (const auto& form : forms()) {
    INFO(form.name);
    Bytes code{0x90};
    code.insert(code.end(), form.bytes.begin(), form.bytes.end());
    code.push_back(0xc3);
    const auto rewritten = rewrite(function_of(code));
    REQUIRE(rewritten.table.size() == 1);
    const auto& entry = rewritten.table[0];
    CHECK(entry.address == code_base + 1);
    CHECK(entry.question == form.question);
    CHECK(entry.length == form.bytes.size());
    CHECK(entry.target == form.target);
    CHECK(entry.bits == form.bits);
    Bytes expected(code.size(), 0x90);
    expected[1] = 0x0f, expected[2] = 0x0b, expected.back() = 0xc3;
    CHECK(code_of(rewritten.program, code.size()) == expected);
  }
}

TEST_CASE("a program without such instructions stays as it is, and nothing but them is changed in others") {
  const auto plain = function_of({0xb8, 0x0f, 0xa2, 0x0f, 0x31, 0xc3});  // mov eax, imm32
  CHECK(rewrite(plain).program == plain);
  CHECK(rewrite(plain).table.empty());
  const auto mixed = function_of({0xb8, 0x0f, 0xa2, 0x0f, 0x31, 0x0f, 0x31, 0xc3});
  auto expected = mixed;
  expected[sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + 6] = 0x0b;
  CHECK(rewrite(mixed).program == expected);
}

TEST_CASE("an instruction that ends with its segment is rewritten, and one that is cut off is none") {
  CHECK(rewrite(function_of({0x90, 0x0f, 0xa2})).table.size() == 1);
  CHECK(rewrite(function_of({0x0f, 0xc7, 0xf0})).table.size() == 1);
  CHECK(rewrite(function_of({0x90, 0x0f})).table.empty());
  CHECK(rewrite(elf_of({0x90, 0x0f, 0xc7}, {{"function", 0, 2}})).table.empty());
}

TEST_CASE("the table is in the order of addresses, whatever the order of functions") {
  const Bytes code{0x0f, 0xa2, 0xc3, 0x0f, 0x31, 0xc3, 0x0f, 0x01, 0xf9, 0xc3};
  const auto rewritten = rewrite(elf_of(code, {{"last", 6, 4}, {"first", 0, 3}, {"middle", 3, 3}}));
  REQUIRE(rewritten.table.size() == 3);
  CHECK(std::ranges::is_sorted(rewritten.table, {}, &RewrittenInstruction::address));
}

TEST_CASE("where it may be data nothing is changed: the program is refused, with the place and what to do") {
  struct Case {
    const char* name;
    Bytes elf;
  };
  const Bytes cpuid{0x0f, 0xa2, 0xc3};
  const Case cases[] = {
      {"without any symbol", elf_of(cpuid)},
      {"behind a symbol without a size", elf_of(cpuid, {{"label", 0, 0, STT_NOTYPE}})},
      {"between functions", elf_of({0xc3, 0x0f, 0xa2, 0xc3}, {{"before", 0, 1}, {"after", 3, 1}})},
      {"in a function with bytes that are no instruction", elf_of({0x0f, 0xa2, 0xc3, 0x06, 0x07, 0xc3}, {{"mixed", 0, 6}})},
      {"in a function that ends within an instruction", elf_of({0x0f, 0xa2, 0xb8, 0, 0, 0, 0, 0xc3}, {{"cut", 0, 4}})},
      {"in a function in whose instructions another begins",
       elf_of({0xb8, 0x0f, 0xa2, 0x90, 0x90, 0xc3}, {{"outer", 0, 6}, {"inner", 1, 5}})},
  };
  for (const auto& [name, elf] : cases) {
    INFO(name);
    const auto refused = machine_code::rewrite_unfixed(elf);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == ErrorKind::unsupported);
    CHECK(refused.error().message.find("cpuid") != std::string::npos);
    CHECK(refused.error().message.find("0x40000") != std::string::npos);
    CHECK(refused.error().message.find("--strip-debug") != std::string::npos);
  }
}

TEST_CASE("what nobody answers and may be data stays: constants look like that often") {
  const auto elf = elf_of({0xc3, 0xd9, 0xfe, 0x0f, 0x53, 0xc0}, {{"function", 0, 1}});
  const auto rewritten = rewrite(elf);
  CHECK(rewritten.program == elf);
  CHECK(rewritten.table.empty());
}

TEST_CASE("functions are known by what serves to unwind the stack, where symbols are stripped") {
  // A common entry with addresses relative to themselves, in 4 bytes, and the entry of one function of three bytes.
  Bytes frames;
  append_value(frames, std::uint32_t{16});
  const std::uint8_t common[] = {0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, 0, 0, 0};
  frames.insert(frames.end(), std::begin(common), std::end(common));
  append_value(frames, std::uint32_t{16});
  append_value(frames, std::uint32_t{24});
  constexpr std::uint64_t frames_address = code_base + 0x1000;
  append_value(frames, static_cast<std::int32_t>(code_base + 1 - (frames_address + frames.size())));
  append_value(frames, std::uint32_t{3});
  append_value(frames, std::uint32_t{0});
  append_value(frames, std::uint32_t{0});

  auto elf = elf_of({0x90, 0x0f, 0xa2, 0xc3});
  Elf64_Ehdr header;
  std::memcpy(&header, elf.data(), sizeof header);
  const std::string names = std::string("\0.eh_frame\0", 11);
  Elf64_Shdr sections[2] = {};
  sections[0].sh_type = SHT_PROGBITS;
  sections[0].sh_name = 1;
  sections[0].sh_addr = frames_address;
  sections[0].sh_offset = elf.size();
  sections[0].sh_size = frames.size();
  elf.insert(elf.end(), frames.begin(), frames.end());
  sections[1].sh_type = SHT_STRTAB;
  sections[1].sh_offset = elf.size();
  sections[1].sh_size = names.size();
  elf.insert(elf.end(), names.begin(), names.end());
  header.e_shoff = elf.size();
  header.e_shnum = 2;
  header.e_shstrndx = 1;
  append_value(elf, sections);
  std::memcpy(elf.data(), &header, sizeof header);

  const auto code = machine_code::read_program_code(elf);
  REQUIRE(code.functions.size() == 1);
  CHECK(code.functions[0] == machine_code::AddressRange{code_base + 1, code_base + 4});
  CHECK(rewrite(elf).table.size() == 1);

  // Whatever becomes of those bytes, nothing beyond them is read, and no more is made of them than a function or none.
  std::mt19937 random(7);
  const auto begin = sections[0].sh_offset;
  for (int round = 0; round < 5000; ++round) {
    auto damaged = elf;
    for (int i = 0; i < 3; ++i) damaged[begin + random() % frames.size()] = static_cast<std::uint8_t>(random());
    CHECK(machine_code::read_program_code(damaged).functions.size() <= 4);
  }
}
