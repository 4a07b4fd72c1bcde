#include "sandbox/program_image.hpp"
#include "sandbox/box_init_image.hpp"

#include <catch2/catch_test_macros.hpp>

#include <elf.h>

#include <cstring>
#include <random>

namespace forgepool::sandbox {
namespace {

Bytes static_program() {
  const auto image = box_init_image();
  return {image.begin(), image.end()};
}

/// Another program with the same meaning: trailing bytes are not part of an ELF file.
Bytes variant(std::uint8_t number) {
  auto program = static_program();
  program.push_back(number);
  return program;
}

template <class Change>
bool accepted(Change change) {
  auto program = static_program();
  Elf64_Ehdr header;
  std::memcpy(&header, program.data(), sizeof header);
  change(header, program);
  if (program.size() >= sizeof header) std::memcpy(program.data(), &header, sizeof header);
  return check_static_elf(program).has_value();
}

TEST_CASE("a static ELF for x86-64 is accepted") {
  CHECK(check_static_elf(static_program()));
  CHECK(accepted([](Elf64_Ehdr& header, Bytes&) { header.e_type = ET_DYN; }));
}

TEST_CASE("anything else is refused") {
  CHECK_FALSE(check_static_elf({}));
  CHECK_FALSE(check_static_elf(as_bytes("#!/bin/sh\n")));
  CHECK_FALSE(
      check_static_elf(as_bytes("\x7f"
                                "ELF")));
  CHECK_FALSE(accepted([](Elf64_Ehdr& header, Bytes&) { header.e_machine = EM_AARCH64; }));
  CHECK_FALSE(accepted([](Elf64_Ehdr& header, Bytes&) { header.e_ident[EI_CLASS] = ELFCLASS32; }));
  CHECK_FALSE(accepted([](Elf64_Ehdr& header, Bytes&) { header.e_type = ET_REL; }));
  CHECK_FALSE(accepted([](Elf64_Ehdr& header, Bytes&) { header.e_type = ET_CORE; }));
  CHECK_FALSE(accepted([](Elf64_Ehdr& header, Bytes&) { header.e_phnum = 0; }));
  CHECK_FALSE(accepted([](Elf64_Ehdr& header, Bytes&) { header.e_phnum = 0xffff; }));
  CHECK_FALSE(accepted([](Elf64_Ehdr& header, Bytes&) { header.e_phoff = ~0ull; }));
  CHECK_FALSE(accepted([](Elf64_Ehdr& header, Bytes& program) { header.e_phoff = program.size() - 8; }));
  CHECK_FALSE(accepted([](Elf64_Ehdr& header, Bytes&) { header.e_phentsize = 1; }));
  CHECK_FALSE(accepted([](Elf64_Ehdr&, Bytes& program) { program.resize(sizeof(Elf64_Ehdr) + 10); }));
  CHECK_FALSE(accepted([](Elf64_Ehdr& header, Bytes& program) {
    const auto type = static_cast<std::uint32_t>(PT_INTERP);
    std::memcpy(program.data() + header.e_phoff, &type, sizeof type);
  }));
}

TEST_CASE("no header, however damaged, is read beyond its end") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto whole = static_program();
  for (int round = 0; round < 20'000; ++round) {
    // A copy of the exact size, so that a sanitizer sees the end.
    Bytes program(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(random() % 600));
    for (int i = 0; i < 4 && !program.empty(); ++i)
      program[random() % std::min<std::size_t>(program.size(), 200)] = static_cast<std::uint8_t>(random());
    static_cast<void>(check_static_elf(program));
  }
}

TEST_CASE("an image is sealed") {
  const auto image = make_sealed_image(static_program(), ImageAccess::execute_only);
  REQUIRE(image);
  CHECK(::write(image->get(), "x", 1) < 0);
  CHECK(::ftruncate(image->get(), 0) < 0);
}

TEST_CASE("a program is prepared once as long as it stays in the cache") {
  ProgramCache cache(2, 1u << 20);
  const auto a = variant(1), b = variant(2), c = variant(3);
  const auto first = cache.get(sha256(a), a);
  REQUIRE(first);
  CHECK(*cache.get(sha256(a), a) == *first);
  REQUIRE(cache.get(sha256(b), b));
  CHECK(*cache.get(sha256(a), a) == *first);
  // The one that was used longest ago goes.
  REQUIRE(cache.get(sha256(c), c));
  CHECK(cache.size() == 2);
  CHECK(*cache.get(sha256(a), a) == *first);
}

TEST_CASE("the cache is bounded in bytes, and larger programs run without it") {
  const auto program = variant(1);
  ProgramCache cache(16, program.size() - 1);
  CHECK(cache.get(sha256(program), program));
  CHECK(cache.size() == 0);
}

TEST_CASE("a program under a wrong digest is corrupt") {
  ProgramCache cache(2, 1u << 20);
  const auto refused = cache.get(sha256(variant(1)), variant(2));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::corrupt);
  CHECK(cache.size() == 0);
}

}  // namespace
}  // namespace forgepool::sandbox
