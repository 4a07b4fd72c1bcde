#pragma once
/// Starting the first process of a box through bwrap.
#include "sandbox/launch.hpp"

namespace forgepool::sandbox {

/// Descriptors of bwrap for files of the box begin here; it closes them itself. Those of the first process (box_plan.hpp) are
/// below and are passed through.
constexpr int bubblewrap_file_fd = plan_program_fd + 1;

/// The most input files: each needs a descriptor, and 1024 is what a process usually may have.
constexpr std::size_t max_bubblewrap_files = 512;

/// What bwrap is called with, after its own name. `init_bytes` is the size of the first process's program.
std::vector<std::string> bubblewrap_arguments(const SandboxRequest& request, std::uint64_t init_bytes);

/// Starts `program` (an absolute path) and, in the box that it makes, the first process.
Launched launch_in_bubblewrap(const std::string& program, const LaunchInput& input, const SandboxRequest& request);

}  // namespace forgepool::sandbox
