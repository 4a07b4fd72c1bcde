#include "sandbox/program_image.hpp"
#include "machine_code/elf.hpp"
#include "sandbox/box_init_image.hpp"
#include "sandbox/probe_images.hpp"

#include <catch2/catch_test_macros.hpp>

#include <elf.h>

#include <cstring>
#include <random>

namespace forgepool::sandbox {
namespace {

using machine_code::check_static_elf;

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

SandboxRequest request_of(Bytes program, Determinism determinism = Determinism::standard) {
  SandboxRequest request;
  request.program_digest = sha256(program);
  request.program = std::make_shared<const Bytes>(std::move(program));
  request.determinism = determinism;
  return request;
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
  const auto a = request_of(variant(1)), b = request_of(variant(2)), c = request_of(variant(3));
  const auto first = cache.get(a);
  REQUIRE(first);
  CHECK(*cache.get(a) == *first);
  REQUIRE(cache.get(b));
  CHECK(*cache.get(a) == *first);
  // The one that was used longest ago goes.
  REQUIRE(cache.get(c));
  CHECK(cache.size() == 2);
  CHECK(*cache.get(a) == *first);
}

TEST_CASE("a program that is run in two classes has an image for each") {
  ProgramCache cache(4, 4u << 20);
  const auto probe = strict_probe_image();
  const Bytes program(probe.begin(), probe.end());
  const auto standard = cache.get(request_of(program)), strict = cache.get(request_of(program, Determinism::strict));
  REQUIRE(standard);
  REQUIRE(strict);
  CHECK((*standard)->rewritten_count == 0);
  CHECK((*strict)->rewritten_count > 5);
  CHECK((*strict)->rewritten_offset % 4096 == 0);
  CHECK(*cache.get(request_of(program)) == *standard);
  CHECK(cache.size() == 2);
}

TEST_CASE("memory that can be written and executed is refused, unless the request allows it, also of a program in the cache") {
  auto program = static_program();
  Elf64_Ehdr header;
  std::memcpy(&header, program.data(), sizeof header);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    auto* const at = program.data() + header.e_phoff + i * sizeof segment;
    std::memcpy(&segment, at, sizeof segment);
    if (segment.p_type == PT_LOAD) segment.p_flags |= PF_W | PF_X;
    std::memcpy(at, &segment, sizeof segment);
  }
  ProgramCache cache(4, 4u << 20);
  auto allowed = request_of(program);
  allowed.policy = {SandboxRelaxation::executable_memory};
  CHECK(cache.get(allowed));
  const auto refused = cache.get(request_of(program));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("written and executed") != std::string::npos);
  CHECK_FALSE(cache.get(request_of(program, Determinism::strict)));
}

TEST_CASE("the cache is bounded in bytes, and larger programs run without it") {
  const auto program = variant(1);
  ProgramCache cache(16, program.size() - 1);
  CHECK(cache.get(request_of(program)));
  CHECK(cache.size() == 0);
}

TEST_CASE("a program under a wrong digest is corrupt") {
  ProgramCache cache(2, 1u << 20);
  auto request = request_of(variant(2));
  request.program_digest = sha256(variant(1));
  const auto refused = cache.get(request);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::corrupt);
  CHECK(cache.size() == 0);
}

}  // namespace
}  // namespace forgepool::sandbox
