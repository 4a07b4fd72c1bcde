/// The agent's side: what the host process is and does must not matter to a run.
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <thread>

namespace forgepool::sandbox_test {
namespace {

/// Waits for an event that the other process will bring about, without a fixed time.
template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

/// Kills an agent in the middle of a run and waits until everything that it has started is gone.
void kill_in_the_middle(Sandbox& (*sandbox)(), std::string_view box) {
  sandbox();
  const auto children_before = children_of(getpid());
  // Orphans come to us, so that we see what becomes of the box.
  REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  const auto request = request_for("sleep_on");
  const pid_t agent = fork();
  if (agent == 0) {
    sandbox().run(request);
    _exit(1);
  }
  wait_until([&] { return !children_of(agent, box).empty(); });
  REQUIRE(kill(agent, SIGKILL) == 0);
  int status = 0;
  REQUIRE(waitpid(agent, &status, 0) == agent);
  CHECK(WIFSIGNALED(status));
  // What it has started is now our child and ends by itself; with it everything in the box.
  int orphans = 0;
  wait_until([&] {
    const bool alone = children_of(getpid()) == children_before;
    while (waitpid(-1, &status, WNOHANG | __WALL) > 0) ++orphans;
    return alone;
  });
  CHECK(orphans > 0);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("a box dies with the agent that is killed", "[supervisor]") {
  kill_in_the_middle(linux_sandbox, "forgepool-box");
}

TEST_CASE("a box under bwrap dies with the agent that is killed", "[supervisor]") {
  kill_in_the_middle(bubblewrap_sandbox, "bwrap");
}

TEST_CASE("a zygote that is killed is replaced, and its boxes with it", "[supervisor]") {
  const auto opened = open_linux_sandbox({SandboxLevel::namespaces, 0});
  REQUIRE(opened);
  for (int i = 0; i < 3; ++i) {
    for (const auto zygote : children_of(getpid(), "forgepool-zygot")) REQUIRE(kill(zygote, SIGKILL) == 0);
    CHECK(describe((*opened)->run(request_for("ordinary", {"exit", "5"})).outcome) == "exited with code 5");
  }
}

TEST_CASE("a host that ignores SIGCHLD gets the right outcomes", "[supervisor]") {
  auto& sandbox = linux_sandbox();
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  const auto report = sandbox.run(request_for("ordinary", {"exit", "5"}));
  std::signal(SIGCHLD, before);
  CHECK(describe(report.outcome) == "exited with code 5");
}

TEST_CASE("dispositions and masks of the host's signals do not reach a program", "[supervisor]") {
  auto& sandbox = linux_sandbox();
  const auto before = std::signal(SIGTERM, SIG_IGN);
  sigset_t all, mask;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask);
  const auto report = sandbox.run(request_for("fake_violation", {std::to_string(SIGTERM)}));
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  std::signal(SIGTERM, before);
  CHECK(report.outcome == SandboxOutcome{SandboxOutcome::Kind::signalled, SIGTERM, ""});
}

TEST_CASE("a host with descriptors that are not close-on-exec does not hand them on", "[supervisor]") {
  auto& sandbox = linux_sandbox();
  std::vector<int> open;
  for (int i = 0; i < 300; ++i) open.push_back(dup(1));
  const auto report = sandbox.run(request_for("inherited_descriptors"));
  for (const int fd : open) close(fd);
  INFO(to_text(report.standard_error));
  CHECK(report.outcome.ok());
}

TEST_CASE("an agent that keeps its own memory from being dumped can run programs", "[supervisor]") {
  auto& sandbox = linux_sandbox();
  const int before = prctl(PR_GET_DUMPABLE);
  REQUIRE(prctl(PR_SET_DUMPABLE, 0) == 0);
  const auto report = sandbox.run(request_for("ordinary", {"exit", "5"}));
  prctl(PR_SET_DUMPABLE, before);
  CHECK(describe(report.outcome) == "exited with code 5");
}

TEST_CASE("cancelling ends a run that is under way", "[supervisor]") {
  auto& sandbox = linux_sandbox();
  std::atomic<bool> cancelled{false};
  auto request = request_for("sleep_on");
  request.cancelled = &cancelled;
  std::thread other([&] { cancelled = true; });
  const auto report = sandbox.run(request);
  other.join();
  CHECK(report.outcome.kind == SandboxOutcome::Kind::cancelled);
}

TEST_CASE("a program that does not have the digest it is asked for by is not run", "[supervisor]") {
  auto request = request_for("ordinary");
  request.program_digest.bytes[0] ^= 1;
  const auto report = linux_sandbox().run(request);
  CHECK(report.outcome.kind == SandboxOutcome::Kind::setup_failed);
  CHECK(report.outcome.detail.find("digest") != std::string::npos);
}

TEST_CASE("a dynamically linked program is refused with the reason", "[supervisor]") {
  auto request = request_for("ordinary");
  std::ifstream file("/proc/self/exe", std::ios::binary);
  request.program = std::make_shared<const Bytes>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  request.program_digest = sha256(*request.program);
  const auto report = linux_sandbox().run(request);
  CHECK(report.outcome.kind == SandboxOutcome::Kind::setup_failed);
  CHECK(report.outcome.detail.find("dynamic linker") != std::string::npos);
}

TEST_CASE("usage is measured", "[supervisor]") {
  auto request = request_for("ordinary", {"work"});
  request.limits.cpu_ms = 200;
  const auto report = linux_sandbox().run(request);
  CHECK(report.outcome.kind == SandboxOutcome::Kind::timed_out_cpu);
  CHECK(report.usage.cpu_ms >= 200);
  CHECK(report.usage.wall_ms >= 200);
  CHECK(report.usage.peak_memory_bytes > 0);
}

TEST_CASE("what this machine offers is told mechanism by mechanism", "[supervisor]") {
  linux_sandbox();
  const auto mechanisms = probe_linux_sandbox();
  CHECK(mechanisms.size() >= 8);
  for (const auto& mechanism : mechanisms) {
    INFO(mechanism.name);
    CHECK_FALSE(mechanism.detail.empty());
  }
}

}  // namespace
}  // namespace forgepool::sandbox_test
