#pragma once
/// Which instructions give results that depend on the machine or the moment although no sandbox can come between, which of them
/// can be answered in the processor's place once they are rewritten to fault.
///
/// Not in here, because they are trapped or refused elsewhere: system calls in all their forms (the system-call filter), and
/// privileged instructions (they fault everywhere).
#include "machine_code/rewritten_instruction.hpp"
#include "machine_code/unfixed.hpp"

#include <Zydis/Zydis.h>

namespace forgepool::machine_code {

struct Rule {
  ZydisMnemonic mnemonic;
  Unfixed reason;
  Question question = Question::none;
};

/// Null for an instruction whose result follows from its operands.
const Rule* rule_of(ZydisMnemonic mnemonic);

}  // namespace forgepool::machine_code
