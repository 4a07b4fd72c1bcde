/// Boxes that are prepared before anybody asks for them: that they are used once, and for what they were prepared for.
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <thread>

namespace forgepool::sandbox_test {
namespace {

std::unique_ptr<Sandbox> open_with(std::size_t prepared_boxes) {
  linux_sandbox();  // Skips where there is none.
  auto opened = open_linux_sandbox({SandboxLevel::namespaces, prepared_boxes});
  REQUIRE(opened);
  return std::move(*opened);
}

SandboxRequest strict_request(std::vector<std::string> arguments, const std::string& program = "ordinary") {
  auto request = request_for(program, std::move(arguments));
  request.determinism = Determinism::strict;
  request.limits.memory_bytes = 128u << 20;
  return request;
}

std::shared_ptr<const Bytes> content(const std::string& text) {
  return std::make_shared<const Bytes>(to_bytes(text));
}

TEST_CASE("each run from a prepared box has its own inputs and leaves nothing for the next", "[prepared]") {
  const auto sandbox = open_with(2);
  for (int i = 0; i < 12; ++i) {
    auto request = strict_request({"copy-inputs"});
    request.files = {{"number", content(std::to_string(i)), false}};
    if (i % 3 == 0) request.files.push_back({"only-now", content("here"), false});
    const auto report = sandbox->run(request);
    INFO("run " << i << ": " << describe(report.outcome) << " " << as_text(report.standard_error));
    REQUIRE(report.outcome.ok());
    CHECK(report.determinism == Determinism::strict);
    CHECK(report.outputs.at("number") == to_bytes(std::to_string(i)));
    CHECK(report.outputs.size() == request.files.size());
  }
}

TEST_CASE("inputs of any size reach a strict program, also such as it could not write itself", "[prepared]") {
  const auto sandbox = open_with(1);
  for (const std::size_t size : {0u, 1u, 30'000u, 40'000u, 900'000u, 3'000'000u}) {
    auto request = strict_request({}, "copy_large");
    const auto large = std::make_shared<const Bytes>(size, std::uint8_t{7});
    request.files = {{"large", large, false}, {"small", content("x"), false}};
    request.limits.output_bytes = 4u << 20;
    for (int again = 0; again < 3; ++again) {
      const auto report = sandbox->run(request);
      INFO(size << " bytes: " << describe(report.outcome) << " " << as_text(report.standard_error));
      REQUIRE(report.outcome.ok());
      CHECK((report.outputs.at("large") == *large));
    }
  }
  auto request = strict_request({"exit", "0"});
  request.files = {{"larger-than-any-output", std::make_shared<const Bytes>(5000, std::uint8_t{1}), false}};
  request.limits.output_bytes = 100;
  CHECK(sandbox->run(request).outcome.ok());
}

TEST_CASE("a box is not used for other arguments or limits than it was prepared for", "[prepared]") {
  const auto sandbox = open_with(2);
  for (int i = 0; i < 9; ++i) {
    auto request = strict_request({"exit", std::to_string(i / 3)});
    CHECK(sandbox->run(request).outcome == SandboxOutcome{SandboxOutcome::Kind::exited, i / 3, ""});
  }
  for (int i = 0; i < 4; ++i) {
    auto request = strict_request({"copy-inputs"});
    request.files = {{"file", std::make_shared<const Bytes>(2000, std::uint8_t{1}), false}};
    request.limits.output_bytes = i % 2 == 0 ? 2000 : 1000;
    CHECK(sandbox->run(request).outcome.ok() == (i % 2 == 0));
  }
}

TEST_CASE("a strict program that crashes, loops or is cancelled ends as any other, prepared or not", "[prepared]") {
  const auto sandbox = open_with(2);
  for (int i = 0; i < 4; ++i) {
    CHECK(sandbox->run(strict_request({"crash"})).outcome.kind == SandboxOutcome::Kind::signalled);
    auto endless = strict_request({}, "spin_on");
    endless.limits.wall_ms = 60;
    CHECK(sandbox->run(endless).outcome.kind == SandboxOutcome::Kind::timed_out_wall);
    const std::atomic<bool> cancelled{true};
    auto request = endless;
    request.limits.wall_ms = 60'000;
    request.cancelled = &cancelled;
    CHECK(sandbox->run(request).outcome.kind == SandboxOutcome::Kind::cancelled);
  }
}

TEST_CASE("a sandbox that ends takes its prepared boxes with it", "[prepared]") {
  // In a process of its own: other tests' sandboxes have boxes, too.
  linux_sandbox();
  const auto request = strict_request({"exit", "0"});
  const pid_t child = fork();
  if (child == 0) {
    {
      const auto sandbox = open_linux_sandbox({SandboxLevel::namespaces, 3});
      if (!sandbox) _exit(10);
      for (int i = 0; i < 4; ++i)
        if (!(*sandbox)->run(request).outcome.ok()) _exit(11);
    }
    siginfo_t info{};
    _exit(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == -1 && errno == ECHILD ? 0 : 12);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("many threads share prepared boxes", "[prepared]") {
  const auto sandbox = open_with(3);
  std::vector<SandboxRequest> requests;
  for (int i = 0; i < 40; ++i) {
    auto request = strict_request({"copy-inputs"});
    request.files = {{"number", content(std::to_string(i)), false}};
    requests.push_back(std::move(request));
  }
  std::vector<std::thread> threads;
  std::atomic<std::size_t> next{0};
  std::atomic<int> right{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (std::size_t at; (at = next++) < requests.size();) {
        const auto report = sandbox->run(requests[at]);
        if (report.outcome.ok() && report.outputs.at("number") == *requests[at].files[0].content) ++right;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 40);
}

}  // namespace
}  // namespace forgepool::sandbox_test
