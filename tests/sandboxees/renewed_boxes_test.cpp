/// Boxes in which more than one strict program runs, one after the other: that none sees anything of those before it, and that
/// whoever does not end well is the last one in his box.
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

namespace forgepool::sandbox_test {
namespace {

using Kind = SandboxOutcome::Kind;

std::unique_ptr<Sandbox> open_with(std::size_t prepared_boxes) {
  linux_sandbox();  // Skips where there is none.
  auto opened = open_linux_sandbox({SandboxLevel::namespaces, prepared_boxes});
  REQUIRE(opened);
  return std::move(*opened);
}

SandboxRequest request_with(const std::vector<std::string>& files, const std::string& program = "leave_traces") {
  auto request = request_for(program);
  request.determinism = Determinism::strict;
  request.seed = sha256(to_bytes("seed"));
  request.owner = "one job";
  for (const auto& name : files)
    request.files.push_back({name, std::make_shared<const Bytes>(to_bytes("content of " + name)), false});
  return request;
}

/// The first processes of this process's boxes.
std::set<pid_t> boxes() {
  return children_of(getpid(), "forgepool-box");
}

std::set<pid_t> common(const std::set<pid_t>& left, const std::set<pid_t>& right) {
  std::set<pid_t> result;
  std::ranges::set_intersection(left, right, std::inserter(result, result.end()));
  return result;
}

/// They are taken down in the background.
void wait_until_gone(const std::set<pid_t>& used) {
  for (const auto pid : used) {
    const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (process < 0) continue;  // Gone already.
    pollfd ended{process, POLLIN, 0};
    CHECK(poll(&ended, 1, 60'000) == 1);
    close(process);
  }
}

/// Runs until a box of this sandbox has outlived several runs in it: with one box in all, each run after the first few was
/// there.
std::set<pid_t> run_until_renewed(Sandbox& sandbox, const std::set<pid_t>& others, const SandboxRequest& request) {
  int together = 0;
  std::set<pid_t> before;
  for (int i = 0; i < 300 && together < 5; ++i) {
    const auto report = sandbox.run(request);
    INFO(describe(report.outcome) << " " << as_text(report.standard_error));
    REQUIRE(report.outcome.ok());
    std::set<pid_t> now;
    for (const auto pid : boxes())
      if (!others.contains(pid)) now.insert(pid);
    together = common(before, now).empty() ? 0 : together + 1;
    before = std::move(now);
  }
  REQUIRE(together == 5);
  return before;
}

TEST_CASE("a strict program finds no trace of those who ran in its box before", "[renewed]") {
  const auto others = boxes();
  const auto sandbox = open_with(1);
  const auto request = request_with({"a", "b"});
  const auto first = sandbox->run(request);
  INFO(describe(first.outcome) << " " << as_text(first.standard_error));
  REQUIRE(first.outcome.ok());
  run_until_renewed(*sandbox, others, request);
  for (int i = 0; i < 30; ++i) {
    // Others in between, with other files.
    std::vector<std::string> names;
    for (int file = 0; file < i % 7; ++file) names.push_back("file-" + std::to_string(file * i));
    REQUIRE(sandbox->run(request_with(names)).outcome.ok());
    const auto report = sandbox->run(request);
    INFO("run " << i << ": " << describe(report.outcome) << " " << as_text(report.standard_error));
    REQUIRE(report.outcome.ok());
    CHECK(to_text(report.outputs.at("seen")) == to_text(first.outputs.at("seen")));
    CHECK(report.outputs.size() == 1);
    CHECK(report.standard_output == first.standard_output);
    CHECK(report.standard_error == first.standard_error);
  }
}

TEST_CASE("a run that says not whose it is has a box of its own", "[renewed]") {
  const auto others = boxes();
  const auto sandbox = open_with(1);
  auto request = request_with({});
  request.owner.clear();
  for (int i = 0; i < 5; ++i) REQUIRE(sandbox->run(request).outcome.ok());
  std::set<pid_t> waiting;
  for (const auto pid : boxes())
    if (!others.contains(pid)) waiting.insert(pid);
  for (int i = 0; i < 5; ++i) REQUIRE(sandbox->run(request).outcome.ok());
  wait_until_gone(waiting);
}

TEST_CASE("a box is not used again after a program that did not end well", "[renewed]") {
  const auto others = boxes();
  const auto sandbox = open_with(1);
  for (const auto& [file, kind] :
       {std::pair{"crash", Kind::signalled}, {"fail", Kind::exited}, {"forbidden", Kind::policy_violation}}) {
    const auto used = run_until_renewed(*sandbox, others, request_with({}));
    const auto report = sandbox->run(request_with({file}));
    INFO(file << ": " << describe(report.outcome));
    CHECK(report.outcome.kind == kind);
    CHECK_FALSE(report.outcome.ok());
    wait_until_gone(used);
  }
}

TEST_CASE("each run in a renewed box is measured and limited by itself", "[renewed]") {
  const auto others = boxes();
  const auto sandbox = open_with(1);
  auto request = request_for("ordinary", {"large-output", "9000000"});
  request.determinism = Determinism::strict;
  request.limits.memory_bytes = 32u << 20;
  request.limits.output_bytes = 10u << 20;
  request.owner = "one job";
  run_until_renewed(*sandbox, others, request);
  const auto reference = sandbox->run(request).usage;
  for (int i = 0; i < 12; ++i) {
    // Four of them together would not fit into the limit.
    const auto report = sandbox->run(request);
    INFO("run " << i << ": " << describe(report.outcome));
    REQUIRE(report.outcome.ok());
    CHECK(report.outputs.at("large").size() == 9'000'000);
    CHECK(report.usage.peak_memory_bytes < reference.peak_memory_bytes + (4u << 20));
    CHECK(report.usage.cpu_ms < 1000);
  }
}

TEST_CASE("whatever little a strict program has changed in its folders, the next one finds them new", "[renewed]") {
  const auto others = boxes();
  const auto sandbox = open_with(1);
  const auto look = request_with({"look"}, "leave_little");
  const auto first = sandbox->run(look);
  INFO(describe(first.outcome) << " " << as_text(first.standard_error));
  REQUIRE(first.outcome.ok());
  CHECK(as_text(first.standard_output).find("times its own") != std::string::npos);
  run_until_renewed(*sandbox, others, look);
  for (const auto* way : {"nothing", "file", "folder", "link", "fifo", "unnamed", "mode", "mode-and-back", "both-times",
                          "time-of-access", "time-of-modification"})
    for (int i = 0; i < 3; ++i) {
      // Twice nothing before: then the folders are those of an earlier run.
      const auto unchanged = request_with({"nothing"}, "leave_little");
      for (int k = 0; k < 2; ++k) REQUIRE(sandbox->run(unchanged).outcome.ok());
      const auto left = sandbox->run(request_with({way}, "leave_little"));
      INFO(way << ": " << describe(left.outcome) << " " << as_text(left.standard_error));
      REQUIRE(left.outcome.ok());
      CHECK(as_text(sandbox->run(look).standard_output) == as_text(first.standard_output));
    }
}

TEST_CASE("a strict program sees the same in a renewed box as in a new one, whatever it looks at", "[renewed]") {
  const auto others = boxes();
  const auto sandbox = open_with(1);
  auto request = request_with({}, "nondeterminism");
  request.owner.clear();
  const auto first = sandbox->run(request);
  INFO(describe(first.outcome) << " " << as_text(first.standard_error));
  REQUIRE(first.outcome.ok());
  CHECK(first.standard_output.size() > 1000);
  request.owner = "one job";
  run_until_renewed(*sandbox, others, request);
  for (int i = 0; i < 5; ++i) CHECK(as_text(sandbox->run(request).standard_output) == as_text(first.standard_output));
}

/// The processes of these boxes with that name.
std::set<pid_t> inside(const std::set<pid_t>& boxes, std::string_view name) {
  std::set<pid_t> found;
  for (const auto box : boxes) found.merge(children_of(box, name));
  return found;
}

TEST_CASE("the stem of a box outlives its runs, and a box whose stem is gone is not used again", "[renewed]") {
  const auto others = boxes();
  const auto sandbox = open_with(1);
  const auto request = request_with({});
  auto used = run_until_renewed(*sandbox, others, request);
  // Until then the process of the next run has the stem's name, too.
  while (inside(used, "program").size() < used.size() && common(used, boxes()) == used) std::this_thread::yield();
  const auto stems = inside(used, "forgepool-stem");
  CHECK(stems.size() == used.size());
  REQUIRE(sandbox->run(request).outcome.ok());
  CHECK(common(stems, inside(used, "forgepool-stem")) == stems);
  for (const auto stem : stems) {
    // The processor time of all runs together is not one run's.
    rlimit limit{};
    if (prlimit(stem, RLIMIT_CPU, nullptr, &limit) == 0) CHECK(limit.rlim_max == RLIM_INFINITY);
    // It has forked the process of the next run: that one is not the stem's loss.
    while (inside(used, "program").size() < stems.size() && common(used, boxes()) == used) std::this_thread::yield();
    REQUIRE(kill(stem, SIGKILL) == 0);
  }
  for (int i = 0; i < 5; ++i) CHECK(describe(sandbox->run(request).outcome) == "exited with code 0");
  wait_until_gone(used);
}

}  // namespace
}  // namespace forgepool::sandbox_test
