#pragma once
/// Looks at a program's headers before it becomes part of a package, or runs.
#include <forgepool/bytes.hpp>
#include <forgepool/result.hpp>

namespace forgepool::machine_code {

/// unsupported, with the reason, unless `program` is a static x86-64 ELF (ET_EXEC, or ET_DYN without needs): what does not
/// start without an interpreter or shared libraries would run differently, or not at all, from one machine to the next. Looks
/// at the headers only and trusts none of their numbers; bounded by their number.
Status check_static_elf(ByteView program);

/// unsupported, with the segment, if something in it can be written and executed: then the code that runs need not be the code
/// that is in the program. What is no ELF has no such segment.
Status check_write_or_execute(ByteView program);

}  // namespace forgepool::machine_code
