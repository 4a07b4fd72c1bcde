#pragma once
/// Where functions lie, by what serves to unwind the stack (.eh_frame): compilers write it for every function, and stripping
/// leaves it.
#include "machine_code/program_code.hpp"

namespace forgepool::machine_code {

/// `section` is loaded at `address`. Reads as far as it is well-formed, and passes over what is encoded in a way that is not
/// used for static x86-64 programs.
void add_unwound_functions(ByteView section, std::uint64_t address, std::vector<AddressRange>& functions);

}  // namespace forgepool::machine_code
