#pragma once
/// A request's limits in the kernel's terms: resource limits of the program and sizes of its file systems.
#include "sandbox/box_plan.hpp"

#include <forgepool/sandbox.hpp>

#include <vector>

namespace forgepool::sandbox {

constexpr std::uint64_t page_bytes = 4096;

/// Rounds up to whole pages; saturates far below overflow.
std::uint64_t whole_pages(std::uint64_t bytes);

/// For the program and, each on its own, everything it starts. With `group_limits` (cgroups) memory and processes are limited
/// as a group, and these are a second line behind; without, they are the limit itself.
std::vector<PlannedLimit> resource_limits(const SandboxLimits& limits, bool group_limits);

/// Of strict programs: the same with and without cgroups, since a program can come to feel them.
std::vector<PlannedLimit> strict_resource_limits(const SandboxLimits& limits);

/// That count in a run's group: the program's own and, of a strict one, the stem (box_init/stem.hpp).
std::uint64_t processes_in_group(const SandboxRequest& request);

struct TmpfsSize {
  std::uint64_t bytes;
  std::uint64_t inodes;
};
/// /in.
TmpfsSize in_size(const SandboxRequest& request);
/// The same before the files are known: what only we write to needs no limit.
TmpfsSize strict_in_size();
/// A little more than allowed, so that a program which leaves too much is told apart from one which leaves exactly enough.
TmpfsSize out_size(const SandboxLimits& limits);
TmpfsSize tmp_size(const SandboxLimits& limits);

}  // namespace forgepool::sandbox
