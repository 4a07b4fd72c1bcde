#pragma once

namespace forgepool::sandbox::box_init {

/// Installs the handlers through which emulation happens: SIGSYS for system calls that the filter traps, SIGILL for
/// instructions that were rewritten. They run on a stack of their own: what is on the program's stack stays a matter of the
/// program alone. 0 or -errno.
long install_traps();

}  // namespace forgepool::sandbox::box_init
