#include "sandbox/cgroup.hpp"
#include "sandbox/cgroup_files.hpp"
#include "sandbox/cgroup_v2_place.hpp"
#include "sandbox/limits.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

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
    const auto in_use = reread(in_use_);
    if (in_use.empty() || first_number(in_use) > most_bytes) return false;
    cpu_ns_before_ = cpu_ns();
    oom_kills_before_ = oom_kills();
    limit_hits_before_ = limit_hits();
    // Since Linux 6.12, for those who read through this descriptor. Before, what earlier runs have needed hides what this one
    // does, unless it needs more.
    const bool counts_anew = peak_ && ::pwrite(peak_.get(), "0", 1, 0) == 1;
    peak_before_ = counts_anew ? 0 : peak();
    most_seen_ = 0;
    return true;
  }

  CgroupCounters counters() override {
    CgroupCounters counters{oom_kills() - oom_kills_before_, limit_hits() - limit_hits_before_, cpu_ns() - cpu_ns_before_,
                            peak()};
    if (counters.peak_memory_bytes > peak_before_) return counters;
    const auto in_use = first_number(reread(in_use_));
    most_seen_ = std::max(most_seen_, in_use);
    counters.seen = CgroupCounters::SeenMemory{most_seen_, in_use};
    return counters;
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
    const auto open = [this](const char* name, int flags, UniqueFd& fd) -> Status {
      auto opened = folder_.open(name, flags);
      if (!opened) return fail(opened.error());
      fd = std::move(*opened);
      return {};
    };
    if (auto status = open("", O_RDONLY | O_DIRECTORY, into_); !status) return status;
    if (auto status = open("memory.events", O_RDONLY, memory_events_); !status) return status;
    if (auto status = open("memory.current", O_RDONLY, in_use_); !status) return status;
    if (auto status = open("pids.events", O_RDONLY, pids_events_); !status) return status;
    if (auto status = open("cpu.stat", O_RDONLY, cpu_); !status) return status;
    // Since Linux 5.19; to be written to since 6.12.
    if (!open("memory.peak", O_RDWR, peak_)) static_cast<void>(open("memory.peak", O_RDONLY, peak_));
    return {};
  }

  std::uint64_t oom_kills() const { return number_of(reread(memory_events_), "oom_kill"); }
  std::uint64_t limit_hits() const { return number_of(reread(pids_events_), "max"); }
  std::uint64_t peak() const { return first_number(reread(peak_)); }
  std::uint64_t cpu_ns() const { return number_of(reread(cpu_), "usage_usec") * 1000; }

  GroupFolder folder_;
  UniqueFd into_, memory_events_, pids_events_, cpu_, in_use_, peak_;
  std::uint64_t oom_kills_before_ = 0, limit_hits_before_ = 0, cpu_ns_before_ = 0;
  std::uint64_t peak_before_ = 0, most_seen_ = 0;
};

class V2Site final : public CgroupSite {
 public:
  explicit V2Site(std::string parent) : parent_(std::move(parent)) {}
  Result<std::unique_ptr<RunGroup>> create(const SandboxRequest& request) override { return V2Group::make(parent_, request); }

 private:
  const std::string parent_;
};

}  // namespace

std::unique_ptr<CgroupSite> open_cgroup_v2(const OwnGroup& group, std::vector<SandboxMechanism>& mechanisms) {
  const auto report = [&](bool available, std::string detail, std::string remedy = "") {
    mechanisms.push_back({"cgroup v2 memory and pids", available, std::move(detail), std::move(remedy)});
  };
  const bool root = geteuid() == 0;
  const auto place = find_place_for_groups(group.folder);
  if (!place) {
    report(false, describe(place.error()), remedy_for(place.error(), root));
    return nullptr;
  }
  remove_stale_groups(*place);
  if (auto trial = V2Group::make(*place, {}); !trial) {
    const CgroupObstacle obstacle{CgroupObstacle::Kind::unexpected, *place, trial.error().message};
    report(false, describe(obstacle), remedy_for(obstacle, root));
    return nullptr;
  }
  report(true, "groups are made in " + *place +
                   (leaf_of(*place).empty() ? "" : "; more agents for it have to be started in " + leaf_of(*place)));
  return std::make_unique<V2Site>(*place);
}

}  // namespace forgepool::sandbox
