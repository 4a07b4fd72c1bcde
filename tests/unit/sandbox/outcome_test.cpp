#include <forgepool/sandbox.hpp>

#include <catch2/catch_test_macros.hpp>

namespace forgepool {
namespace {

TEST_CASE("names of levels and relaxations are read back as they are written") {
  for (const auto level : {SandboxLevel::none, SandboxLevel::process, SandboxLevel::namespaces, SandboxLevel::full})
    CHECK(parse_sandbox_level(to_string(level)) == level);
  for (const auto relaxation : sandbox_relaxations) {
    CHECK(parse_sandbox_relaxation(to_string(relaxation)) == relaxation);
    CHECK(describe(relaxation) != "unknown");
  }
  for (int step = 0; step <= static_cast<int>(SandboxStep::program_start); ++step) {
    CHECK(to_string(static_cast<SandboxStep>(step)) != "unknown");
    CHECK(parse_sandbox_step(to_string(static_cast<SandboxStep>(step))) == static_cast<SandboxStep>(step));
  }
}

TEST_CASE("a policy denies what it does not name, and is read back as it is written") {
  const SandboxPolicy none;
  CHECK(none.denies_all());
  CHECK(to_string(none) == "none");
  const auto some = SandboxPolicy().allow(SandboxRelaxation::local_sockets).allow(SandboxRelaxation::spawn);
  CHECK(to_string(some) == "spawn, local_sockets");
  CHECK(some.allows(SandboxRelaxation::spawn));
  CHECK_FALSE(some.allows(SandboxRelaxation::memory_files));
  CHECK(none.within(some));
  CHECK_FALSE(some.within(none));
  CHECK(some.within(SandboxPolicy::all()));
  CHECK_FALSE(SandboxPolicy::all().within(some));
  for (const auto& policy : {none, some, SandboxPolicy::all()}) CHECK(parse_sandbox_policy(to_string(policy)) == policy);
  CHECK(parse_sandbox_policy("local_sockets,spawn") == some);
  for (const auto text : {"", "spawn,", ",spawn", "network", "spawn local_sockets", "none,spawn"}) {
    const auto refused = parse_sandbox_policy(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::invalid_input);
  }
}

TEST_CASE("a sandbox covers what is no stronger in anything") {
  const SandboxAbility needed{SandboxLevel::namespaces, Determinism::standard, {SandboxRelaxation::spawn}};
  CHECK(needed.covers(needed));
  CHECK(needed.covers({}));
  CHECK(SandboxAbility{SandboxLevel::full, Determinism::strict, SandboxPolicy::all()}.covers(needed));
  CHECK_FALSE(SandboxAbility{SandboxLevel::bubblewrap, Determinism::strict, SandboxPolicy::all()}.covers(needed));
  CHECK_FALSE(SandboxAbility{SandboxLevel::full, Determinism::none, SandboxPolicy::all()}.covers(needed));
  CHECK_FALSE(SandboxAbility{SandboxLevel::full, Determinism::strict, {}}.covers(needed));
}

TEST_CASE("a sandbox covers strict runs of its own world, and any others") {
  SandboxAbility needed{SandboxLevel::none, Determinism::strict, {}}, there = needed;
  CHECK(there.covers(needed));
  there.world = needed.world + 1;
  CHECK_FALSE(there.covers(needed));
  needed.determinism = Determinism::standard;
  CHECK(there.covers(needed));
}

TEST_CASE("a world's name is read back, and nothing like it") {
  for (const std::uint32_t world : {1u, 2u, 17u, ~0u}) CHECK(parse_world(world_name(world)) == world);
  CHECK(world_name(1) == "world/1");
  for (const auto* text : {"", "world/", "world/0", "world/01", "world/1 ", "world/-1", "World/1", "1", "world/4294967296"})
    CHECK_FALSE(parse_world(text).has_value());
}

TEST_CASE("a sandbox whose programs have other surroundings offers no determinism, whatever else it can") {
  struct Elsewhere final : Sandbox {
    std::string_view name() const override { return "elsewhere"; }
    SandboxLevel level() const override { return SandboxLevel::full; }
    std::vector<SandboxLimitation> limitations() const override { return lacking; }
    SandboxReport run(const SandboxRequest&) override { return {}; }
    std::uint32_t world() const override { return 5; }
    std::vector<SandboxLimitation> lacking;
  } sandbox;
  CHECK(ability_of(sandbox, {}) == SandboxAbility{SandboxLevel::full, Determinism::strict, {}, 5});
  sandbox.lacking = {SandboxLimitation::other_surroundings};
  CHECK(ability_of(sandbox, {}).determinism == Determinism::none);
  sandbox.lacking = {SandboxLimitation::unnamed_violation};
  CHECK(ability_of(sandbox, {}).determinism == Determinism::strict);
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
  CHECK(describe({Kind::setup_failed, 0, "no space", SandboxStep::cgroup}) ==
        "was not started because the sandbox could not be set up (cgroup): no space");
  for (int kind = 0; kind <= static_cast<int>(Kind::cancelled); ++kind) CHECK(to_string(static_cast<Kind>(kind)) != "unknown");
}

}  // namespace
}  // namespace forgepool
