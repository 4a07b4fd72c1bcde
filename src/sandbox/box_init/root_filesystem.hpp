#pragma once
/// The file system that the program sees.
#include "sandbox/box_init/runtime.hpp"

namespace forgepool::sandbox::box_init {

/// Makes the root: a tmpfs with /in (the input files), /out and /tmp (each a tmpfs of its own with limits) and /dev/null. Then
/// moves into it, drops the old root and makes everything but /out and /tmp read-only. There is no /proc and no /sys.
BoxFailure build_root(const PlanView& view);

}  // namespace forgepool::sandbox::box_init
