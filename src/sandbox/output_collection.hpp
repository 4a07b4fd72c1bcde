#pragma once
/// Taking what a program has left in /out. It is hostile until shown otherwise: names, kinds, sizes, counts.
#include "sandbox/limits.hpp"

#include <forgepool/sandbox.hpp>

#include <map>

namespace forgepool::sandbox {

/// The regular files in the folder `out_fd`, by name. Call when no process can change it any more. `too_large` or
/// `invalid_input` with the reason, for the detail of `output_limit`, if anything in it is not an ordinary output: another kind
/// of file, a second link, a name that is not plain, too many, too large. Nothing is read before all of that is known for the
/// file.
Result<std::map<std::string, Bytes>> collect_outputs(int out_fd, const SandboxLimits& limits);

/// Whether the file system that `fd` is in has no room left: then a program has run into its limit, whatever it made of that.
bool is_exhausted(int fd);

}  // namespace forgepool::sandbox
