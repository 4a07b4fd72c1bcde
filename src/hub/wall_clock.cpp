#include "hub/wall_clock.hpp"

#include <fmt/core.h>

#include <chrono>

namespace forgepool::hub {
namespace {

// The two clocks are read one after the other, and time servers nudge both: only more than this was somebody who set one.
constexpr Duration noticeable = std::chrono::seconds(1);

}  // namespace

Duration WallClock::look(Time wall, Time steady) {
  const Duration by = (wall - steady) - set_by_;
  if (std::chrono::abs(by) < noticeable) return Duration::zero();
  set_by_ += by;
  return by;
}

std::string describe_clock(Duration ahead) {
  const double minutes = std::chrono::duration<double, std::ratio<60>>(std::chrono::abs(ahead)).count();
  const auto [number, unit] = minutes < 120       ? std::pair(minutes, "minutes")
                              : minutes < 48 * 60 ? std::pair(minutes / 60, "hours")
                                                  : std::pair(minutes / (24 * 60), "days");
  return fmt::format("{:.1f} {} {} the hub's", number, unit, ahead > Duration::zero() ? "ahead of" : "behind");
}

void SteadyScheduler::add_job(const SchedulerJob& job, Time now) {
  SchedulerJob placed = job;
  if (placed.deadline) *placed.deadline = steady(*placed.deadline);
  scheduler_.add_job(placed, steady(now));
}

Lease SteadyScheduler::placed(const Lease& lease) const {
  Lease placed = lease;
  placed.granted = steady(lease.granted);
  placed.deadline = steady(lease.deadline);
  return placed;
}

void SteadyScheduler::restore(const Lease& lease) {
  scheduler_.restore(placed(lease));
}

bool SteadyScheduler::resume(const Lease& lease, Time now) {
  return scheduler_.resume(placed(lease), steady(now));
}

Result<Lease> SteadyScheduler::finish(const LeaseId& lease, const AgentId& agent) {
  auto finished = scheduler_.finish(lease, agent);
  if (finished) date(*finished);
  return finished;
}

std::optional<Time> SteadyScheduler::next_deadline() const {
  auto next = scheduler_.next_deadline();
  if (next) *next += clock_.set_by();
  return next;
}

std::optional<Lease> SteadyScheduler::dated(std::optional<Lease> lease) const {
  if (lease) date(*lease);
  return lease;
}

std::vector<Lease> SteadyScheduler::dated(std::vector<Lease> leases) const {
  for (Lease& lease : leases) date(lease);
  return leases;
}

void SteadyScheduler::date(Lease& lease) const {
  lease.granted += clock_.set_by();
  lease.deadline += clock_.set_by();
}

}  // namespace forgepool::hub
