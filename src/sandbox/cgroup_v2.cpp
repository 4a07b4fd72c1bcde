#include "sandbox/cgroup.hpp"
#include "sandbox/cgroup_files.hpp"
#include "sandbox/limits.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace forgepool::sandbox {
namespace {

/// With v2 the first process of the box is in the group from its first instruction on (CLONE_INTO_CGROUP), so it and the input
/// files that it writes are added to the limits.
class V2Group final : public RunGroup {
 public:
  static Result<std::unique_ptr<RunGroup>> make(const std::string& parent, const SandboxRequest& request) {
    auto folder = GroupFolder::make(parent, new_group_name());
    if (!folder) return fail(folder.error());
    std::unique_ptr<V2Group> group(new V2Group(std::move(*folder)));
    if (auto status = group->set_limits(request); !status) return fail(status.error());
    if (auto status = group->open_files(); !status) return fail(status.error());
    return group;
  }

  int clone_into_fd() const override { return into_.get(); }

  Status make_room_for(const SandboxRequest& request) override { return limit_memory(request); }

  bool start_anew(std::uint64_t most_bytes) override {
    if (!usage_)
      if (auto opened = folder_.open("memory.current", O_RDONLY)) usage_ = std::move(*opened);
    const auto usage = reread(usage_);
    if (usage.empty() || first_number(usage) > most_bytes) return false;
    cpu_ns_before_ = cpu_ns();
    // Since Linux 6.12, for those who read through this descriptor.
    return peak_ && ::pwrite(peak_.get(), "0", 1, 0) == 1;
  }

  CgroupCounters counters() const override {
    return {number_of(reread(memory_events_), "oom_kill"), number_of(reread(pids_events_), "max"), cpu_ns() - cpu_ns_before_,
            first_number(reread(peak_))};
  }

 private:
  explicit V2Group(GroupFolder folder) : folder_(std::move(folder)) {}

  Status limit_memory(const SandboxRequest& request) {
    constexpr std::uint64_t first_process_bytes = 1u << 20;
    const auto bytes = whole_pages(request.limits.memory_bytes) + in_size(request).bytes + first_process_bytes;
    return folder_.write("memory.max", std::to_string(bytes));
  }

  Status set_limits(const SandboxRequest& request) {
    if (auto status = limit_memory(request); !status) return status;
    // Absent where the kernel was built without swap.
    if (auto swap = read_cgroup_file(folder_.path() + "/memory.swap.max"); swap)
      if (auto status = folder_.write("memory.swap.max", "0"); !status) return status;
    if (auto status = folder_.write("memory.oom.group", "1"); !status) return status;
    return folder_.write("pids.max", std::to_string(processes_in_group(request) + 1));
  }

  Status open_files() {
    auto into = folder_.open("", O_RDONLY | O_DIRECTORY);
    if (!into) return fail(into.error());
    into_ = std::move(*into);
    auto memory_events = folder_.open("memory.events", O_RDONLY);
    if (!memory_events) return fail(memory_events.error());
    memory_events_ = std::move(*memory_events);
    auto pids_events = folder_.open("pids.events", O_RDONLY);
    if (!pids_events) return fail(pids_events.error());
    pids_events_ = std::move(*pids_events);
    auto cpu = folder_.open("cpu.stat", O_RDONLY);
    if (!cpu) return fail(cpu.error());
    cpu_ = std::move(*cpu);
    // Since Linux 5.19; to be written to since 6.12.
    auto peak = folder_.open("memory.peak", O_RDWR);
    if (!peak) peak = folder_.open("memory.peak", O_RDONLY);
    if (peak) peak_ = std::move(*peak);
    return {};
  }

  std::uint64_t cpu_ns() const { return number_of(reread(cpu_), "usage_usec") * 1000; }

  GroupFolder folder_;
  std::uint64_t cpu_ns_before_ = 0;
  UniqueFd into_, memory_events_, pids_events_, cpu_, peak_, usage_;
};

class V2Site final : public CgroupSite {
 public:
  explicit V2Site(std::string parent) : parent_(std::move(parent)) {}
  Result<std::unique_ptr<RunGroup>> create(const SandboxRequest& request) override { return V2Group::make(parent_, request); }

 private:
  const std::string parent_;
};

bool controllers_enabled(const std::string& folder) {
  const auto enabled = read_cgroup_file(folder + "/cgroup.subtree_control");
  return enabled && has_word(*enabled, "memory") && has_word(*enabled, "pids");
}

constexpr std::string_view leaf_name = "/forgepool-agent";

Status enable_controllers(const std::string& folder) {
  return write_cgroup_file(folder + "/cgroup.subtree_control", "+memory +pids");
}

/// A group with processes of its own cannot hand its controllers down ("no internal processes"), so the agent moves into a
/// leaf, where it stays.
Status make_room(const std::string& folder) {
  if (controllers_enabled(folder) || enable_controllers(folder)) return {};
  const auto leaf = folder + std::string(leaf_name);
  if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST)
    return fail(ErrorKind::unavailable, "cannot make the group " + leaf + ": " + std::strerror(errno));
  if (auto moved = write_cgroup_file(leaf + "/cgroup.procs", "0"); !moved) return moved;
  auto enabled = enable_controllers(folder);
  if (!enabled) {
    // Others live in the group: go back and leave it as it was.
    static_cast<void>(write_cgroup_file(folder + "/cgroup.procs", "0"));
    ::rmdir(leaf.c_str());
  }
  return enabled;
}

/// The group that runs are made in: the agent's own, or the one that an earlier call has moved it out of.
std::string parent_of_runs(const std::string& own) {
  return own.ends_with(leaf_name) ? own.substr(0, own.size() - leaf_name.size()) : own;
}

constexpr const char* delegation =
    "run the agent as root, or in a group that is delegated to its user: a systemd unit with Delegate=memory pids, or "
    "systemd-run --user "
    "--scope -p Delegate=yes forgepool-agent …";

}  // namespace

std::unique_ptr<CgroupSite> open_cgroup_v2(const OwnGroup& group, std::vector<SandboxMechanism>& mechanisms) {
  const auto report = [&](bool available, std::string detail) {
    mechanisms.push_back({"cgroup v2 memory and pids", available, std::move(detail), available ? "" : delegation});
  };
  const auto parent = parent_of_runs(group.folder);
  if (auto status = make_room(parent); !status) {
    report(false, status.error().message);
    return nullptr;
  }
  remove_stale_groups(parent);
  if (auto trial = V2Group::make(parent, {}); !trial) {
    report(false, trial.error().message);
    return nullptr;
  }
  report(true, "groups are made in " + parent);
  return std::make_unique<V2Site>(parent);
}

}  // namespace forgepool::sandbox
