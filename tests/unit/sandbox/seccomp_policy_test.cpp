#include "sandbox/seccomp_policy.hpp"

#include <catch2/catch_test_macros.hpp>

namespace forgepool::sandbox {
namespace {

constexpr std::uint32_t x86_64 = 0xc000003e;

TEST_CASE("filters compile, and a relaxation changes them") {
  const auto strict = compile_policy({});
  REQUIRE(strict);
  CHECK_FALSE(strict->empty());
  CHECK(strict->size() < 4096);
  const auto relaxed = compile_policy({SandboxRelaxation::spawn});
  REQUIRE(relaxed);
  CHECK(relaxed->size() > strict->size());
}

TEST_CASE("the same policy compiles to the same filter") {
  const auto first = compile_policy({});
  const auto second = compile_policy({});
  REQUIRE(first);
  REQUIRE(second);
  REQUIRE(first->size() == second->size());
  for (std::size_t i = 0; i < first->size(); ++i) {
    CHECK((*first)[i].code == (*second)[i].code);
    CHECK((*first)[i].k == (*second)[i].k);
  }
}

TEST_CASE("a rule for a name that is not known is left out") {
  SeccompPolicyBuilder builder;
  CHECK(builder.allow("no_such_call").allow("read").compile());
}

TEST_CASE("system calls are named, also those of other kinds") {
  CHECK(system_call_name(x86_64, 101) == "ptrace");
  CHECK(system_call_name(x86_64, 0x40000000 | 39) == "getpid (x32)");
  CHECK(system_call_name(x86_64, -1) == "call -1");
  CHECK(system_call_name(x86_64, 99999) == "call 99999");
  CHECK(system_call_name(0x40000003, 20) == "32-bit call 20");
}

}  // namespace
}  // namespace forgepool::sandbox
