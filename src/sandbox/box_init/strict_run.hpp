#pragma once
/// One run of a strict program, in a process of its own.
#include "sandbox/box_init/stem_page.hpp"
#include "sandbox/box_init/strict_program.hpp"
#include "sandbox/strict/stem_filter.hpp"

namespace forgepool::sandbox::box_init {

/// In a fork of the stem, at once.
void give_up_what_the_stem_has(const StrictProgram& program, const strict::StemToken& token);

/// Takes the run from the control socket, forgets everything, the token above all, and begins the program.
[[noreturn]] void run_strict_program(const StrictProgram& program, const StemOrder& order);

}  // namespace forgepool::sandbox::box_init
