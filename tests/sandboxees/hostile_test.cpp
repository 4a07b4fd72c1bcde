/// Programs that misbehave, each with the outcome that it must have. Run for real; the table is printed.
#include "hostile_programs.hpp"
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <unistd.h>
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <set>
#include <sstream>

namespace forgepool::sandbox_test {
namespace {

using Kind = SandboxOutcome::Kind;

SandboxRequest request_of(const Hostile& hostile) {
  auto request = request_for(hostile.program, hostile.arguments);
  if (hostile.may_spawn) request.policy = {SandboxRelaxation::spawn};
  if (hostile.change) hostile.change(request);
  return request;
}

std::vector<Expected> expectations(const Hostile& hostile, SandboxLevel level, Determinism determinism) {
  if (level == SandboxLevel::bubblewrap && hostile.under_bubblewrap) return {*hostile.under_bubblewrap};
  if (determinism == Determinism::strict && hostile.as_strict) return {*hostile.as_strict};
  std::vector<Expected> list = hostile.also;
  const bool groups = level == SandboxLevel::full;
  list.insert(list.begin(), groups ? hostile.expected : hostile.without_groups.value_or(hostile.expected));
  return list;
}

std::string shown(const Expected& expected) {
  return std::string(to_string(expected.kind)) + "(" + std::to_string(expected.code) + ")";
}

/// What a program tried, what had to come of it, and what came of it.
class Table {
 public:
  void add(const Hostile& hostile, const Expected& expected, const SandboxOutcome& outcome, bool right) {
    rows_ << "  " << (right ? "ok    " : "WRONG ") << std::left << std::setw(44) << hostile.title << ' ' << std::setw(24)
          << shown(expected) << ' ' << describe(outcome) << '\n';
    ++count_;
  }
  void print(const Sandbox& sandbox, Determinism determinism) const {
    std::cout << count_ << " hostile programs as user " << geteuid() << " in sandbox " << sandbox.name() << ", level "
              << to_string(sandbox.level()) << ", determinism " << to_string(determinism) << '\n'
              << rows_.str() << std::flush;
  }

 private:
  std::ostringstream rows_;
  int count_ = 0;
};

/// Runs them all and prints the table.
void check_all(Sandbox& sandbox, Determinism determinism) {
  Table table;
  for (const auto& hostile : hostile_programs()) {
    // A strict program may not be allowed to start others.
    if (determinism == Determinism::strict && hostile.may_spawn) continue;
    auto request = request_of(hostile);
    request.determinism = determinism;
    const auto report = sandbox.run(request);
    const auto expected = expectations(hostile, sandbox.level(), determinism);
    const bool right = std::ranges::any_of(
        expected, [&](const Expected& one) { return one.kind == report.outcome.kind && one.code == report.outcome.code; });
    table.add(hostile, expected.front(), report.outcome, right);
    INFO(hostile.title << ": " << describe(report.outcome) << ", expected " << shown(expected.front()));
    INFO(to_text(report.standard_error).substr(0, 500));
    CHECK(right);
    CHECK(report.level == sandbox.level());
    CHECK(report.determinism == determinism);
    CHECK(report.standard_output.size() <= request.limits.stdio_bytes);
    CHECK(report.standard_error.size() <= request.limits.stdio_bytes);
    if (!report.outcome.ok()) CHECK(report.outputs.empty());
  }
  table.print(sandbox, determinism);
}

TEST_CASE("a hostile program ends as it must", "[hostile]") {
  check_all(linux_sandbox(), Determinism::standard);
}

TEST_CASE("a hostile program that is run as strict ends as it must", "[hostile]") {
  check_all(linux_sandbox(), Determinism::strict);
}

TEST_CASE("a hostile program ends as it must under bwrap, too", "[.bubblewrap]") {
  check_all(bubblewrap_sandbox(), Determinism::standard);
}

TEST_CASE("there are many different hostile programs", "[hostile]") {
  std::set<std::string> titles;
  for (const auto& hostile : hostile_programs()) titles.insert(hostile.title);
  CHECK(titles.size() == hostile_programs().size());
  CHECK(titles.size() >= 150);
}

TEST_CASE("what is swapped while it is collected is either what the program wrote or nothing", "[hostile]") {
  auto request = request_for("actions", {"swap-outputs"});
  request.policy = {SandboxRelaxation::spawn};
  for (int i = 0; i < 20; ++i) {
    const auto report = linux_sandbox().run(request);
    INFO(describe(report.outcome));
    CHECK((report.outcome.ok() || report.outcome.kind == Kind::output_limit));
    for (const auto& [name, content] : report.outputs) {
      CHECK(name == "x");
      CHECK((content.empty() || to_text(content) == "inside"));
    }
  }
}

TEST_CASE("a program finds the same surroundings everywhere", "[hostile]") {
  const auto report = linux_sandbox().run(request_for("surroundings"));
  INFO(to_text(report.standard_error));
  CHECK(describe(report.outcome) == "exited with code 0");
}

}  // namespace
}  // namespace forgepool::sandbox_test
