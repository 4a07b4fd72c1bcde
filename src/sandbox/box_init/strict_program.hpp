#pragma once
/// Starting a strict program: in a process that has prepared everything but the run's own inputs, and waits for them.
#include "sandbox/box_init/program.hpp"

namespace forgepool::sandbox::box_init {

/// Forks; the child limits itself, gives up every privilege, throws away its address space, loads the program, installs the
/// filter and waits.
Started fork_strict_program(const PlanView& view);

/// Returns when it waits, or could not get that far.
void wait_for_strict_program(Started& started);

/// Lets it go.
void run_strict_program(const Started& started, const std::uint8_t (&seed)[32]);

}  // namespace forgepool::sandbox::box_init
