/// The policy's relaxations, each for real: what it is for is refused without it and works with it, and nothing else does.
#include "hostile_programs.hpp"
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>

namespace forgepool::sandbox_test {
namespace {

using Kind = SandboxOutcome::Kind;

SandboxRequest request_to(SandboxRelaxation relaxation, const SandboxPolicy& policy) {
  auto request = request_for("relaxations", {std::string(to_string(relaxation))});
  request.files.push_back({"child", request_for("ordinary").program, true});
  request.policy = policy;
  return request;
}

bool is_refusal(SandboxRelaxation relaxation, const SandboxOutcome& outcome) {
  if (relaxation == SandboxRelaxation::spawn) return outcome.kind == Kind::policy_violation;
  return outcome.kind == Kind::exited && outcome.code == 42;
}

TEST_CASE("what a relaxation is for works with it and is refused without, whatever else is allowed", "[relaxations]") {
  for (const auto wanted : sandbox_relaxations) {
    for (unsigned bits = 0; bits < 1u << std::size(sandbox_relaxations); ++bits) {
      SandboxPolicy policy;
      for (const auto relaxation : sandbox_relaxations)
        if (bits >> static_cast<unsigned>(relaxation) & 1) policy.allow(relaxation);
      const auto report = linux_sandbox().run(request_to(wanted, policy));
      INFO(to_string(wanted) << " with policy " << to_string(policy) << ": " << describe(report.outcome) << " "
                             << as_text(report.standard_error));
      if (policy.allows(wanted))
        CHECK(report.outcome == SandboxOutcome{Kind::exited, 0, ""});
      else
        CHECK(is_refusal(wanted, report.outcome));
    }
  }
}

TEST_CASE("a strict request with relaxations is not run", "[relaxations]") {
  for (const auto relaxation : sandbox_relaxations) {
    auto request = request_to(relaxation, {relaxation});
    request.determinism = Determinism::strict;
    const auto report = linux_sandbox().run(request);
    CHECK(report.outcome.kind == Kind::setup_failed);
    CHECK(report.outcome.step == SandboxStep::request);
  }
}

/// Programs whose subject is what a relaxation allows.
constexpr std::array about_relaxations = {"memory-files", "seals", "change-own-code", "change-segment-32"};

TEST_CASE("a hostile program ends as it must with every relaxation that is not about processes, too", "[relaxations]") {
  const SandboxPolicy relaxed{SandboxRelaxation::memory_files, SandboxRelaxation::local_sockets,
                              SandboxRelaxation::executable_memory};
  const bool groups = linux_sandbox().level() == SandboxLevel::full;
  for (const auto& hostile : hostile_programs()) {
    if (hostile.program == "sockets" || hostile.program == "executable_memory") continue;
    if (!hostile.arguments.empty() && std::ranges::count(about_relaxations, hostile.arguments[0]) > 0) continue;
    auto request = request_for(hostile.program, hostile.arguments);
    if (hostile.change) hostile.change(request);
    request.policy = relaxed;
    if (hostile.may_spawn) request.policy.allow(SandboxRelaxation::spawn);
    const auto report = linux_sandbox().run(request);
    auto expected = hostile.also;
    expected.push_back(groups ? hostile.expected : hostile.without_groups.value_or(hostile.expected));
    INFO(hostile.title << ": " << describe(report.outcome) << ", expected " << to_string(expected.back().kind) << "("
                       << expected.back().code << ") " << to_text(report.standard_error).substr(0, 300));
    CHECK(std::ranges::any_of(
        expected, [&](const Expected& one) { return one.kind == report.outcome.kind && one.code == report.outcome.code; }));
  }
}

}  // namespace
}  // namespace forgepool::sandbox_test
