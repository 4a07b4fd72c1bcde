#include "sandbox/machine_probe.hpp"

#include "sandbox/box_init_image.hpp"
#include "sandbox/cgroup_files.hpp"
#include "sandbox/filter_compaction.hpp"
#include "sandbox/launch.hpp"
#include "sandbox/program_image.hpp"
#include "sandbox/strict/strict_filter.hpp"
#include "sandbox/strict_trials.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace forgepool::sandbox {
namespace {

/// What the steps of setting up a box need, in their order.
struct StepGroup {
  BoxStep last;
  const char* mechanism;
  const char* remedy;
};
constexpr StepGroup step_groups[] = {
    {BoxStep::start_init, "namespaces",
     "allow user namespaces to this user: sysctl -w user.max_user_namespaces=15000; on Debian and Ubuntu also "
     "kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0; a container has to be started so "
     "that it may "
     "make them (podman and docker: --security-opt seccomp=unconfined)"},
    {BoxStep::new_session, "user and group of its own",
     "mount /proc, and let the agent's user namespace map its own user (and as root another one)"},
    {BoxStep::host_name, "root file system", "use Linux 5.12 or later, and let the agent mount in its user namespaces"},
    {BoxStep::join_cgroup, "joining the cgroup", "give the cgroup's files to the agent's user"},
    {BoxStep::drop_capabilities, "resource limits and capabilities", ""},
    {BoxStep::system_call_filter, "system-call filter", "use Linux 5.5 or later with CONFIG_SECCOMP_FILTER"},
    {BoxStep::control_socket, "sealed program", "allow memory files to be executed: sysctl -w vm.memfd_noexec=0 (or 1)"},
};

void describe_trial(const BoxRun& trial, std::vector<SandboxMechanism>& mechanisms) {
  bool reached = true;
  for (const auto& group : step_groups) {
    const bool here = reached && !trial.report.outcome.ok() && trial.failure.step <= group.last;
    if (here)
      mechanisms.push_back({group.mechanism, false, trial.report.outcome.detail, group.remedy});
    else
      mechanisms.push_back({group.mechanism, reached, reached ? "works" : "not tried"});
    reached = reached && !here;
  }
}

std::unique_ptr<CgroupSite> find_groups(std::vector<SandboxMechanism>& mechanisms) {
  const auto memberships = read_cgroup_file("/proc/self/cgroup");
  const auto mounts = read_cgroup_file("/proc/self/mountinfo");
  if (memberships && mounts) return open_cgroup_site(find_own_groups(*memberships, *mounts), mechanisms);
  mechanisms.push_back({"cgroups", false, "/proc/self/cgroup cannot be read", "mount /proc"});
  return nullptr;
}

}  // namespace

Result<std::unique_ptr<BoxMachine>> prepare_machine() {
  auto machine = std::make_unique<BoxMachine>();
  if (const auto ordinary = machine->filters.get({}); !ordinary) return fail(ordinary.error());
  const auto strict = strict::strict_filter();
  if (!strict) return fail(strict.error());
  machine->strict_filter = strict::with_stem_calls(compact(*strict));
  auto image = make_sealed_image(box_init_image(), ImageAccess::readable);
  if (!image) return fail(image.error());
  machine->init_image.file = std::move(*image);
  machine->null_device = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!machine->null_device) return fail(ErrorKind::unsupported, std::string("no /dev/null: ") + std::strerror(errno));
  const auto uid_map = read_cgroup_file("/proc/self/uid_map");
  const auto gid_map = read_cgroup_file("/proc/self/gid_map");
  if (!uid_map || !gid_map) return fail(ErrorKind::unsupported, "/proc is not mounted");
  machine->uid_map = *uid_map;
  machine->gid_map = *gid_map;
  machine->separate_users = geteuid() == 0;
  return machine;
}

BoxRun run_trial(const BoxMachine& machine) {
  SandboxRequest request;
  request.arguments = {"trial"};
  request.limits.wall_ms = 30'000;
  return run_box(machine, request, machine.init_image);
}

ProbedMachine probe_machine() {
  ProbedMachine probed;
  auto prepared = prepare_machine();
  if (!prepared) {
    probed.mechanisms.push_back({"preparation", false, prepared.error().message});
    return probed;
  }
  auto machine = std::move(*prepared);
  const auto start_zygote = [&machine] {
    machine->zygote =
        std::make_unique<Zygote>(machine->init_image.file.get(), machine->uid_map, machine->gid_map, !machine->separate_users);
  };
  start_zygote();
  auto trial = run_trial(*machine);
  if (trial.failure.step == BoxStep::map_identity || trial.failure.step == BoxStep::take_identity) {
    // Root of a container that may not map other users: then boxes run as the agent's own, without its powers.
    machine->separate_users = false;
    start_zygote();
    trial = run_trial(*machine);
  }
  describe_trial(trial, probed.mechanisms);
  if (!trial.report.outcome.ok()) return probed;
  probed.level = SandboxLevel::namespaces;

  // Finding groups may move this process into another one, and the zygote has to be where it is.
  machine->zygote.reset();
  machine->groups = find_groups(probed.mechanisms);
  start_zygote();
  if (machine->groups) {
    const auto grouped = run_trial(*machine);
    if (grouped.report.outcome.ok()) {
      probed.level = SandboxLevel::full;
    } else {
      probed.mechanisms.push_back({"running in a cgroup", false, describe(grouped.report.outcome)});
      machine->groups.reset();
    }
  }
  probed.machine = std::move(machine);
  probed.strict = try_strict(*probed.machine, probed.mechanisms);
  return probed;
}

}  // namespace forgepool::sandbox
