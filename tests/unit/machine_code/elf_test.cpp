#include "machine_code/elf.hpp"

#include "code_elf.hpp"

#include <catch2/catch_test_macros.hpp>

#include <random>

using namespace forgepool;
using namespace forgepool::test;

namespace {

/// A program with a second segment like that.
Bytes with_segment(std::uint32_t type, std::uint32_t flags) {
  Bytes elf = function_of({0xc3});
  Elf64_Ehdr header;
  std::memcpy(&header, elf.data(), sizeof header);
  Elf64_Phdr segments[2];
  std::memcpy(segments, elf.data() + header.e_phoff, sizeof segments[0]);
  segments[1] = {};
  segments[1].p_type = type;
  segments[1].p_flags = flags;
  header.e_phoff = elf.size();
  header.e_phnum = 2;
  append_value(elf, segments);
  std::memcpy(elf.data(), &header, sizeof header);
  return elf;
}

}  // namespace

TEST_CASE("memory that can be written or executed, not both, is what a program may have") {
  CHECK(machine_code::check_write_or_execute(function_of({0xc3})));
  CHECK(machine_code::check_write_or_execute(with_segment(PT_LOAD, PF_R | PF_W)));
  CHECK(machine_code::check_write_or_execute(with_segment(PT_LOAD, PF_R | PF_X)));
  CHECK(machine_code::check_write_or_execute(with_segment(PT_GNU_STACK, PF_R | PF_W)));
  // Notes are not memory.
  CHECK(machine_code::check_write_or_execute(with_segment(PT_NOTE, PF_R | PF_W | PF_X)));
}

TEST_CASE("a segment that can be written and executed is refused, and so is such a stack; the message says what to do") {
  const auto segment = machine_code::check_write_or_execute(with_segment(PT_LOAD, PF_R | PF_W | PF_X));
  REQUIRE_FALSE(segment);
  CHECK(segment.error().kind == ErrorKind::unsupported);
  CHECK(segment.error().message.find("segment (number 1)") != std::string::npos);
  CHECK_FALSE(machine_code::check_write_or_execute(with_segment(PT_LOAD, PF_W | PF_X)));
  const auto stack = machine_code::check_write_or_execute(with_segment(PT_GNU_STACK, PF_R | PF_W | PF_X));
  REQUIRE_FALSE(stack);
  CHECK(stack.error().message.find("-z,noexecstack") != std::string::npos);
}

TEST_CASE("what is no ELF, or cut short, is looked at no further than it goes") {
  CHECK(machine_code::check_write_or_execute({}));
  CHECK(machine_code::check_write_or_execute(as_bytes("#!/bin/sh\n")));
  const auto whole = with_segment(PT_LOAD, PF_R | PF_W | PF_X);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of the exact size, so that a sanitizer sees the end.
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    static_cast<void>(machine_code::check_write_or_execute(cut).has_value());
    static_cast<void>(machine_code::check_static_elf(cut).has_value());
  }
}
