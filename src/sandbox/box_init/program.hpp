#pragma once
/// Starting the shard's program as the second process of the box.
#include "sandbox/box_init/runtime.hpp"

namespace forgepool::sandbox::box_init {

struct Started {
  BoxFailure failure;
  long pid = -1;       ///< In the box's pid namespace.
  long listener = -1;  ///< Of the program's system-call filter.
  // Of a strict program:
  long parked = -1;   ///< The pipe on which it says that it waits, and asks for help.
  long asking = -1;   ///< Our copy of its end of that pipe.
  long go = -1;       ///< The pipe on which it waits for help.
  long waiting = -1;  ///< Our copy of its end of that one.
};

/// Forks; the child joins its cgroups, limits itself, gives up every privilege, installs the filter and executes the program.
/// Returns when it has done so, or could not.
Started start_program(const PlanView& view);

// Steps of the program's process.
BoxFailure join_cgroups(const BoxPlan& plan);
BoxFailure fix_surroundings();
BoxFailure apply_limits(const BoxPlan& plan);
BoxFailure drop_capabilities();

/// So that capabilities which are dropped cannot come back, here and in every process started from here on. Takes one itself,
/// which a process in a prepared root has not got.
BoxFailure bound_capabilities();

}  // namespace forgepool::sandbox::box_init
