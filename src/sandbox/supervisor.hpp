#pragma once
/// Watching one run from its start to the death of its last process.
#include "sandbox/cgroup.hpp"
#include "sandbox/launch.hpp"
#include "sandbox/run_facts.hpp"
#include "sandbox/stdio_capture.hpp"

#include <chrono>

namespace forgepool::sandbox {

struct Supervision {
  Box& box;
  StdioCapture& standard_output;
  StdioCapture& standard_error;
  RunGroup* group;  ///< Null without cgroups.
  const SandboxLimits& limits;
  /// There is no process but the program's: when the first process reports its end, nothing of the shard is alive.
  bool alone;
  const std::atomic<bool>* cancelled;
  std::chrono::steady_clock::time_point start;
};

/// Blocks until everything in the box is dead, by itself or because it had to be killed. With `alone` the box's first process
/// may just be about to end.
RunFacts supervise(const Supervision& supervision);

}  // namespace forgepool::sandbox
