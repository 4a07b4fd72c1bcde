#include "sandbox/cgroup.hpp"
#include "sandbox/cgroup_files.hpp"
#include "sandbox/limits.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace forgepool::sandbox {
namespace {

/// What a group is to hold.
struct GroupLimits {
  std::uint64_t memory_bytes;
  std::uint64_t processes;

  explicit GroupLimits(const SandboxRequest& request)
      : memory_bytes(whole_pages(request.limits.memory_bytes)), processes(processes_in_group(request)) {}
  friend bool operator==(const GroupLimits&, const GroupLimits&) = default;
};

class V1Group {
 public:
  static Result<std::unique_ptr<V1Group>> make(const std::string& memory, const std::string& pids, const std::string& cpuacct,
                                               const GroupLimits& limits) {
    const auto name = new_group_name();
    auto memory_folder = GroupFolder::make(memory, name);
    if (!memory_folder) return fail(memory_folder.error());
    auto pids_folder = GroupFolder::make(pids, name);
    if (!pids_folder) return fail(pids_folder.error());
    auto cpu_folder = GroupFolder::make(cpuacct, name);
    if (!cpu_folder) return fail(cpu_folder.error());
    std::unique_ptr<V1Group> group(new V1Group(std::move(*memory_folder), std::move(*pids_folder), std::move(*cpu_folder)));
    if (auto status = group->set_limits(limits); !status) return fail(status.error());
    if (auto status = group->open_files(); !status) return fail(status.error());
    return group;
  }

  std::vector<int> join_fds() const { return {join_memory_.get(), join_pids_.get(), join_cpu_.get()}; }

  bool start_anew(std::uint64_t most_bytes) {
    if (!usage_)
      if (auto opened = memory_.open("memory.usage_in_bytes", O_RDONLY)) usage_ = std::move(*opened);
    const auto usage = reread(usage_);
    if (usage.empty() || first_number(usage) > most_bytes || !set_to_zero(peak_) || !set_to_zero(cpu_usage_)) return false;
    oom_kills_before_ = oom_kills();
    limit_hits_before_ = limit_hits();
    return true;
  }

  CgroupCounters counters() const {
    return {oom_kills() - oom_kills_before_, limit_hits() - limit_hits_before_, first_number(reread(cpu_usage_)),
            first_number(reread(peak_))};
  }

 private:
  V1Group(GroupFolder memory, GroupFolder pids, GroupFolder cpu)
      : memory_(std::move(memory)), pids_(std::move(pids)), cpu_(std::move(cpu)) {}

  Status set_limits(const GroupLimits& limits) {
    const auto bytes = std::to_string(limits.memory_bytes);
    if (auto status = memory_.write("memory.limit_in_bytes", bytes); !status) return status;
    // Memory and swap together, where the kernel counts swap; where not, keep the group out of it.
    if (auto status = memory_.write("memory.memsw.limit_in_bytes", bytes); !status)
      if (auto swappiness = memory_.write("memory.swappiness", "0"); !swappiness) return status;
    return pids_.write("pids.max", std::to_string(limits.processes));
  }

  Status open_files() {
    const auto open = [](const GroupFolder& folder, const char* name, int flags, UniqueFd& fd) -> Status {
      auto opened = folder.open(name, flags);
      if (!opened) return fail(opened.error());
      fd = std::move(*opened);
      return {};
    };
    // `tasks`, not `cgroup.procs`: see join_cgroups in box_init/program.cpp.
    if (auto status = open(memory_, "tasks", O_WRONLY, join_memory_); !status) return status;
    if (auto status = open(pids_, "tasks", O_WRONLY, join_pids_); !status) return status;
    if (auto status = open(cpu_, "tasks", O_WRONLY, join_cpu_); !status) return status;
    if (auto status = open(memory_, "memory.oom_control", O_RDONLY, oom_); !status) return status;
    if (auto status = open(memory_, "memory.max_usage_in_bytes", O_RDWR, peak_); !status) return status;
    if (auto status = open(pids_, "pids.events", O_RDONLY, pids_events_); !status) return status;
    return open(cpu_, "cpuacct.usage", O_RDWR, cpu_usage_);
  }

  std::uint64_t oom_kills() const { return number_of(reread(oom_), "oom_kill"); }
  std::uint64_t limit_hits() const { return number_of(reread(pids_events_), "max"); }
  static bool set_to_zero(const UniqueFd& counter) { return ::pwrite(counter.get(), "0", 1, 0) == 1; }

  GroupFolder memory_, pids_, cpu_;
  UniqueFd join_memory_, join_pids_, join_cpu_;
  UniqueFd oom_, peak_, pids_events_, cpu_usage_, usage_;
  std::uint64_t oom_kills_before_ = 0, limit_hits_before_ = 0;  ///< These counters cannot be set to zero.
};

/// Groups that have been left. Making and removing three groups takes the kernel longer than it takes to start a process, and
/// one that is empty again and counts from 0 is as good as a new one. Thread-safe.
class SpareGroups {
 public:
  explicit SpareGroups(std::function<Result<std::unique_ptr<V1Group>>(const GroupLimits&)> make) : make_(std::move(make)) {}

  Result<std::unique_ptr<V1Group>> take(const GroupLimits& limits) {
    while (auto spare = take_spare(limits))
      if (spare->clean || spare->group->start_anew(most_left_bytes)) return std::move(spare->group);
    return make_(limits);
  }

  /// Nothing is alive in it any more.
  void give_back(std::unique_ptr<V1Group> group, const GroupLimits& limits) {
    // Now rather than when somebody waits for it. What the kernel still counts for the dead may be too much now, and less then.
    const bool clean = group->start_anew(most_left_bytes);
    std::optional<Spare> dropped;  // Removed outside of the lock.
    const std::lock_guard lock(mutex_);
    if (spares_.size() >= most_spares) {
      dropped = std::move(spares_.front());
      spares_.pop_front();
    }
    spares_.push_back({std::move(group), limits, clean});
  }

 private:
  /// What the kernel holds ready for each processor is charged, too.
  static constexpr std::uint64_t most_left_bytes = 2u << 20;
  static constexpr std::size_t most_spares = 8;

  struct Spare {
    std::unique_ptr<V1Group> group;
    GroupLimits limits;
    bool clean;  ///< Counts from 0.
  };

  std::optional<Spare> take_spare(const GroupLimits& limits) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(spares_, limits, &Spare::limits);
    if (found == spares_.end()) return std::nullopt;
    auto spare = std::move(*found);
    spares_.erase(found);
    return spare;
  }

  const std::function<Result<std::unique_ptr<V1Group>>(const GroupLimits&)> make_;
  std::mutex mutex_;
  std::deque<Spare> spares_;  ///< Guarded by mutex_. The oldest in front.
};

/// A run's stay in a group.
class LentGroup final : public RunGroup {
 public:
  LentGroup(std::unique_ptr<V1Group> group, GroupLimits limits, SpareGroups& spares)
      : group_(std::move(group)), limits_(limits), spares_(spares) {}
  ~LentGroup() override { spares_.give_back(std::move(group_), limits_); }

  std::vector<int> join_fds() const override { return group_->join_fds(); }
  bool start_anew(std::uint64_t most_bytes) override { return group_->start_anew(most_bytes); }
  CgroupCounters counters() override { return group_->counters(); }

 private:
  std::unique_ptr<V1Group> group_;
  const GroupLimits limits_;
  SpareGroups& spares_;
};

class V1Site final : public CgroupSite {
 public:
  V1Site(std::string memory, std::string pids, std::string cpuacct)
      : spares_([memory = std::move(memory), pids = std::move(pids), cpuacct = std::move(cpuacct)](const GroupLimits& limits) {
          return V1Group::make(memory, pids, cpuacct, limits);
        }) {}

  Result<std::unique_ptr<RunGroup>> create(const SandboxRequest& request) override {
    const GroupLimits limits(request);
    auto group = spares_.take(limits);
    if (!group) return fail(group.error());
    return std::make_unique<LentGroup>(std::move(*group), limits, spares_);
  }

 private:
  SpareGroups spares_;
};

/// The agent's own group of a controller, if a group can be made in it; otherwise empty, with the reason in `mechanisms`.
std::string usable_folder(const std::vector<OwnGroup>& groups, const char* controller,
                          std::vector<SandboxMechanism>& mechanisms) {
  const auto name = std::string("cgroup v1 ") + controller;
  const auto group = std::ranges::find_if(groups, [&](const OwnGroup& candidate) {
    return std::ranges::find(candidate.controllers, controller) != candidate.controllers.end();
  });
  if (group == groups.end()) {
    mechanisms.push_back({name, false, "the controller is not mounted",
                          std::string("mount it (mount -t cgroup -o ") + controller + " " + controller + " /sys/fs/cgroup/" +
                              controller + "), or use a system with cgroup v2"});
    return {};
  }
  remove_stale_groups(group->folder);
  auto folder = GroupFolder::make(group->folder, new_group_name());
  if (!folder) {
    mechanisms.push_back({name, false, folder.error().message,
                          "run the agent as root, or delegate a group to its user: as root, mkdir " + group->folder +
                              "/forgepool; chown USER " + group->folder + "/forgepool " + group->folder +
                              "/forgepool/*; and write the pid of the shell that starts it to " + group->folder +
                              "/forgepool/cgroup.procs"});
    return {};
  }
  mechanisms.push_back({name, true, "groups are made in " + group->folder});
  return group->folder;
}

}  // namespace

std::unique_ptr<CgroupSite> open_cgroup_v1(const std::vector<OwnGroup>& groups, std::vector<SandboxMechanism>& mechanisms) {
  const auto memory = usable_folder(groups, "memory", mechanisms);
  const auto pids = usable_folder(groups, "pids", mechanisms);
  const auto cpuacct = usable_folder(groups, "cpuacct", mechanisms);
  if (memory.empty() || pids.empty() || cpuacct.empty()) return nullptr;
  if (auto trial = V1Group::make(memory, pids, cpuacct, GroupLimits({})); !trial) {
    mechanisms.push_back({"cgroup v1 limits", false, trial.error().message});
    return nullptr;
  }
  return std::make_unique<V1Site>(memory, pids, cpuacct);
}

}  // namespace forgepool::sandbox
