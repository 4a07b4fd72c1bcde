#pragma once
/// Packages for tests that plan and reduce but run nothing: the manifests of the example adapters with the smallest program
/// that a package takes.
#include <forgepool/adapter.hpp>

#include <catch2/catch_test_macros.hpp>

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>

namespace forgepool::test {

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  INFO(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Headers of a static ELF, and one byte of code.
inline Bytes tiny_elf() {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_entry = 0x400000;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_X;
  segment.p_offset = sizeof header + sizeof segment;
  segment.p_filesz = segment.p_memsz = 1;
  Bytes elf(segment.p_offset + 1, 0xf4);
  std::memcpy(elf.data(), &header, sizeof header);
  std::memcpy(elf.data() + sizeof header, &segment, sizeof segment);
  return elf;
}

inline std::string manifest_of(const std::string& adapter) {
  return read_text(std::string(FORGEPOOL_ADAPTERS_SOURCE_DIR) + "/" + adapter + "/manifest.json");
}

inline std::shared_ptr<const AdapterPackage> sample_package(const std::string& adapter) {
  auto bytes = pack_adapter(manifest_of(adapter), tiny_elf());
  REQUIRE(bytes.has_value());
  auto package = open_adapter(std::move(*bytes));
  REQUIRE(package.has_value());
  return *package;
}

inline Contract contract(const std::string& adapter, const std::string& profile, const std::string& args,
                         const std::string& more = "") {
  auto parsed = parse_contract(R"({"op":{"name":")" + adapter + R"(","version":"1","profile":")" + profile + R"("},"args":)" +
                               args + more + "}");
  INFO((parsed ? "" : parsed.error().message));
  REQUIRE(parsed.has_value());
  return *parsed;
}

}  // namespace forgepool::test
