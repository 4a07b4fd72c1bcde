#pragma once
/// Starting a strict program: in a process that has prepared everything but the run's own inputs, and waits for them.
#include "sandbox/box_init/program.hpp"

namespace forgepool::sandbox::box_init {

/// Forks; the child limits itself, gives up every privilege, throws away its address space, loads the program, installs the
/// filter and waits for its run on the control socket. `input_folder` is a writable way into /in.
Started fork_strict_program(const PlanView& view, long input_folder);

/// The root is complete: it may take its run, which may have been sent already. Not before.
void let_strict_program_receive(const Started& started);

/// Returns when it waits, or could not get that far.
void wait_for_strict_program(Started& started);

/// When it has ended: closes what connected us.
void forget_strict_program(const Started& started);

/// Lets it go, if it has asked (on `parked`, with the RunMessage) for its files to be unpacked.
void run_strict_program(const Started& started, const std::uint8_t (&seed)[32]);

}  // namespace forgepool::sandbox::box_init
