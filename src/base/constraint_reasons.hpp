#pragma once
/// What people and programs are told when a constraint of a job keeps agents from it.
#include <forgepool/scheduler.hpp>

namespace forgepool {

/// `agents` of the `present` agents that are there do not meet the constraint.
WaitReason constraint_reason(Constraint constraint, std::uint64_t agents, std::uint64_t present, const SchedulerJob& job);

}  // namespace forgepool
