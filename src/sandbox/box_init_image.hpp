#pragma once
/// The program of the box's first process (box_init/), built into this library.
#include <forgepool/bytes.hpp>

namespace forgepool::sandbox {

/// A static ELF of a few kilobytes. With an argument it exits with 0 at once, which makes it the trial program too.
ByteView box_init_image();

}  // namespace forgepool::sandbox
