#include "sandbox_support.hpp"

#include "sandbox/cgroup.hpp"
#include "sandbox/cgroup_files.hpp"

#include <forgepool/backends/bubblewrap_sandbox.hpp>

#include <catch2/catch_test_macros.hpp>

#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace forgepool::sandbox_test {
namespace {

constexpr const char* folder_variable = "FORGEPOOL_SANDBOXEES";

std::filesystem::path programs_folder() {
  const char* folder = std::getenv(folder_variable);
  return folder ? folder : FORGEPOOL_SANDBOXEES;
}

/// A folder that everyone can read, removed at the end.
class PublicFolder {
 public:
  PublicFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "forgepool-sandbox-XXXXXX").string();
    if (!mkdtemp(path.data())) FAIL("cannot make a temporary folder");
    path_ = path;
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  ~PublicFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

constexpr unsigned nobody = 65534;

[[noreturn]] void become_nobody_and_run(const std::string& program, const std::string& folder,
                                        const std::vector<std::string>& arguments, const std::vector<std::string>& cgroups) {
  for (const auto& group : cgroups)
    if (!sandbox::write_cgroup_file(group + "/cgroup.procs", "0")) _exit(119);
  if (setgroups(0, nullptr) != 0 || setgid(nobody) != 0 || setuid(nobody) != 0 || chdir("/") != 0) _exit(120);
  setenv(folder_variable, folder.c_str(), 1);
  std::vector<char*> list{const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) list.push_back(const_cast<char*>(argument.c_str()));
  list.push_back(nullptr);
  execv(program.c_str(), list.data());
  _exit(121);
}

}  // namespace

std::set<pid_t> children_of(pid_t parent, std::string_view name, bool ended_too) {
  std::set<pid_t> result;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto number = entry.path().filename().string();
    if (!std::ranges::all_of(number, [](unsigned char c) { return std::isdigit(c) != 0; })) continue;
    std::ifstream file(entry.path() / "stat");
    std::string line;
    std::getline(file, line);
    const auto name_begin = line.find('('), name_end = line.rfind(") ");
    char state = 0;
    long its_parent = 0;
    if (name_end == std::string::npos || std::sscanf(line.c_str() + name_end + 2, "%c %ld", &state, &its_parent) != 2) continue;
    if (!name.empty() && line.substr(name_begin + 1, name_end - name_begin - 1) != name) continue;
    if (its_parent == parent && (ended_too || state != 'Z')) result.insert(static_cast<pid_t>(std::stol(number)));
  }
  return result;
}

Sandbox& linux_sandbox() {
  static const auto opened = open_linux_sandbox({SandboxLevel::namespaces});
  if (!opened) SKIP(opened.error().message);
  return **opened;
}

Sandbox& bubblewrap_sandbox() {
  static const auto opened = open_bubblewrap_sandbox();
  if (!opened) SKIP(opened.error().message);
  return **opened;
}

std::shared_ptr<const Bytes> load_program(const std::string& program) {
  std::ifstream file(programs_folder() / program, std::ios::binary);
  INFO("program " << programs_folder() / program);
  REQUIRE(file);
  return std::make_shared<const Bytes>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

SandboxRequest request_for(const std::string& program, std::vector<std::string> arguments) {
  SandboxRequest request;
  request.program = load_program(program);
  request.program_digest = sha256(*request.program);
  request.arguments = std::move(arguments);
  request.files.push_back({"secret", std::make_shared<const Bytes>(to_bytes("content")), false});
  // Wall and CPU time are generous: tests that are not about them must not depend on how busy the machine is.
  request.limits.wall_ms = 60'000;
  request.limits.cpu_ms = 30'000;
  request.limits.memory_bytes = 64u << 20;
  request.limits.processes = 8;
  request.limits.output_bytes = 1u << 20;
  request.limits.output_files = 8;
  request.limits.stdio_bytes = 4096;
  return request;
}

int run_again_unprivileged(const std::vector<std::string>& arguments, const std::vector<std::string>& cgroups) {
  const PublicFolder folder;
  const auto program = folder.path() / "test";
  const auto sandboxees = folder.path() / "sandboxees";
  std::filesystem::copy_file("/proc/self/exe", program);
  std::filesystem::create_directory(sandboxees);
  for (const auto& entry : std::filesystem::directory_iterator(programs_folder()))
    if (entry.is_regular_file() && entry.path().extension().empty())
      std::filesystem::copy_file(entry.path(), sandboxees / entry.path().filename());
  const pid_t child = fork();
  if (child == 0) become_nobody_and_run(program.string(), sandboxees.string(), arguments, cgroups);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<std::string> DelegatedGroups::make() {
  const auto memberships = sandbox::read_cgroup_file("/proc/self/cgroup");
  const auto mounts = sandbox::read_cgroup_file("/proc/self/mountinfo");
  std::vector<std::string> folders;
  if (!memberships || !mounts) return folders;
  for (const auto& group : sandbox::find_own_groups(*memberships, *mounts))
    for (const auto& controller : group.controllers) {
      if (controller != "memory" && controller != "pids" && controller != "cpuacct") continue;
      const auto folder = group.folder + "/forgepool-test-" + std::to_string(getpid());
      if (mkdir(folder.c_str(), 0755) == 0 && chown(folder.c_str(), nobody, nobody) == 0) folders.push_back(folder);
    }
  return folders;
}

DelegatedGroups::~DelegatedGroups() {
  for (const auto& folder : folders_) rmdir(folder.c_str());
}

}  // namespace forgepool::sandbox_test
