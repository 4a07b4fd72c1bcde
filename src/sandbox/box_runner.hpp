#pragma once
/// One run from request to report: everything that a run needs is made here, handed to launch and supervisor, and gone at the
/// end.
#include "sandbox/box_plan.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/identity.hpp"
#include "sandbox/launch.hpp"
#include "sandbox/program_image.hpp"
#include "sandbox/seccomp_policy.hpp"
#include "sandbox/stdio_capture.hpp"
#include "sandbox/unique_fd.hpp"
#include "sandbox/zygote.hpp"

namespace forgepool::sandbox {

/// What all runs share. Constant; all borrowed parts outlive the runs.
struct BoxMachine {
  ProgramImage init_image;
  UniqueFd null_device;
  PolicyFilters filters;
  SeccompProgram strict_filter;
  /// Null only where `launch` is not.
  std::unique_ptr<Zygote> zygote;
  /// Null: no cgroups, level `namespaces`.
  std::unique_ptr<CgroupSite> groups;
  /// Null: the zygote. Another one prepares the root itself.
  Launch launch;
  SandboxLevel level_without_groups = SandboxLevel::namespaces;
  /// Boxes get a user of their own.
  bool separate_users = false;
  std::string uid_map, gid_map;
};

struct BoxRun {
  SandboxReport report;
  BoxFailure failure;      ///< With outcome `setup_failed`: the step, where one is known.
  bool renewable = false;  ///< The box may be renewed.
};

/// A box that has been started and not been waited for. A strict one prepares itself and then waits for its run; any other one
/// runs. Destruction ends it.
struct OpenBox {
  std::unique_ptr<RunGroup> group;
  StdioCapture standard_output;
  StdioCapture standard_error;
  SandboxLevel level = SandboxLevel::none;  ///< What it enforces.
  UniqueFd plan;
  bool renewed = false;
  /// After the group: it is dead before the group is removed, whatever happens.
  Box box;
};

enum class BoxUse {
  once,
  again,  ///< Strict ones only: it can be renewed. Costs a fork more before the first run, and less in all others.
};

/// Opens a box for a request that has passed problem_with(), with the program's image for its class. The files and the seed
/// of a strict request do not matter yet. On failure null, and why in `failed`. May throw std::bad_alloc.
std::unique_ptr<OpenBox> open_box(const BoxMachine& machine, const SandboxRequest& request, const ProgramImage& image,
                                  BoxUse use, BoxRun& failed);

/// Waits until a strict box is ready for its run, or dead.
void wait_until_ready(const OpenBox& box);
/// Ready, and nothing has happened to it since.
bool is_ready(const OpenBox& box);

/// Runs a box that was opened for this request, or, with a strict one, for one that differs in files and seed only.
BoxRun run_open_box(OpenBox& box, const SandboxRequest& request, std::chrono::steady_clock::time_point start);

/// Makes a box for more than one run, in which one has ended well, ready for another that differs in files and seed only.
/// Nothing that the program has written is kept, and nothing of its process: memory, descriptors, and the file systems that it
/// has changed are new. What stays are namespaces, a cgroup, a filter, and a stem that each program's process is forked from
/// (box_init/stem.hpp), which no strict program can change: it has no capabilities, and any call that would reach them is
/// refused, or a violation, after which (as after any other end than a good one) a box is not renewed. Returns before it is
/// ready. False if it cannot be; then end it.
bool renew(OpenBox& box, const SandboxLimits& limits);

/// Waits for a renewed box to be ready. False if it cannot be used.
bool become_usable(OpenBox& box, const SandboxRequest& request);

/// All of it.
BoxRun run_box(const BoxMachine& machine, const SandboxRequest& request, const ProgramImage& image);

}  // namespace forgepool::sandbox
