#include "sandbox/cgroup.hpp"
#include "sandbox/cgroup_files.hpp"

#include <algorithm>
#include <sstream>

namespace forgepool::sandbox {
namespace {

struct Membership {  // a line of /proc/self/cgroup
  std::vector<std::string> controllers;
  std::string path;
  bool unified = false;
};

struct Mount {  // a line of /proc/self/mountinfo
  std::string root;
  std::string point;
  std::string type;
  std::vector<std::string> options;
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// Spaces and such stand as \040 in mountinfo.
std::string unescape(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto is_octal = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && is_octal(i + 1) && is_octal(i + 2) && is_octal(i + 3)) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::vector<Membership> parse_memberships(std::string_view text) {
  std::vector<Membership> result;
  for (const auto& line : split(text, '\n')) {
    // "4:memory:/path", "0::/path"; the path may contain colons.
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    Membership membership;
    const auto names = line.substr(first + 1, second - first - 1);
    membership.unified = names.empty();
    if (!membership.unified) membership.controllers = split(names, ',');
    membership.path = line.substr(second + 1);
    result.push_back(std::move(membership));
  }
  return result;
}

std::vector<Mount> parse_mounts(std::string_view text) {
  std::vector<Mount> result;
  for (const auto& line : split(text, '\n')) {
    const auto fields = split(line, ' ');
    const auto dash = std::ranges::find(fields, "-");
    if (fields.size() < 6 || fields.end() - dash < 4) continue;
    result.push_back({unescape(fields[3]), unescape(fields[4]), dash[1], split(dash[3], ',')});
  }
  return result;
}

bool contains(const std::vector<std::string>& list, const std::string& value) {
  return std::ranges::find(list, value) != list.end();
}

bool carries(const Mount& mount, const Membership& membership) {
  if (membership.unified) return mount.type == "cgroup2";
  return mount.type == "cgroup" &&
         std::ranges::all_of(membership.controllers, [&](const auto& name) { return contains(mount.options, name); });
}

/// Where `path` of a hierarchy is to be found under a mount of it; empty if it is not below the mount's root.
std::string folder_under(const Mount& mount, const std::string& path) {
  // From another cgroup namespace a group can look like "/../x"; it cannot be reached from here.
  if (path.starts_with("/..")) return {};
  std::string rest = path == "/" ? "" : path;
  if (mount.root != "/") {
    if (!rest.starts_with(mount.root)) return {};
    rest.erase(0, mount.root.size());
    if (!rest.empty() && rest.front() != '/') return {};
  }
  return mount.point + rest;
}

}  // namespace

std::vector<OwnGroup> find_own_groups(std::string_view self_cgroup, std::string_view self_mountinfo) {
  const auto mounts = parse_mounts(self_mountinfo);
  std::vector<OwnGroup> groups;
  for (const auto& membership : parse_memberships(self_cgroup)) {
    for (const auto& mount : mounts) {
      if (!carries(mount, membership)) continue;
      auto folder = folder_under(mount, membership.path);
      if (folder.empty()) continue;
      groups.push_back({membership.controllers, std::move(folder), membership.unified});
      break;
    }
  }
  return groups;
}

std::unique_ptr<CgroupSite> open_cgroup_site(const std::vector<OwnGroup>& groups, std::vector<SandboxMechanism>& mechanisms) {
  if (groups.empty()) {
    mechanisms.push_back(
        {"cgroups", false, "no cgroup file system is mounted, or none down to this process's own group",
         "as root, mount -t cgroup2 none /sys/fs/cgroup; a container has to be started with a cgroup namespace of its own "
         "(--cgroupns=private)"});
    return nullptr;
  }
  const auto unified = std::ranges::find_if(groups, &OwnGroup::unified);
  if (unified == groups.end()) return open_cgroup_v1(groups, mechanisms);
  // A hierarchy of version 2 without the memory controller is common where version 1 holds it: then version 1 is meant.
  const auto controllers = read_cgroup_file(unified->folder + "/cgroup.controllers");
  const bool v1_has_memory =
      std::ranges::any_of(groups, [](const OwnGroup& group) { return contains(group.controllers, "memory"); });
  if (v1_has_memory && !(controllers && has_word(*controllers, "memory"))) return open_cgroup_v1(groups, mechanisms);
  return open_cgroup_v2(*unified, mechanisms);
}

}  // namespace forgepool::sandbox
