#pragma once
/// What a production hub decides with: the one place where the simulators say so.
#include <forgepool/scheduler.hpp>
#include <forgepool/verifier.hpp>

#include <memory>

namespace forgepool::testing {

/// Agents that send no heartbeats need `silence_allowed`: leases and agents live so long without one.
std::unique_ptr<Scheduler> production_scheduler();
std::unique_ptr<Scheduler> production_scheduler(Duration silence_allowed);
std::unique_ptr<Verifier> production_verifier(double canary_ratio = 0.01);

}  // namespace forgepool::testing
