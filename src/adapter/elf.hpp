#pragma once
/// Looks at a program's headers before it becomes part of a package: what does not start without an interpreter or shared
/// libraries would run differently, or not at all, from one agent to the next.
#include <forgepool/bytes.hpp>

namespace forgepool::adapter {

/// unsupported, with the reason, unless `program` is a static x86-64 ELF (ET_EXEC, or ET_DYN without needs). Looks at the
/// headers only; bounded by their number.
Status check_static_elf(ByteView program);

}  // namespace forgepool::adapter
