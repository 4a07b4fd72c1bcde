/// Nothing may be left of a run: the host is compared before and after many.
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <thread>

namespace forgepool::sandbox_test {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::set<std::string> open_descriptors() {
  std::set<std::string> result;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const auto target = std::filesystem::read_symlink(entry.path(), error).string();
    // The listing itself has one open.
    if (target.find("/proc/") == std::string::npos) result.insert(entry.path().filename().string() + " " + target);
  }
  return result;
}

/// Groups that this process has made, wherever they are.
std::set<std::string> own_groups() {
  std::set<std::string> result;
  const auto prefix = "forgepool-" + std::to_string(getpid()) + "-";
  std::error_code error;
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  std::filesystem::recursive_directory_iterator entry("/sys/fs/cgroup", options, error), end;
  for (; !error && entry != end; entry.increment(error))
    if (entry->path().filename().string().starts_with(prefix)) result.insert(entry->path().string());
  return result;
}

struct Host {
  std::set<std::string> descriptors = open_descriptors();
  std::set<std::string> groups = own_groups();
  std::string mounts = read_text("/proc/self/mountinfo");
};

bool has_children() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 || errno != ECHILD;
}

SandboxRequest mixed_request(unsigned choice) {
  switch (choice % 8) {
    case 0: return request_for("ordinary", {"copy-inputs"});
    case 1: return request_for("ordinary", {"exit", "3"});
    case 2: return request_for("ordinary", {"crash"});
    case 3: return request_for("trace_others");
    case 4: return request_for("strange_output", {"deep"});
    case 5: {
      auto request = request_for("leave_daemon");
      request.relaxations = {SandboxRelaxation::spawn};
      return request;
    }
    case 6: {
      auto request = request_for("fork_bomb");
      request.relaxations = {SandboxRelaxation::spawn};
      return request;
    }
    default: {
      auto request = request_for("sleep_on");
      request.limits.wall_ms = 30;
      return request;
    }
  }
}

TEST_CASE("two hundred mixed runs on four threads leave nothing behind", "[leftovers]") {
  auto& sandbox = linux_sandbox();
  // Prepared programs are kept open, a few of them: all that take part are in before the count begins.
  for (unsigned choice = 0; choice < 8; ++choice) sandbox.run(mixed_request(choice));
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::vector<SandboxRequest> requests;
  for (int i = 0; i < 200; ++i) requests.push_back(mixed_request(static_cast<unsigned>(random())));

  const Host before;
  std::atomic<std::size_t> next{0};
  std::atomic<int> not_started{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (std::size_t at; (at = next++) < requests.size();)
        if (sandbox.run(requests[at]).outcome.kind == SandboxOutcome::Kind::setup_failed) ++not_started;
    });
  for (auto& thread : threads) thread.join();

  const Host after;
  CHECK(not_started == 0);
  CHECK(before.descriptors == after.descriptors);
  CHECK(after.groups.empty());
  CHECK(before.mounts == after.mounts);
  CHECK_FALSE(has_children());
}

TEST_CASE("runs that share a moment do not share anything else", "[leftovers]") {
  auto& sandbox = linux_sandbox();
  // Made here: the test framework's macros are not for several threads.
  std::vector<SandboxRequest> requests;
  for (int i = 0; i < 20; ++i) requests.push_back(request_for("ordinary", {"echo-arguments", std::to_string(i)}));
  std::vector<std::thread> threads;
  std::atomic<std::size_t> next{0};
  std::atomic<int> right{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (std::size_t at; (at = next++) < requests.size();) {
        const auto report = sandbox.run(requests[at]);
        const std::map<std::string, Bytes> expected = {{"argument.0", to_bytes(requests[at].arguments.at(1))}};
        if (report.outcome.ok() && report.outputs == expected) ++right;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 20);
}

}  // namespace
}  // namespace forgepool::sandbox_test
