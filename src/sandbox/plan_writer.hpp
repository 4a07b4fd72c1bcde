#pragma once
/// Writes the plan of one run (box_plan.hpp) into a memory file for the box's first process.
#include "sandbox/box_plan.hpp"
#include "sandbox/program_image.hpp"
#include "sandbox/seccomp_policy.hpp"
#include "sandbox/unique_fd.hpp"

#include <forgepool/sandbox.hpp>

namespace forgepool::sandbox {

struct PlanInput {
  const SandboxRequest& request;
  const SeccompProgram& filter;
  const ProgramImage& image;
  bool group_limits = false;       ///< A cgroup limits memory and processes.
  std::uint32_t cgroup_count = 0;  ///< Descriptors from plan_cgroup_fd on.
  bool drop_groups = false;
  bool prepared_root = false;
  bool reusable = false;
};

/// `internal` if there is no memory for it. The request has passed problem_with(). The plan of a strict box leaves out the
/// request's files and its seed.
Result<UniqueFd> write_plan(const PlanInput& input);

/// What the plan of a strict box left out, as the message to its first process: a RunMessage, and the run itself unless that is
/// so large that it was added to the plan.
Result<Bytes> write_run(int plan, const SandboxRequest& request);

}  // namespace forgepool::sandbox
