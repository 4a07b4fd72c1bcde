#include "testing/production_parts.hpp"

#include <forgepool/backends/adaptive_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>

namespace forgepool::testing {

std::unique_ptr<Scheduler> production_scheduler() {
  return make_fair_share_scheduler();
}

std::unique_ptr<Scheduler> production_scheduler(Duration silence_allowed) {
  return make_fair_share_scheduler(
      {.lease_duration = silence_allowed, .agent_timeout = silence_allowed, .heartbeat_grace = silence_allowed});
}

std::unique_ptr<Verifier> production_verifier(double canary_ratio) {
  return make_adaptive_verifier({.canary_ratio = canary_ratio});
}

}  // namespace forgepool::testing
