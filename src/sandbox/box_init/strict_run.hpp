#pragma once
/// One run of a strict program, in a process that the stem has forked.
#include "sandbox/box_init/stem_page.hpp"
#include "sandbox/box_init/strict_program.hpp"
#include "sandbox/strict/stem_filter.hpp"

namespace forgepool::sandbox::box_init {

/// By which a run's process, too, can tell the stem and hear from the first process.
struct RunChannel {
  std::int32_t orders;   ///< To the stem.
  std::int32_t answers;  ///< From the first process.
};

/// Gives up what the stem has, takes the run from the control socket, forgets the token, and begins the program.
[[noreturn]] void run_strict_program(const StrictProgram& program, RunChannel channel, const StemOrder& order,
                                     const strict::StemToken& token);

}  // namespace forgepool::sandbox::box_init
