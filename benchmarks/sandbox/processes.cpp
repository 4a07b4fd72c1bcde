#include "processes.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

extern char** environ;

namespace bench {
namespace {

std::string find_program(const std::string& name) {
  for (const char* folder : {"/usr/bin/", "/usr/sbin/", "/usr/local/bin/"})
    if (access((folder + name).c_str(), X_OK) == 0) return folder + name;
  return {};
}

/// An OCI bundle: no network but an empty one, read-only root with nothing but the program, no capabilities, no new privileges.
/// No seccomp profile: the runtimes bring none of their own.
std::string write_bundle(const std::string& folder, const std::string& program) {
  namespace fs = std::filesystem;
  const std::string bundle = folder + "/bundle";
  fs::create_directories(bundle + "/rootfs");
  fs::copy_file(program, bundle + "/rootfs/hello", fs::copy_options::overwrite_existing);
  std::ofstream(bundle + "/config.json") << R"({"ociVersion": "1.0.2", "root": {"path": "rootfs", "readonly": true},
    "process": {"terminal": false, "user": {"uid": 65534, "gid": 65534}, "args": ["/hello"], "env": [], "cwd": "/",
      "noNewPrivileges": true, "capabilities": {}},
    "hostname": "box", "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
      {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]}],
    "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "cgroup"}]}})";
  return bundle;
}

/// What a command that fails says about it.
std::string first_words(const std::vector<std::string>& command) {
  std::string line;
  for (const auto& argument : command) line += "'" + argument + "' ";
  char words[120] = {};
  std::FILE* output = popen((line + "2>&1 </dev/null").c_str(), "r");
  if (output) {
    if (!std::fgets(words, sizeof words, output)) words[0] = '\0';
    pclose(output);
  }
  std::string text(words);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? "it says nothing" : text;
}

}  // namespace

void leave_hybrid_cgroups() {
  constexpr const char* unified = "/sys/fs/cgroup/unified";
  struct statfs status {};
  if (geteuid() != 0 || statfs(unified, &status) != 0 || status.f_type != CGROUP2_SUPER_MAGIC) return;
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
  umount2(unified, MNT_DETACH);
}

bool run_command(const std::vector<std::string>& command, const std::string& expected) {
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  int output[2];
  if (pipe2(output, O_CLOEXEC) != 0) return false;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int error = posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(output[1]);
  std::string written;
  char buffer[256];
  ssize_t got;
  while (error == 0 && (got = read(output[0], buffer, sizeof buffer)) > 0)
    written.append(buffer, static_cast<std::size_t>(got));
  close(output[0]);
  if (error != 0) return false;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0 && written == expected;
}

std::vector<Peer> find_peers(const std::string& program, const std::string& folder, std::vector<std::string>& missing) {
  const auto bundle = write_bundle(folder, program);
  const std::string state = folder + "/state";
  std::vector<Peer> candidates = {
      {"bubblewrap",
       {"bwrap", "--unshare-all", "--ro-bind", program, "/hello", "--tmpfs", "/tmp", "--dev-bind", "/dev/null", "/dev/null",
        "--cap-drop", "ALL", "--die-with-parent", "--new-session", "--clearenv", "/hello"}},
      {"crun", {"crun", "--root", state, "--cgroup-manager=disabled", "run", "--bundle", bundle, "bench-crun"}, 2},
      {"runc", {"runc", "--root", state, "run", "--bundle", bundle, "bench-runc"}, 5},
      {"firejail",
       {"firejail", "--quiet", "--noprofile", "--net=none", "--private-dev", "--seccomp", "--caps.drop=all", "--ipc-namespace",
        program},
       5},
  };
  std::vector<Peer> peers;
  for (auto& peer : candidates) {
    const auto path = find_program(peer.command[0]);
    if (path.empty()) {
      missing.push_back(peer.name + ": not installed (cmake/setup-debian.sh installs it)");
      continue;
    }
    peer.command[0] = path;
    if (run_command(peer.command, "hello\n"))
      peers.push_back(std::move(peer));
    else
      missing.push_back(peer.name + ": does not run here: " + first_words(peer.command));
  }
  return peers;
}

}  // namespace bench
