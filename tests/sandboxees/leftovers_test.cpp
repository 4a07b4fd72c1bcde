/// Nothing may be left of a run: the host is compared before and after many.
#include "sandbox_support.hpp"

#include <forgepool/backends/bubblewrap_sandbox.hpp>

#include <catch2/catch_test_macros.hpp>

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
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

std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> result;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error), end;
  for (; !error && entry != end; entry.increment(error)) result.insert(entry->path().filename().string());
  return result;
}

/// Keys and keyrings that the kernel counts for the users of boxes, "uid: …" line by line. (Other users of this machine come
/// and go.)
std::set<std::string> key_users() {
  std::set<std::string> result;
  std::istringstream text(read_text("/proc/key-users"));
  for (std::string line; std::getline(text, line);) {
    const auto user = std::strtoul(line.c_str(), nullptr, 10);
    if (user == geteuid() || user >= 1'000'000'000) result.insert(line);
  }
  return result;
}

/// What runs of this process could leave behind. Other processes of the machine go on meanwhile and are not looked at.
struct Host {
  std::set<std::string> descriptors = open_descriptors();
  std::set<std::string> groups = own_groups();
  /// As root in a mount namespace of our own, where nobody else mounts anything. Without privileges nothing can be mounted
  /// here.
  std::string mounts = geteuid() == 0 ? read_text("/proc/self/mountinfo") : "";
  std::set<std::string> folders = names_in(std::filesystem::temp_directory_path());
  std::set<std::string> threads = names_in("/proc/self/task");
  std::set<std::string> keys = key_users();
  /// Of other sandboxes that are open meanwhile.
  std::set<pid_t> children = children_of(getpid(), {}, true);
};

/// Orphans of boxes come to us, where they can be seen; temporary files go to a folder of our own, likewise.
class WatchedProcess {
 public:
  WatchedProcess() {
    std::string path = (std::filesystem::temp_directory_path() / "forgepool-leftovers-XXXXXX").string();
    REQUIRE(mkdtemp(path.data()) != nullptr);
    folder_ = path;
    const char* before = std::getenv("TMPDIR");
    before_ = before ? before : "";
    setenv("TMPDIR", path.c_str(), 1);
    REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    if (geteuid() != 0) return;
    REQUIRE(unshare(CLONE_NEWNS) == 0);
    REQUIRE(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  }
  WatchedProcess(const WatchedProcess&) = delete;
  WatchedProcess& operator=(const WatchedProcess&) = delete;
  ~WatchedProcess() {
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    if (before_.empty())
      unsetenv("TMPDIR");
    else
      setenv("TMPDIR", before_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }

 private:
  std::filesystem::path folder_;
  std::string before_;
};

SandboxRequest spawning(SandboxRequest request) {
  request.policy = {SandboxRelaxation::spawn};
  return request;
}

SandboxRequest strict(SandboxRequest request) {
  request.determinism = Determinism::strict;
  return request;
}

constexpr unsigned kinds_of_requests = 15;

SandboxRequest mixed_request(unsigned choice) {
  switch (choice % kinds_of_requests) {
    case 0: return request_for("ordinary", {"copy-inputs"});
    case 1: return request_for("ordinary", {"exit", "3"});
    case 2: return request_for("ordinary", {"crash"});
    case 3: return request_for("trace_others");
    case 4: return request_for("strange_output", {"deep"});
    case 5: return spawning(request_for("leave_daemon"));
    case 6: return spawning(request_for("fork_bomb"));
    case 7: return request_for("actions", {"sysv-shared-memory"});
    case 8: return request_for("actions", {"keyring-add"});
    case 9: return spawning(request_for("actions", {"orphan-that-writes"}));
    case 10: return spawning(request_for("actions", {"swap-outputs"}));
    case 11: return strict(request_for("ordinary", {"copy-inputs"}));
    case 12: return strict(request_for("ordinary", {"crash"}));
    case 13: return strict(request_for("actions", {"memory-files"}));
    default: {
      auto request = request_for("sleep_on");
      request.limits.wall_ms = 30;
      return request;
    }
  }
}

/// Runs all of the requests on four threads; how many could not be started.
int run_all(Sandbox& sandbox, const std::vector<SandboxRequest>& requests) {
  std::atomic<std::size_t> next{0};
  std::atomic<int> not_started{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (std::size_t at; (at = next++) < requests.size();)
        if (sandbox.run(requests[at]).outcome.kind == SandboxOutcome::Kind::setup_failed) ++not_started;
    });
  for (auto& thread : threads) thread.join();
  return not_started;
}

void leaves_nothing_behind(const std::function<Result<std::unique_ptr<Sandbox>>()>& open, int runs) {
  const WatchedProcess watched;
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::vector<SandboxRequest> requests;
  for (int i = 0; i < runs; ++i) requests.push_back(mixed_request(static_cast<unsigned>(random())));

  const Host before;
  {
    // What a sandbox keeps prepared goes with it.
    const auto sandbox = open();
    if (!sandbox) SKIP(sandbox.error().message);
    CHECK(run_all(**sandbox, requests) == 0);
  }
  const Host after;
  CHECK(before.descriptors == after.descriptors);
  CHECK(after.groups == before.groups);
  CHECK(before.mounts == after.mounts);
  CHECK(before.folders == after.folders);
  CHECK(before.threads == after.threads);
  CHECK(before.keys == after.keys);
  CHECK(before.children == after.children);
}

TEST_CASE("a thousand mixed runs on four threads leave nothing behind", "[leftovers]") {
  leaves_nothing_behind([] { return open_linux_sandbox({SandboxLevel::namespaces}); }, 1000);
}

TEST_CASE("mixed runs under bwrap leave nothing behind", "[leftovers]") {
  leaves_nothing_behind([] { return open_bubblewrap_sandbox(); }, 60);
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
