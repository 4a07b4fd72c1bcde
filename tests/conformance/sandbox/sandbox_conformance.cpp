/// What every sandbox does, whatever it is made of.
#include "ordinary_functions.hpp"
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

namespace forgepool::sandbox_test {
namespace {

using Kind = SandboxOutcome::Kind;

struct Backend {
  std::unique_ptr<Sandbox> owned;
  Sandbox& sandbox;

  bool lacks(SandboxLimitation limitation) const { return std::ranges::count(sandbox.limitations(), limitation) > 0; }
};

Backend make_backend(const std::string& name) {
  if (name == "linux") return {nullptr, linux_sandbox()};
  if (name == "bubblewrap") return {nullptr, bubblewrap_sandbox()};
  auto sandbox = make_in_process_sandbox({{sha256(*load_program("ordinary")), ordinary}});
  auto& borrowed = *sandbox;
  return {std::move(sandbox), borrowed};
}

/// Runs the rest of the test case once for each backend. What one cannot do it declares, and is not asked for it.
#define FOR_EACH_BACKEND(backend)                                                 \
  const std::string backend_name = GENERATE("in-process", "linux", "bubblewrap"); \
  CAPTURE(backend_name);                                                          \
  const auto backend = make_backend(backend_name)

SandboxRequest ordinary_request(std::vector<std::string> arguments) {
  return request_for("ordinary", std::move(arguments));
}

TEST_CASE("a sandbox has a name and a level, which stand in its reports") {
  FOR_EACH_BACKEND(backend);
  CHECK(backend.sandbox.name() == backend_name);
  const auto report = backend.sandbox.run(ordinary_request({}));
  CHECK(report.outcome.ok());
  CHECK(report.level == backend.sandbox.level());
  CHECK((report.level == SandboxLevel::none) == backend.lacks(SandboxLimitation::no_isolation));
}

TEST_CASE("the exit code is the program's") {
  FOR_EACH_BACKEND(backend);
  for (const int code : {0, 1, 3, 255}) {
    const auto report = backend.sandbox.run(ordinary_request({"exit", std::to_string(code)}));
    CHECK(report.outcome == SandboxOutcome{Kind::exited, code, ""});
    CHECK(report.outcome.ok() == (code == 0));
  }
}

TEST_CASE("arguments arrive as they were given") {
  FOR_EACH_BACKEND(backend);
  const std::string odd = "with spaces, \"quotes\", $HOME, \n and \xc3\xa9";
  const auto report = backend.sandbox.run(ordinary_request({"echo-arguments", "plain", "", odd, std::string(100'000, 'x')}));
  REQUIRE(report.outcome.ok());
  REQUIRE(report.outputs.size() == 4);
  CHECK(to_text(report.outputs.at("argument.0")) == "plain");
  CHECK(report.outputs.at("argument.1").empty());
  CHECK(to_text(report.outputs.at("argument.2")) == odd);
  CHECK(report.outputs.at("argument.3").size() == 100'000);
}

TEST_CASE("input files can be read, and outputs come back") {
  FOR_EACH_BACKEND(backend);
  auto request = ordinary_request({"copy-inputs"});
  request.files = {{"empty", std::make_shared<const Bytes>(), false},
                   {"bytes", std::make_shared<const Bytes>(Bytes{0, 255, 10, 0}), false},
                   {"name.with-all_kinds", std::make_shared<const Bytes>(to_bytes("text")), true}};
  const auto report = backend.sandbox.run(request);
  REQUIRE(report.outcome.ok());
  const std::map<std::string, Bytes> expected = {
      {"empty", {}}, {"bytes", {0, 255, 10, 0}}, {"name.with-all_kinds", to_bytes("text")}};
  CHECK(report.outputs == expected);
}

TEST_CASE("a run starts without outputs of the one before") {
  FOR_EACH_BACKEND(backend);
  CHECK(backend.sandbox.run(ordinary_request({"many-outputs", "3"})).outputs.size() == 3);
  CHECK(backend.sandbox.run(ordinary_request({})).outputs.empty());
}

TEST_CASE("outputs of a program that failed are not kept") {
  FOR_EACH_BACKEND(backend);
  auto request = ordinary_request({"exit", "4"});
  CHECK(backend.sandbox.run(request).outputs.empty());
}

TEST_CASE("as many outputs as allowed are collected, one more is a limit") {
  FOR_EACH_BACKEND(backend);
  auto request = ordinary_request({"many-outputs", "5"});
  request.limits.output_files = 5;
  CHECK(backend.sandbox.run(request).outputs.size() == 5);
  request.limits.output_files = 4;
  const auto report = backend.sandbox.run(request);
  CHECK(report.outcome.kind == Kind::output_limit);
  CHECK(report.outputs.empty());
}

TEST_CASE("outputs may be as large as allowed together, one byte more is a limit") {
  FOR_EACH_BACKEND(backend);
  auto request = ordinary_request({"large-output", "100000"});
  request.limits.output_bytes = 100'000;
  const auto report = backend.sandbox.run(request);
  REQUIRE(report.outcome.ok());
  CHECK(report.outputs.at("large").size() == 100'000);
  request.limits.output_bytes = 99'999;
  CHECK(backend.sandbox.run(request).outcome.kind == Kind::output_limit);
}

TEST_CASE("an output's name has to be plain") {
  FOR_EACH_BACKEND(backend);
  for (const std::string name : {"a", "A-b_c.9", "x.tar.gz"})
    CHECK(backend.sandbox.run(ordinary_request({"name-output", name})).outcome.ok());
  CHECK(backend.sandbox.run(ordinary_request({"name-output", std::string(64, 'n')})).outcome.ok());
  for (const std::string name : {".hidden", "-rf", "with space", "line\nbreak", "\xff", "a\\b"})
    CHECK(backend.sandbox.run(ordinary_request({"name-output", name})).outcome.kind == Kind::output_limit);
  CHECK(backend.sandbox.run(ordinary_request({"name-output", std::string(65, 'n')})).outcome.kind == Kind::output_limit);
}

TEST_CASE("standard output and error are kept up to their limit") {
  FOR_EACH_BACKEND(backend);
  if (backend.lacks(SandboxLimitation::no_standard_output)) {
    CHECK(backend.sandbox.run(ordinary_request({"print", "4"})).standard_output.empty());
    return;
  }
  auto request = ordinary_request({"print", "4"});
  auto report = backend.sandbox.run(request);
  CHECK(to_text(report.standard_output) == "line 0\nline 2\n");
  CHECK(to_text(report.standard_error) == "line 1\nline 3\n");
  request.arguments = {"print", "100000"};
  request.limits.stdio_bytes = 1000;
  report = backend.sandbox.run(request);
  CHECK(report.outcome.ok());
  CHECK(report.standard_output.size() == 1000);
  CHECK(report.standard_error.size() == 1000);
}

TEST_CASE("a crash is an outcome, not an error") {
  FOR_EACH_BACKEND(backend);
  const auto report = backend.sandbox.run(ordinary_request({"crash"}));
  CHECK(report.outcome.kind == Kind::signalled);
  CHECK(report.outcome.code == SIGABRT);
}

TEST_CASE("a program that waits for ever is ended by the wall-clock limit") {
  FOR_EACH_BACKEND(backend);
  auto request = ordinary_request({"wait"});
  request.limits.wall_ms = 100;
  const auto report = backend.sandbox.run(request);
  CHECK(report.outcome.kind == Kind::timed_out_wall);
  CHECK(report.usage.wall_ms >= 100);
}

TEST_CASE("a program that works for ever is ended by a limit on time") {
  FOR_EACH_BACKEND(backend);
  auto request = ordinary_request({"work"});
  request.limits.cpu_ms = 100;
  request.limits.wall_ms = 20'000;
  const bool by_wall_time = backend.lacks(SandboxLimitation::no_cpu_time_limit);
  if (by_wall_time) request.limits.wall_ms = 500;
  CHECK(backend.sandbox.run(request).outcome.kind == (by_wall_time ? Kind::timed_out_wall : Kind::timed_out_cpu));
}

TEST_CASE("a run is cancelled from another thread") {
  FOR_EACH_BACKEND(backend);
  std::atomic<bool> cancelled{false};
  auto request = ordinary_request({"wait"});
  request.cancelled = &cancelled;
  std::thread other([&] { cancelled = true; });
  const auto report = backend.sandbox.run(request);
  other.join();
  CHECK(report.outcome.kind == Kind::cancelled);
  CHECK(report.outputs.empty());
}

TEST_CASE("a run that was cancelled before it began ends as cancelled") {
  FOR_EACH_BACKEND(backend);
  const std::atomic<bool> cancelled{true};
  auto request = ordinary_request({"wait"});
  request.cancelled = &cancelled;
  CHECK(backend.sandbox.run(request).outcome.kind == Kind::cancelled);
}

TEST_CASE("a request that cannot be run is a failed set-up with the reason") {
  FOR_EACH_BACKEND(backend);
  const auto detail_of = [&](const SandboxRequest& request) {
    const auto report = backend.sandbox.run(request);
    CHECK(report.outcome.kind == Kind::setup_failed);
    return report.outcome.detail;
  };
  auto request = ordinary_request({});
  request.files.push_back({"../escape", std::make_shared<const Bytes>(), false});
  CHECK(detail_of(request).find("name") != std::string::npos);
  request = ordinary_request({});
  request.files.push_back({"secret", std::make_shared<const Bytes>(), false});
  CHECK(detail_of(request).find("same name") != std::string::npos);
  request = ordinary_request({std::string("zero\0byte", 9)});
  CHECK(detail_of(request).find("zero byte") != std::string::npos);
  request = ordinary_request({});
  request.limits.processes = 0;
  CHECK_FALSE(detail_of(request).empty());
  request = ordinary_request({});
  request.program = std::make_shared<const Bytes>(to_bytes("not a program"));
  request.program_digest = sha256(*request.program);
  CHECK_FALSE(detail_of(request).empty());
}

TEST_CASE("determinism is reported as it was enforced") {
  FOR_EACH_BACKEND(backend);
  for (const auto asked : {Determinism::none, Determinism::standard, Determinism::strict}) {
    auto request = ordinary_request({"exit", "0"});
    request.determinism = asked;
    const auto report = backend.sandbox.run(request);
    INFO(to_string(asked) << ": " << describe(report.outcome));
    CHECK(report.outcome.ok());
    if (backend.lacks(SandboxLimitation::no_strict))
      CHECK(report.determinism < Determinism::strict);
    else
      CHECK(report.determinism >= asked);
  }
}

TEST_CASE("what a backend declares that it cannot do has a name and a sentence") {
  FOR_EACH_BACKEND(backend);
  for (const auto limitation : backend.sandbox.limitations()) {
    CHECK(to_string(limitation) != "unknown");
    CHECK(describe(limitation) != "unknown");
  }
  CHECK(backend.lacks(SandboxLimitation::no_group_limits) == (backend.sandbox.level() < SandboxLevel::full));
}

TEST_CASE("programs of many processes are limited together, or it is declared that they are not") {
  FOR_EACH_BACKEND(backend);
  if (backend.lacks(SandboxLimitation::no_isolation)) return;  // Functions start no processes.
  auto request = request_for("memory_by_children");
  request.policy = {SandboxRelaxation::spawn};
  const auto kind = backend.sandbox.run(request).outcome.kind;
  CHECK(kind == (backend.lacks(SandboxLimitation::no_group_limits) ? Kind::exited : Kind::out_of_memory));
}

TEST_CASE("a forbidden system call is named") {
  FOR_EACH_BACKEND(backend);
  if (backend.lacks(SandboxLimitation::no_isolation)) return;
  const auto report = backend.sandbox.run(request_for("trace_others"));
  if (backend.lacks(SandboxLimitation::unnamed_violation)) {
    CHECK(report.outcome.kind == Kind::policy_violation);
    CHECK(report.outcome.code == -1);
    return;
  }
  CHECK(report.outcome == SandboxOutcome{Kind::policy_violation, 101, "ptrace"});
}

TEST_CASE("programs find nothing of the host, and reach nobody") {
  FOR_EACH_BACKEND(backend);
  if (backend.lacks(SandboxLimitation::no_isolation)) return;
  for (const auto* program : {"host_paths", "inherited_descriptors", "kill_everyone"}) {
    const auto report = backend.sandbox.run(request_for(program));
    INFO(program << ": " << to_text(report.standard_error));
    CHECK(describe(report.outcome) == "exited with code 0");
  }
}

TEST_CASE("programs find the surroundings that the header names, or the backend offers no determinism") {
  FOR_EACH_BACKEND(backend);
  if (backend.lacks(SandboxLimitation::other_surroundings)) {
    CHECK(ability_of(backend.sandbox, {}).determinism == Determinism::none);
    return;
  }
  if (backend.sandbox.level() == SandboxLevel::none) return;  // Functions have none.
  const auto report = backend.sandbox.run(request_for("surroundings"));
  INFO(to_text(report.standard_error));
  CHECK(describe(report.outcome) == "exited with code 0");
}

TEST_CASE("several runs at once do not mix") {
  FOR_EACH_BACKEND(backend);
  // Made here: the test framework's macros are not for several threads.
  std::vector<SandboxRequest> requests;
  for (int i = 0; i < 4; ++i) requests.push_back(ordinary_request({"echo-arguments", std::to_string(i)}));
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (const auto& request : requests)
    threads.emplace_back([&] {
      const auto report = backend.sandbox.run(request);
      if (report.outcome.ok() && to_text(report.outputs.at("argument.0")) == request.arguments.at(1)) ++right;
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 4);
}

}  // namespace
}  // namespace forgepool::sandbox_test
