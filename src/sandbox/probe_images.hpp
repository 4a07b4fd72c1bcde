#pragma once
/// Programs that find out what there is, built into this library: static ELF files.
#include <forgepool/bytes.hpp>

namespace forgepool::sandbox {

/// Measures the numeric class (numeric_probe/). About a megabyte: it brings the C library whose functions it measures.
ByteView numeric_probe_image();

/// Looks whether strict programs are held to their world (strict_probe/).
ByteView strict_probe_image();

}  // namespace forgepool::sandbox
