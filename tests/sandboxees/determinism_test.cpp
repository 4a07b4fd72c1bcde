/// A strict program gives the same answers whenever, wherever and by whomever it is run. tests/sandboxees/nondeterminism asks.
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <thread>

namespace forgepool::sandbox_test {
namespace {

constexpr int runs = 20;

SandboxRequest probe_request(Determinism determinism, std::vector<std::string> arguments = {}) {
  auto request = request_for("nondeterminism", std::move(arguments));
  request.determinism = determinism;
  request.seed = sha256("a seed");
  request.limits.memory_bytes = 256u << 20;
  request.limits.stdio_bytes = 256u << 10;
  return request;
}

std::vector<std::string> lines_of(const SandboxReport& report) {
  std::istringstream stream{std::string(as_text(report.standard_output))};
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// By source, what was seen there.
using Answers = std::map<std::string, std::set<std::string>>;

/// Takes up the processors, so that runs are interrupted and moved.
class Load {
 public:
  Load() {
    for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i)
      threads_.emplace_back([this] {
        while (!stop_) count_ = count_ + 1;
      });
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> count_{0};
  std::vector<std::thread> threads_;
};

Answers ask(Determinism determinism) {
  const Load load;
  Answers answers;
  for (int run = 0; run < runs; ++run) {
    const auto report = linux_sandbox().run(probe_request(determinism));
    INFO(describe(report.outcome) << ", standard error: " << as_text(report.standard_error));
    REQUIRE(report.outcome.ok());
    REQUIRE(report.determinism == determinism);
    for (const auto& line : lines_of(report)) {
      const auto equals = line.find('=');
      answers[line.substr(0, equals)].insert(line.substr(std::min(equals, line.size() - 1) + 1));
    }
  }
  return answers;
}

TEST_CASE("a strict program sees the same in twenty runs, whatever it looks at", "[determinism]") {
  const auto standard = ask(Determinism::standard);
  const auto strict = ask(Determinism::strict);
  CHECK(strict.size() >= 100);
  CHECK(strict.size() == standard.size());
  std::size_t different = 0;
  std::printf("%-46s %10s %10s  %s\n", "source", "standard", "strict", "what a strict program sees");
  for (const auto& [source, seen] : strict) {
    const auto elsewhere = standard.find(source);
    const auto before = elsewhere == standard.end() ? 0 : elsewhere->second.size();
    different += before > 1;
    std::printf("%-46s %10zu %10zu  %.60s\n", source.c_str(), before, seen.size(), seen.begin()->c_str());
    INFO(source << ": " << *seen.begin() << " and " << *seen.rbegin());
    CHECK(seen.size() == 1);
  }
  std::printf("%zu sources; of %d runs, standard differs in %zu of them\n", strict.size(), runs, different);
  // The check can fail: without strict it does.
  CHECK(different >= 20);
}

TEST_CASE("a strict program that does what cannot be made the same is ended", "[determinism]") {
  const auto listed = linux_sandbox().run(probe_request(Determinism::strict, {"refused"}));
  const auto names = lines_of(listed);
  CHECK(names.size() >= 8);
  for (const auto& name : names) {
    const auto report = linux_sandbox().run(probe_request(Determinism::strict, {name}));
    INFO(name << ": " << describe(report.outcome));
    CHECK(report.outcome.kind == SandboxOutcome::Kind::policy_violation);
    CHECK(report.standard_output.empty());
    std::printf("%-46s refused: %s\n", name.c_str(), describe(report.outcome).c_str());
  }
}

TEST_CASE("the seed decides what is random for a strict program, and nothing else", "[determinism]") {
  auto request = probe_request(Determinism::strict);
  const auto one = lines_of(linux_sandbox().run(request));
  request.seed = sha256("another seed");
  const auto other = lines_of(linux_sandbox().run(request));
  REQUIRE(one.size() == other.size());
  std::set<std::string> differing;
  for (std::size_t i = 0; i < one.size(); ++i)
    if (one[i] != other[i]) differing.insert(one[i].substr(0, one[i].find('=')));
  CHECK(differing == std::set<std::string>{"getrandom", "getrandom, much", "getentropy", "/dev/urandom", "/dev/random",
                                           "copy of a descriptor of /dev/urandom", "stream of /dev/urandom", "arc4random",
                                           "AT_RANDOM", "stack protector's canary", "pointer guard"});
}

constexpr const char* answers_variable = "FORGEPOOL_EXPECTED_ANSWERS";

std::string digest_of_answers() {
  std::string all;
  for (const auto& line : lines_of(linux_sandbox().run(probe_request(Determinism::strict)))) all += line + "\n";
  return sha256(all).hex();
}

TEST_CASE("a strict program sees the same as under another user and level of isolation", "[.same-answers]") {
  const char* const expected = std::getenv(answers_variable);
  REQUIRE(expected);
  CHECK(digest_of_answers() == expected);
}

TEST_CASE("strict is strict for an agent without privileges, and the same as for root", "[as-root]") {
  if (geteuid() != 0) SKIP("this is the run without privileges");
  setenv(answers_variable, digest_of_answers().c_str(), 1);
  CHECK(run_again_unprivileged({"--colour-mode", "none", "[determinism],[same-answers]"}) == 0);
  unsetenv(answers_variable);
}

}  // namespace
}  // namespace forgepool::sandbox_test
