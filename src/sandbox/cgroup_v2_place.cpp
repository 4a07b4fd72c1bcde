#include "sandbox/cgroup_v2_place.hpp"

#include "sandbox/cgroup_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace forgepool::sandbox {
namespace {

using Kind = CgroupObstacle::Kind;

constexpr std::string_view leaf_name = "/forgepool-agent";
constexpr const char* controllers_file = "/cgroup.controllers";
constexpr const char* handed_down_file = "/cgroup.subtree_control";
constexpr const char* processes_file = "/cgroup.procs";

bool lists_both(const std::string& file) {
  const auto controllers = read_cgroup_file(file);
  return controllers && has_word(*controllers, "memory") && has_word(*controllers, "pids");
}

/// An errno, or 0.
int hand_down(const std::string& group) {
  if (lists_both(group + handed_down_file)) return 0;
  return try_write(group + handed_down_file, "+memory +pids");
}

std::string name_of(const std::string& process) {
  auto name = read_cgroup_file("/proc/" + process + "/comm").value_or("?");
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
}

struct Process {
  std::string number, name;
};

/// Who lives in a group; "0" stands for those of other pid namespaces.
std::vector<Process> inhabitants(const std::string& group) {
  std::vector<Process> result;
  const auto text = read_cgroup_file(group + processes_file).value_or("");
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto number = text.substr(at, end - at);
    at = end + 1;
    if (number.empty()) continue;
    auto name = name_of(number);
    result.push_back({std::move(number), std::move(name)});
  }
  return result;
}

/// Agents that were started in one group at the same moment are in each other's way until all have moved.
int hand_down_when_others_have_left(const std::string& group) {
  using namespace std::chrono;
  int error = hand_down(group);
  for (const auto end = steady_clock::now() + seconds(2); error == EBUSY && steady_clock::now() < end;) {
    std::this_thread::sleep_for(milliseconds(5));
    error = hand_down(group);
  }
  return error;
}

std::string tried_to_hand_down(const std::string& group, int error) {
  return "cannot write \"+memory +pids\" to " + group + handed_down_file + ": " + std::strerror(error);
}

/// A group with processes of its own cannot hand its controllers down ("no internal processes"), so the agent moves into a
/// leaf.
tl::expected<std::string, CgroupObstacle> move_aside(const std::string& group) {
  const auto leaf = group + std::string(leaf_name);
  if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST)
    return tl::unexpected(obstacle_behind(errno, group, "cannot make the group " + leaf + ": " + std::strerror(errno)));
  const auto give_up = [&](int error, std::string failure) {
    auto obstacle = obstacle_behind(error, group, std::move(failure));
    // Back to where it was, which is left as it was.
    static_cast<void>(try_write(group + processes_file, "0"));
    ::rmdir(leaf.c_str());
    return tl::unexpected(std::move(obstacle));
  };
  if (const int error = try_write(leaf + processes_file, "0"); error != 0)
    return give_up(error, "cannot move into " + leaf + ": " + std::strerror(error));
  if (const int error = hand_down_when_others_have_left(group); error != 0)
    return give_up(error, tried_to_hand_down(group, error));
  return group;
}

std::string list(const std::vector<std::string>& words) {
  constexpr std::size_t most = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(words.size(), most); ++i) text += (i == 0 ? "" : ", ") + words[i];
  if (words.size() > most) text += " and " + std::to_string(words.size() - most) + " more";
  return text;
}

std::string of_its_own(bool root) {
  return root ? "systemd-run --scope -p Delegate=yes forgepool-agent …, or a unit with Delegate=memory pids"
              : "systemd-run --user --scope -p Delegate=yes forgepool-agent …";
}

}  // namespace

std::string leaf_of(const std::string& group) {
  auto leaf = group + std::string(leaf_name);
  return ::access(leaf.c_str(), F_OK) == 0 ? leaf : std::string();
}

CgroupObstacle obstacle_behind(int error, const std::string& group, std::string failure) {
  CgroupObstacle obstacle{Kind::unexpected, group, std::move(failure)};
  if (error == EROFS) obstacle.kind = Kind::read_only;
  if (error == EACCES || error == EPERM) obstacle.kind = Kind::not_delegated;
  if (error == EBUSY) {
    obstacle.kind = Kind::crowded;
    const auto self = std::to_string(getpid());
    for (const auto& process : inhabitants(group))
      if (process.number != self) obstacle.processes.push_back(process.number + " (" + process.name + ")");
  }
  return obstacle;
}

std::string describe(const CgroupObstacle& obstacle) {
  switch (obstacle.kind) {
    case Kind::no_controllers:
      return "the controllers memory and pids are not handed down to the group " + obstacle.group +
             " (it has: " + obstacle.failure + ")";
    case Kind::none_at_all:
      return "this kernel has no controllers memory and pids in cgroup v2 (it has: " + obstacle.failure + ")";
    case Kind::read_only: return "the cgroup file system is read-only: " + obstacle.failure;
    case Kind::not_delegated: return "the group " + obstacle.group + " is not this user's: " + obstacle.failure;
    case Kind::crowded:
      return "a group with processes in it cannot hand controllers down, and others live in " + obstacle.group +
             (obstacle.processes.empty() ? "" : ": " + list(obstacle.processes));
    case Kind::unexpected: break;
  }
  return obstacle.failure;
}

std::string remedy_for(const CgroupObstacle& obstacle, bool root) {
  switch (obstacle.kind) {
    case Kind::no_controllers:
      return root ? "start the agent in a group that gets them: " + of_its_own(root) +
                        ". Without systemd: write +memory +pids to cgroup.subtree_control of each group above, from the top"
                  : "start the agent in a group that gets them: " + of_its_own(root) +
                        ". If the user's own manager has none either, as root: systemctl edit user@.service, with the lines "
                        "[Service] "
                        "and Delegate=memory pids, and log in anew";
    case Kind::none_at_all:
      return "boot without cgroup_disable=memory, and with systemd.unified_cgroup_hierarchy=1 if version 1 holds them";
    case Kind::read_only:
      return "as root, mount -o remount,rw /sys/fs/cgroup; a container has to be started with a cgroup that it may write to "
             "(podman run "
             "--cgroupns=private --security-opt unmask=/sys/fs/cgroup)";
    case Kind::not_delegated:
      return root ? "let the agent's user namespace own the group: its folder, cgroup.procs and cgroup.subtree_control"
                  : "start the agent in a group that is delegated to its user: " + of_its_own(root) + "; or as root";
    case Kind::crowded:
      return "start the agent in a group of its own: " + of_its_own(root) + "; or move the others first: mkdir " +
             obstacle.group + "/others, and write their numbers to " + obstacle.group + "/others/cgroup.procs";
    case Kind::unexpected: break;
  }
  return "start the agent in a group of its own: " + of_its_own(root);
}

tl::expected<std::string, CgroupObstacle> find_place_for_groups(const std::string& own) {
  // Whoever was started by an agent is in that one's leaf.
  const auto group = own.ends_with(leaf_name) ? own.substr(0, own.size() - leaf_name.size()) : own;
  if (!lists_both(group + controllers_file)) {
    auto present = read_cgroup_file(group + controllers_file).value_or("none that can be read");
    while (!present.empty() && present.back() == '\n') present.pop_back();
    // The group at the top of all has no type.
    const bool top = ::access((group + "/cgroup.type").c_str(), F_OK) != 0;
    return tl::unexpected(
        CgroupObstacle{top ? Kind::none_at_all : Kind::no_controllers, group, present.empty() ? "none" : present});
  }
  const int error = hand_down(group);
  if (error == 0) {
    if (::faccessat(AT_FDCWD, group.c_str(), W_OK, AT_EACCESS) == 0) return group;
    const int denied = errno;
    return tl::unexpected(obstacle_behind(denied, group, "cannot make groups in " + group + ": " + std::strerror(denied)));
  }
  if (error == EBUSY) return move_aside(group);
  return tl::unexpected(obstacle_behind(error, group, tried_to_hand_down(group, error)));
}

}  // namespace forgepool::sandbox
