#include <forgepool/sandbox.hpp>

#include <catch2/catch_test_macros.hpp>

namespace forgepool {
namespace {

TEST_CASE("names of levels and relaxations are read back as they are written") {
  for (const auto level : {SandboxLevel::none, SandboxLevel::process, SandboxLevel::namespaces, SandboxLevel::full})
    CHECK(parse_sandbox_level(to_string(level)) == level);
  CHECK(parse_sandbox_relaxation(to_string(SandboxRelaxation::spawn)) == SandboxRelaxation::spawn);
}

TEST_CASE("an unknown level is refused with the ones that exist") {
  for (const auto text : {"", "Full", "full ", "maximum"}) {
    const auto level = parse_sandbox_level(text);
    REQUIRE_FALSE(level);
    CHECK(level.error().kind == ErrorKind::invalid_input);
    CHECK(level.error().message.find("none, process, bubblewrap, namespaces, full") != std::string::npos);
  }
  CHECK_FALSE(parse_sandbox_relaxation("network"));
}

TEST_CASE("outcomes are described in words") {
  using Kind = SandboxOutcome::Kind;
  CHECK(describe({Kind::exited, 3, ""}) == "exited with code 3");
  CHECK(describe({Kind::signalled, 11, ""}) == "ended by signal 11");
  CHECK(describe({Kind::policy_violation, 101, "ptrace"}) == "made the forbidden system call 101: ptrace");
  CHECK(describe({Kind::out_of_memory, 0, ""}) == "ran out of memory");
  for (int kind = 0; kind <= static_cast<int>(Kind::cancelled); ++kind) CHECK(to_string(static_cast<Kind>(kind)) != "unknown");
}

}  // namespace
}  // namespace forgepool
