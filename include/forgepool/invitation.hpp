#pragma once
/// What a join token makes of those who enrol with it: said by the hub's operator, believed by the hub, never by the node.
#include <forgepool/scheduler.hpp>

namespace forgepool {

struct Invitation {
  std::string role = "agent";  ///< agent or client
  /// Of agents: where, whose and how far trusted they are, what they may run. `id`, `organization` and `draining` say nothing
  /// here.
  SchedulerAgent agent{};
  Duration life = std::chrono::hours(1);  ///< Of the token; 1 second to 30 days.
  std::uint32_t uses = 1;                 ///< How many nodes may enrol with it; 1 to 10,000.
  std::string project{};                  ///< Of clients: all of one share its jobs and inputs. Empty: each has its own.
  std::string visibility = "private";     ///< Of agents: private (for this organization's work alone) or public.
};

}  // namespace forgepool
