#include "sandbox/seccomp_policy.hpp"

#include "decide.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cerrno>

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

seccomp_data call(int number, std::initializer_list<std::uint64_t> arguments = {}) {
  seccomp_data data{};
  data.nr = number;
  data.arch = x86_64;
  std::copy(arguments.begin(), arguments.end(), data.args);
  return data;
}

TEST_CASE("what is not named does not exist, whatever its number") {
  const auto filter = compile_policy({});
  REQUIRE(filter);
  for (const int number : {425, 437, 444, 450, 462, 511, 512, 600, 0x3fffffff, -1}) {
    INFO(number);
    CHECK(decide(*filter, call(number)) == (SECCOMP_RET_ERRNO | ENOSYS));
  }
  for (const int number : {0x40000000, 0x40000000 | 39, 0x7fffffff})
    CHECK(decide(*filter, call(number)) == SECCOMP_RET_USER_NOTIF);
}

TEST_CASE("a call's own answer holds where none of its conditions does, and the conditions hold for all 64 bits") {
  SeccompPolicyBuilder builder;
  builder.allow_if("prctl", {{0, 0xffffffff, 15}, {1, ~0ull, 1ull << 40}}).otherwise_refuse("prctl", EINVAL);
  builder.refuse_if("prlimit64", {{2, ~0ull, 0, true}}, EPERM).otherwise_violation("prlimit64");
  const auto filter = builder.compile();
  REQUIRE(filter);
  CHECK(decide(*filter, call(157, {15, 1ull << 40})) == SECCOMP_RET_ALLOW);
  CHECK(decide(*filter, call(157, {15 | 1ull << 50, 1ull << 40})) == SECCOMP_RET_ALLOW);
  CHECK(decide(*filter, call(157, {15, 1ull << 41})) == (SECCOMP_RET_ERRNO | EINVAL));
  CHECK(decide(*filter, call(157, {15, 1ull << 40 | 1})) == (SECCOMP_RET_ERRNO | EINVAL));
  for (const std::uint64_t pointer : {1ull, 1ull << 32, ~0ull})
    CHECK(decide(*filter, call(302, {0, 0, pointer})) == (SECCOMP_RET_ERRNO | EPERM));
  CHECK(decide(*filter, call(302, {0, 0, 0})) == SECCOMP_RET_USER_NOTIF);
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
