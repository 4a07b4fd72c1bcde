/// A strict program shares its address space with what runs it. Whatever it does to that concerns nobody but itself.
#include "sandbox_support.hpp"

#include "sandbox/strict/layout.hpp"

#include <catch2/catch_test_macros.hpp>

#include <sys/syscall.h>
#include <algorithm>
#include <csignal>

namespace forgepool::sandbox_test {
namespace {

using Kind = SandboxOutcome::Kind;
namespace strict = sandbox::strict;

SandboxReport attack(const std::string& name) {
  std::vector<std::string> arguments{name};
  for (const auto address : {strict::gate_address, strict::resident_begin, strict::resident_end, strict::code_address})
    arguments.push_back(std::to_string(address));
  auto request = request_for("attack_loader", std::move(arguments));
  request.determinism = Determinism::strict;
  return linux_sandbox().run(request);
}

TEST_CASE("a strict program cannot undo or replace what runs it", "[hostile]") {
  for (const auto* name :
       {"map-over", "move", "forget", "block-signal", "ignore-signal", "default-signal", "own-handler", "scan-for-images"}) {
    const auto report = attack(name);
    INFO(name << ": " << describe(report.outcome) << "; " << to_text(report.standard_error));
    CHECK(report.outcome.ok());
    CHECK(report.determinism == Determinism::strict);
  }
}

TEST_CASE("a strict program that takes away what runs it has nothing to run on", "[hostile]") {
  for (const auto* name : {"unmap", "protect"}) {
    const auto report = attack(name);
    INFO(name << ": " << describe(report.outcome) << "; " << to_text(report.standard_error));
    CHECK(report.outcome == SandboxOutcome{Kind::signalled, SIGSEGV, ""});
  }
}

TEST_CASE("through the gate a strict program gets no more than an ordinary one", "[hostile]") {
  CHECK(attack("forbidden-by-gate").outcome == SandboxOutcome{Kind::policy_violation, SYS_ptrace, "ptrace"});
  CHECK(attack("execute-by-gate").outcome == SandboxOutcome{Kind::policy_violation, SYS_execve, "execve"});
  for (const auto* name : {"thread-by-gate", "executable-by-gate"}) {
    const auto report = attack(name);
    INFO(name << ": " << describe(report.outcome) << "; " << to_text(report.standard_error));
    CHECK(report.outcome.ok());
  }
}

}  // namespace
}  // namespace forgepool::sandbox_test
