#pragma once
/// What was observed of a run, and what it amounts to.
#include "sandbox/box_plan.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/unique_fd.hpp"

#include <forgepool/sandbox.hpp>

#include <optional>

namespace forgepool::sandbox {

struct Violation {
  std::uint32_t audit_architecture = 0;
  int number = 0;
};

struct RunFacts {
  /// Why the supervisor killed the box. The first reason stands.
  enum class Stop { none, cancelled, wall_time, cpu_time, out_of_memory, violation };
  Stop stop = Stop::none;
  std::optional<Violation> violation;

  BoxFailure failure;          ///< Of the setting up.
  std::string failure_reason;  ///< In place of the errno's text.
  bool started = false;
  std::optional<int> wait_status;  ///< Of the program, as from wait4.
  UniqueFd out;                    ///< The folder /out, when started.
  UniqueFd tmp;

  CgroupCounters counters;  ///< All 0 without cgroups.
  bool group_limits = false;
  std::uint64_t peak_process_bytes = 0;
  std::uint64_t cpu_ms = 0;  ///< Of the group where there is one, else of what was waited for.
  std::uint64_t wall_ms = 0;
  bool out_exhausted = false;  ///< /out had no room left at the end.
  bool tmp_exhausted = false;
};

/// The outcome, apart from what is found in /out. Where several limits were hit, the one that says most wins: a cancelled run
/// is cancelled, a forbidden call is a violation even if it also took long.
SandboxOutcome outcome_of(const RunFacts& facts, const SandboxLimits& limits);

/// What the run took. Memory is the group's peak, where the kernel counted it for this run. Where an earlier one in the group
/// needed as much or more, it is what was seen: the largest process and what was left in the group beside it, which is more
/// than the peak if the two were never there at once.
SandboxUsage usage_of(const RunFacts& facts);

}  // namespace forgepool::sandbox
