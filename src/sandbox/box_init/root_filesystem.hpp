#pragma once
/// The file system that the program sees.
#include "sandbox/box_init/runtime.hpp"

namespace forgepool::sandbox::box_init {

/// Makes the root: a tmpfs with /in, /out and /tmp (the latter each a tmpfs of its own with limits) and /dev/null; and moves
/// into it. There is no /proc and no /sys.
BoxFailure build_root(const PlanView& view);

/// Drops the old root, which until then lies on top of ours: out of reach for paths that start at "/", but not gone. The kernel
/// takes its time for this. No program may run before.
BoxFailure drop_host();

/// "/" for everything that is not a mount of its own, as /out and /tmp are, and /in of a strict box.
BoxFailure make_read_only(const char* mount);

/// A way into /in that stays writable: a mount of its own, seen by nobody who does not hold this descriptor. Or -errno.
long open_input_folder();

/// For the next program of the same strict box, when the last one is gone: new file systems for /out, /tmp and, if there were
/// files, /in. Not emptied ones, which number their next files on. `folder` is from open_input_folder, and comes anew. The rest
/// nobody could write to.
BoxFailure renew_root(const PlanView& view, long& folder);

/// `view` is what the files' offsets are in.
BoxFailure write_input_files(long folder, const PlanView& view, const PlannedFile* files, std::uint64_t count);

}  // namespace forgepool::sandbox::box_init
