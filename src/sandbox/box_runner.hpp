#pragma once
/// One run from request to report: everything that a run needs is made here, handed to launch and supervisor, and gone at the
/// end.
#include "sandbox/box_plan.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/identity.hpp"
#include "sandbox/seccomp_policy.hpp"
#include "sandbox/unique_fd.hpp"

#include <map>
#include <set>

namespace forgepool::sandbox {

/// What all runs share. Constant; all borrowed parts outlive the runs.
struct BoxMachine {
  UniqueFd init_image;
  UniqueFd null_device;
  /// By set of relaxations.
  std::map<std::set<SandboxRelaxation>, SeccompProgram> filters;
  /// Null: no cgroups, level `namespaces`.
  std::unique_ptr<CgroupSite> groups;
  /// Boxes get a user of their own.
  bool separate_users = false;
  std::string uid_map, gid_map;
};

struct BoxRun {
  SandboxReport report;
  BoxFailure failure;  ///< With outcome `setup_failed`: the step, where one is known.
};

/// Runs `program_image` (sealed, executable) for a request that has passed problem_with(). May throw std::bad_alloc.
BoxRun run_box(const BoxMachine& machine, const SandboxRequest& request, int program_image);

}  // namespace forgepool::sandbox
