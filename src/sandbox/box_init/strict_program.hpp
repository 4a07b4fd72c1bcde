#pragma once
/// Starting a strict program: in a process that has prepared everything but the run's own inputs, and waits for them.
#include "sandbox/box_init/program.hpp"

namespace forgepool::sandbox::box_init {

/// Forks; the child limits itself, gives up every privilege, throws away its address space, loads the program, installs the
/// filter and waits. Returns when it does so, or could not.
Started prepare_strict_program(const PlanView& view);

/// Lets it go.
void run_strict_program(const Started& started, const std::uint8_t (&seed)[32]);

}  // namespace forgepool::sandbox::box_init
