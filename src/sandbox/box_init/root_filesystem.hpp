#pragma once
/// The file system that the program sees.
#include "sandbox/box_init/runtime.hpp"

namespace forgepool::sandbox::box_init {

/// Makes the root: a tmpfs with /in, /out and /tmp (the latter each a tmpfs of its own with limits) and /dev/null. Then moves
/// into it and drops the old root. There is no /proc and no /sys.
BoxFailure build_root(const PlanView& view);

/// Fills /in and makes everything but /out and /tmp read-only. `view` is what the files' offsets are in.
BoxFailure complete_root(const PlanView& view, const PlannedFile* files, std::uint64_t count);

}  // namespace forgepool::sandbox::box_init
