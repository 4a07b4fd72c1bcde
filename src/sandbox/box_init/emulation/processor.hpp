#pragma once
/// Answers in the processor's place: what a strict program's image has been rewritten for (machine_code/rewrite.hpp).
#include "sandbox/box_init/emulation/context.hpp"

namespace forgepool::sandbox::box_init {

/// If the instruction at rip is one that was rewritten and has an answer: puts that into the registers and goes on behind it.
bool answer_for_processor(std::uint64_t* registers);

}  // namespace forgepool::sandbox::box_init
