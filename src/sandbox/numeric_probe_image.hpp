#pragma once
/// The program that measures the numeric class (numeric_probe/), built into this library.
#include <forgepool/bytes.hpp>

namespace forgepool::sandbox {

/// A static ELF of about a megabyte: it brings the C library whose functions it measures.
ByteView numeric_probe_image();

}  // namespace forgepool::sandbox
