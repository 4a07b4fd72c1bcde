#pragma once
/// The file system that the program sees: a root that all boxes of a zygote share, read-only, and in it /in, /out and /tmp,
/// each a tmpfs of the box's own. There is no /proc and no /sys.
#include "sandbox/box_init/output_watch.hpp"

namespace forgepool::sandbox::box_init {

/// Of the zygote: makes the root, moves into it and drops the host's. Every box begins with a copy of its mounts.
BoxFailure build_root();

/// Of a box: /in, which can be written to until make_read_only.
BoxFailure mount_input(const PlanView& view);
/// Of a box: /out and /tmp, and what covers the entries that are not for it.
BoxFailure mount_outputs(const PlanView& view);

BoxFailure make_read_only(const char* mount);

/// A way into /in that stays writable: a mount of its own, seen by nobody who does not hold this descriptor. Or -errno.
long open_input_folder();

/// For the next program of the same strict box, when the last one is gone: new file systems for /out and /tmp, if anything was
/// changed there, and for /in, if there were files. Not emptied ones, which number their next files on. `input_folder` is from
/// open_input_folder, and comes anew. The rest nobody could write to.
BoxFailure renew_folders(const PlanView& view, OutputWatch& outputs, long& input_folder);

/// `view` is what the files' offsets are in.
BoxFailure write_input_files(long folder, const PlanView& view, const PlannedFile* files, std::uint64_t count);

}  // namespace forgepool::sandbox::box_init
