#pragma once
/// Starting the shard's program as the second process of the box.
#include "sandbox/box_init/runtime.hpp"
#include "sandbox/strict/world.hpp"

namespace forgepool::sandbox::box_init {

struct Started {
  BoxFailure failure;
  long pid = -1;       ///< In the box's pid namespace.
  long listener = -1;  ///< Of the program's system-call filter.
};

/// Forks; the child joins its cgroups, limits itself, gives up every privilege, installs the filter and executes the program.
/// Returns when it has done so, or could not.
Started start_program(const PlanView& view);

// Steps of the program's process.
BoxFailure join_cgroups(const BoxPlan& plan);
BoxFailure fix_surroundings();
/// What the agent itself is held to cannot be raised, nor should it be.
BoxFailure possible_limit(const PlannedLimit& planned, strict::ResourceLimit& possible);
constexpr std::uint32_t no_limit = ~0u;
BoxFailure apply_limits(const BoxPlan& plan, std::uint32_t left_out = no_limit);
/// All `but` those of this mask.
BoxFailure drop_capabilities(std::uint64_t but = 0);

/// User 0 means nothing, here and in every process started from here on. Takes a capability itself, which a process in a
/// prepared root has not got.
BoxFailure lock_users();
/// So that capabilities which are dropped cannot come back by executing a file. Takes a capability, too.
BoxFailure bound_capabilities();

}  // namespace forgepool::sandbox::box_init
