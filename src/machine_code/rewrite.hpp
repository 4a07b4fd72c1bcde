#pragma once
/// Programs in which each instruction that would tell something about the machine or the moment faults instead, so that
/// somebody else can answer.
#include "machine_code/rewritten_instruction.hpp"

#include <forgepool/bytes.hpp>
#include <forgepool/result.hpp>

#include <vector>

namespace forgepool::machine_code {

struct RewrittenProgram {
  Bytes program;                            ///< Differs from the original in those instructions alone.
  std::vector<RewrittenInstruction> table;  ///< By address.
};

/// Puts `ud2` (two bytes, as long as the shortest of them; the rest is filled with `nop`) in place of what find_unfixed() finds
/// in functions. Elsewhere, what looks so may be data: it stays, and if it looks like a question that somebody would answer,
/// the result is `unsupported` with the place. `program` has passed check_static_elf().
Result<RewrittenProgram> rewrite_unfixed(ByteView program);

/// Why an instruction outside of functions is not rewritten, and what to do.
extern const char* const uncertain_code;

}  // namespace forgepool::machine_code
