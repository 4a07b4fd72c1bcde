/// What the scan of a program's instructions finds, and what it makes of packing.
#include "sample_packages.hpp"

#include <algorithm>
#include <set>

using namespace forgepool;
using namespace forgepool::test;

namespace {

struct Named {
  std::string name;
  std::size_t offset = 0;
  unsigned char type = STT_FUNC;
};

template <class T>
void append(Bytes& bytes, const T& value) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), data, data + sizeof value);
}

constexpr std::uint64_t base = 0x400000;

/// A static ELF of this code, with a symbol table of these names.
Bytes elf_of(const Bytes& code, const std::vector<Named>& names = {}) {
  std::string strings(1, '\0');
  Bytes table(sizeof(Elf64_Sym));
  for (const auto& named : names) {
    Elf64_Sym symbol{};
    symbol.st_name = static_cast<std::uint32_t>(strings.size());
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, named.type);
    symbol.st_shndx = 1;
    symbol.st_value = base + named.offset;
    append(table, symbol);
    strings += named.name + '\0';
  }
  Bytes elf = tiny_elf();
  Elf64_Ehdr header;
  std::memcpy(&header, elf.data(), sizeof header);
  Elf64_Phdr segment;
  std::memcpy(&segment, elf.data() + header.e_phoff, sizeof segment);
  segment.p_vaddr = base;
  segment.p_filesz = segment.p_memsz = code.size();
  elf.resize(segment.p_offset);
  elf.insert(elf.end(), code.begin(), code.end());
  Elf64_Shdr sections[3] = {};
  sections[1].sh_type = SHT_SYMTAB;
  sections[1].sh_link = 2;
  sections[1].sh_offset = elf.size();
  sections[1].sh_size = table.size();
  elf.insert(elf.end(), table.begin(), table.end());
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = elf.size();
  sections[2].sh_size = strings.size();
  elf.insert(elf.end(), strings.begin(), strings.end());
  header.e_shoff = elf.size();
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  append(elf, sections);
  std::memcpy(elf.data(), &header, sizeof header);
  std::memcpy(elf.data() + header.e_phoff, &segment, sizeof segment);
  return elf;
}

std::vector<UnfixedInstruction> scan(const Bytes& elf) {
  auto found = scan_program(elf);
  REQUIRE(found.has_value());
  return *found;
}

Bytes file(const std::string& path) {
  return to_bytes(read_text(path));
}

/// Without its section headers a program has no symbols any more: what strip leaves, as far as the scan is concerned.
Bytes stripped(Bytes elf) {
  Elf64_Ehdr header;
  std::memcpy(&header, elf.data(), sizeof header);
  header.e_shoff = 0;
  header.e_shnum = 0;
  std::memcpy(elf.data(), &header, sizeof header);
  return elf;
}

}  // namespace

TEST_CASE("each instruction that no sandbox can fix is found, with its mnemonic") {
  const std::pair<const char*, Bytes> instructions[] = {
      {"rdrand", {0x0f, 0xc7, 0xf0}},
      {"rdrand", {0x48, 0x0f, 0xc7, 0xf0}},
      {"rdseed", {0x0f, 0xc7, 0xf8}},
      {"rdpid", {0xf3, 0x0f, 0xc7, 0xf8}},
      {"cpuid", {0x0f, 0xa2}},
      {"lsl", {0x0f, 0x03, 0xc0}},
      {"lar", {0x0f, 0x02, 0xc0}},
      {"verr", {0x0f, 0x00, 0xe0}},
      {"verw", {0x0f, 0x00, 0xe8}},
      {"sgdt", {0x0f, 0x01, 0x00}},
      {"sidt", {0x0f, 0x01, 0x08}},
      {"sldt", {0x0f, 0x00, 0xc0}},
      {"str", {0x0f, 0x00, 0xc8}},
      {"smsw", {0x0f, 0x01, 0xe0}},
      {"xgetbv", {0x0f, 0x01, 0xd0}},
      {"rdpkru", {0x0f, 0x01, 0xee}},
      {"rdpmc", {0x0f, 0x33}},
      {"rdpru", {0x0f, 0x01, 0xfd}},
      {"xbegin", {0xc7, 0xf8, 0, 0, 0, 0}},
      {"umwait", {0xf2, 0x0f, 0xae, 0xf0}},
      {"tpause", {0x66, 0x0f, 0xae, 0xf0}},
      {"mwaitx", {0x0f, 0x01, 0xfb}},
      {"vmcall", {0x0f, 0x01, 0xc1}},
      {"vmmcall", {0x0f, 0x01, 0xd9}},
      {"vmfunc", {0x0f, 0x01, 0xd4}},
      {"enclu", {0x0f, 0x01, 0xd7}},
      {"fxsave", {0x0f, 0xae, 0x00}},
      {"fxsave64", {0x48, 0x0f, 0xae, 0x00}},
      {"xsave", {0x0f, 0xae, 0x20}},
      {"xsavec", {0x0f, 0xc7, 0x20}},
      {"xsaveopt", {0x0f, 0xae, 0x30}},
      {"rcpps", {0x0f, 0x53, 0xc0}},
      {"rsqrtss", {0xf3, 0x0f, 0x52, 0xc0}},
      {"vrsqrtps", {0xc5, 0xf8, 0x52, 0xc0}},
      {"fsin", {0xd9, 0xfe}},
      {"fcos", {0xd9, 0xff}},
      {"fsincos", {0xd9, 0xfb}},
      {"fptan", {0xd9, 0xf2}},
      {"fpatan", {0xd9, 0xf3}},
      {"f2xm1", {0xd9, 0xf0}},
      {"fyl2x", {0xd9, 0xf1}},
      {"fyl2xp1", {0xd9, 0xf9}},
      {"xstore", {0x0f, 0xa7, 0xc0}},
  };
  for (const auto& [mnemonic, bytes] : instructions) {
    Bytes code{0x90, 0x90};
    code.insert(code.end(), bytes.begin(), bytes.end());
    code.push_back(0xc3);
    INFO(mnemonic);
    const auto found = scan(elf_of(code));
    REQUIRE(found.size() == 1);
    CHECK(found[0].mnemonic == mnemonic);
    CHECK(found[0].symbol.empty());
    CHECK(found[0].offset == 2);
    CHECK(found[0].address == base + 2);
    CHECK_FALSE(found[0].reason.empty());
  }
}

TEST_CASE("the same bytes inside other instructions, and instructions that are trapped, are not found") {
  const Bytes codes[] = {
      {0xb8, 0x0f, 0xa2, 0x0f, 0xa2, 0xc3},  // mov eax, imm32
      {0x0f, 0x31, 0xc3},                    // rdtsc
      {0x0f, 0x01, 0xf9, 0xc3},              // rdtscp
      {0x0f, 0x05, 0xcd, 0x80, 0x0f, 0x34},  // syscall, int 0x80, sysenter
      {0x0f, 0x01, 0xd6, 0xc3},              // xtest: 0 outside of transactions
      {0xf2, 0x0f, 0x51, 0xc0, 0xc3},        // sqrtsd: exact
      {},
  };
  for (auto code : codes) {
    code.push_back(0x90);
    CHECK(scan(elf_of(code)).empty());
  }
}

TEST_CASE("a finding is named by its function and the offset in it") {
  const Bytes code{0x90, 0xc3, 0x90, 0x90, 0x0f, 0xa2, 0xc3};
  const auto found = scan(elf_of(code, {{"before", 0}, {"_ZN3geo4areaEd", 2}}));
  REQUIRE(found.size() == 1);
  CHECK(found[0].symbol == "geo::area(double)");
  CHECK(found[0].offset == 2);
  CHECK(describe(found[0]) == "cpuid in geo::area(double)+0x2 (0x400004): tells which processor this is");
}

TEST_CASE("data between functions does not hide what comes after") {
  // The first byte of a mov swallows what follows it, unless decoding starts anew at the symbol.
  const Bytes code{0xc3, 0xb8, 0x0f, 0xa2, 0xc3, 0xc3, 0xc3};
  CHECK(scan(elf_of(code)).empty());
  CHECK(scan(elf_of(code, {{"function", 2}})).size() == 1);
}

TEST_CASE("code of the C library that is known to be harmless is left out, for what it is known to do only") {
  const Bytes cpuid{0x0f, 0xa2, 0xc3}, rdrand{0x0f, 0xc7, 0xf0, 0xc3};
  CHECK(scan(elf_of(cpuid, {{"__libc_start_main", 0}})).empty());
  CHECK(scan(elf_of(cpuid, {{"intel_check_word.constprop.0", 0}})).empty());
  CHECK(scan(elf_of(cpuid, {{"__libc_start_main_of_mine", 0}})).size() == 1);
  CHECK(scan(elf_of(rdrand, {{"__libc_start_main", 0}})).size() == 1);
}

TEST_CASE("a whole static program: the C library's start-up passes, the C++ library's random_device does not") {
  const auto found = scan(file(FORGEPOOL_UNFIXED_PROGRAM));
  std::set<std::string> mnemonics;
  for (const auto& instruction : found) {
    INFO(describe(instruction));
    CHECK((instruction.symbol.find("random_device") != std::string::npos ||
           instruction.symbol.find("__x86_rd") != std::string::npos));
    mnemonics.insert(instruction.mnemonic);
  }
  CHECK(mnemonics == std::set<std::string>{"cpuid", "rdrand", "rdseed"});
}

TEST_CASE("a program with such instructions is not packed as strict, and the message says where they are") {
  const Bytes elf = file(FORGEPOOL_UNFIXED_PROGRAM);
  const auto refused = pack_adapter(manifest_of("noop"), elf);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::unsupported);
  INFO(refused.error().message);
  CHECK(refused.error().message.find("/determinism: ") != std::string::npos);
  CHECK(refused.error().message.find("__x86_rdrand") != std::string::npos);
  CHECK(refused.error().message.find("+0x") != std::string::npos);
  CHECK(refused.error().message.find("or say standard") != std::string::npos);
  // exec@1 promises less.
  CHECK(pack_adapter(manifest_of("exec"), elf).has_value());
}

TEST_CASE("a stripped program with the C library in it is not packed as strict, and the message says what to do") {
  const auto refused = pack_adapter(manifest_of("noop"), stripped(file(FORGEPOOL_UNFIXED_PROGRAM)));
  REQUIRE_FALSE(refused.has_value());
  INFO(refused.error().message);
  CHECK(refused.error().message.find("--strip-debug") != std::string::npos);
}

TEST_CASE("damaged symbol tables are no more than missing names") {
  const Bytes elf = elf_of({0x0f, 0xa2, 0xc3}, {{"function", 0}, {"other", 2}});
  for (std::size_t at = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + 3; at < elf.size(); ++at)
    for (const int value : {0x00, 0x7f, 0xff}) {
      Bytes damaged = elf;
      damaged[at] = static_cast<std::uint8_t>(value);
      const auto found = scan_program(damaged);
      if (!found || found->size() != 1) FAIL("byte " << at);
    }
}
