/// What the scan of a program's instructions finds, and what it makes of packing.
#include "code_elf.hpp"
#include "sample_packages.hpp"

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;

namespace {

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

TEST_CASE("each instruction that no sandbox can answer for is found, with its mnemonic") {
  const std::pair<const char*, Bytes> instructions[] = {
      {"lsl", {0x0f, 0x03, 0xc0}},
      {"lar", {0x0f, 0x02, 0xc0}},
      {"verr", {0x0f, 0x00, 0xe0}},
      {"verw", {0x0f, 0x00, 0xe8}},
      {"sgdt", {0x0f, 0x01, 0x00}},
      {"sidt", {0x0f, 0x01, 0x08}},
      {"sldt", {0x0f, 0x00, 0xc0}},
      {"str", {0x0f, 0x00, 0xc8}},
      {"smsw", {0x0f, 0x01, 0xe0}},
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
    CHECK(found[0].address == code_base + 2);
    CHECK_FALSE(found[0].reason.empty());
  }
}

TEST_CASE("what the sandbox answers for, the same bytes inside other instructions, and what is trapped, are not found") {
  const Bytes codes[] = {
      {0x0f, 0xa2, 0x0f, 0x31, 0x0f, 0x01, 0xf9, 0x0f, 0x01, 0xd0},              // cpuid, rdtsc, rdtscp, xgetbv
      {0x48, 0x0f, 0xc7, 0xf0, 0x0f, 0xc7, 0xf8, 0xf3, 0x0f, 0xc7, 0xf8, 0xc3},  // rdrand, rdseed, rdpid
      {0xb8, 0x0f, 0xa2, 0x0f, 0xa2, 0xc3},                                      // mov eax, imm32
      {0x0f, 0x05, 0xcd, 0x80, 0x0f, 0x34},                                      // syscall, int 0x80, sysenter
      {0x0f, 0x01, 0xd6, 0xc3},                                                  // xtest: 0 outside of transactions
      {0xf2, 0x0f, 0x51, 0xc0, 0xc3},                                            // sqrtsd: exact
      {},
  };
  for (auto code : codes) {
    code.push_back(0x90);
    CHECK(scan(function_of(code)).empty());
  }
}

TEST_CASE("what may be data that looks like an instruction stands against strict, and is named with what to do") {
  const Bytes cpuid{0x90, 0x0f, 0xa2, 0xc3};
  const auto nowhere = scan(elf_of(cpuid));
  REQUIRE(nowhere.size() == 1);
  CHECK(nowhere[0].mnemonic == "cpuid");
  CHECK(nowhere[0].reason.find("outside of every function") != std::string::npos);
  // A symbol without a size says where something begins, and not where it ends.
  CHECK(scan(elf_of(cpuid, {{"function", 0}})).size() == 1);
  CHECK(scan(elf_of(cpuid, {{"function", 0, cpuid.size()}})).empty());
}

TEST_CASE("a finding is named by its function and the offset in it") {
  const Bytes code{0x90, 0xc3, 0x90, 0x90, 0xd9, 0xfe, 0xc3};
  const auto found = scan(elf_of(code, {{"before", 0}, {"_ZN3geo4areaEd", 2}}));
  REQUIRE(found.size() == 1);
  CHECK(found[0].symbol == "geo::area(double)");
  CHECK(found[0].offset == 2);
  CHECK(describe(found[0]) ==
        "fsin in geo::area(double)+0x2 (0x400004): an approximation that differs between makers of processors");
}

TEST_CASE("data between functions does not hide what comes after") {
  // The first byte of a mov swallows what follows it, unless decoding starts anew at the symbol.
  const Bytes code{0xc3, 0xb8, 0xd9, 0xfe, 0xc3, 0xc3, 0xc3};
  CHECK(scan(elf_of(code)).empty());
  CHECK(scan(elf_of(code, {{"function", 2}})).size() == 1);
}

TEST_CASE("code of the C library that no static program reaches is left out, for what it is known to have only") {
  const Bytes xsave{0x0f, 0xae, 0x20, 0xc3}, fsin{0xd9, 0xfe, 0xc3};
  CHECK(scan(elf_of(xsave, {{"_dl_runtime_resolve_xsave", 0}})).empty());
  CHECK(scan(elf_of(xsave, {{"_dl_runtime_resolve_xsave.constprop.0", 0}})).empty());
  CHECK(scan(elf_of(xsave, {{"_dl_runtime_resolve_xsave_of_mine", 0}})).size() == 1);
  CHECK(scan(elf_of(fsin, {{"_dl_runtime_resolve_xsave", 0}})).size() == 1);
}

TEST_CASE("ordinary C++ is packed as strict: what its libraries ask the processor, the sandbox answers") {
  const Bytes elf = file(FORGEPOOL_UNFIXED_PROGRAM);
  for (const auto& instruction : scan(elf)) FAIL_CHECK(describe(instruction));
  const auto packed = pack_adapter(manifest_of("noop"), elf);
  INFO((packed ? "" : packed.error().message));
  CHECK(packed.has_value());
  CHECK(pack_adapter(manifest_of("exec"), elf).has_value());
}

TEST_CASE("a program whose instructions nobody can answer for is not packed as strict, and the message says where they are") {
  const auto refused = pack_adapter(manifest_of("noop"), function_of({0x90, 0x0f, 0x53, 0xc0, 0xc3}));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::unsupported);
  INFO(refused.error().message);
  CHECK(refused.error().message.find("/determinism: ") != std::string::npos);
  CHECK(refused.error().message.find("rcpps in function+0x1") != std::string::npos);
  CHECK(refused.error().message.find("--gc-sections") != std::string::npos);
  CHECK(refused.error().message.find("or say standard") != std::string::npos);
}

TEST_CASE("a program with memory that can be written and executed is packed only for profiles that ask for it") {
  auto elf = function_of({0x90, 0xc3});
  Elf64_Phdr segment;
  std::memcpy(&segment, elf.data() + sizeof(Elf64_Ehdr), sizeof segment);
  segment.p_flags |= PF_W;
  std::memcpy(elf.data() + sizeof(Elf64_Ehdr), &segment, sizeof segment);
  for (const auto* adapter : {"noop", "exec"}) {
    const auto refused = pack_adapter(manifest_of(adapter), elf);
    REQUIRE_FALSE(refused.has_value());
    INFO(refused.error().message);
    CHECK(refused.error().message.find("/relaxations: ") != std::string::npos);
    CHECK(refused.error().message.find("written and executed") != std::string::npos);
  }
  auto manifest = manifest_of("exec");
  const std::string asked = "\"spawn\"";
  REQUIRE(manifest.find(asked) != std::string::npos);
  manifest.insert(manifest.find(asked), "\"executable_memory\", ");
  const auto packed = pack_adapter(manifest, elf);
  INFO((packed ? "" : packed.error().message));
  CHECK(packed.has_value());
}

TEST_CASE("a stripped program with the C library in it is not packed as strict, and the message says what to do") {
  const auto refused = pack_adapter(manifest_of("noop"), stripped(file(FORGEPOOL_UNFIXED_PROGRAM)));
  REQUIRE_FALSE(refused.has_value());
  INFO(refused.error().message);
  CHECK(refused.error().message.find("--strip-debug") != std::string::npos);
}

TEST_CASE("damaged symbol tables are no more than missing names") {
  const Bytes elf = elf_of({0xd9, 0xfe, 0xc3}, {{"function", 0}, {"other", 2}});
  for (std::size_t at = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + 3; at < elf.size(); ++at)
    for (const int value : {0x00, 0x7f, 0xff}) {
      Bytes damaged = elf;
      damaged[at] = static_cast<std::uint8_t>(value);
      const auto found = scan_program(damaged);
      if (!found || found->size() != 1) FAIL("byte " << at);
    }
}
