#include "scheduler/agent_registry.hpp"

#include <algorithm>

namespace forgepool {

bool region_allowed(const std::vector<std::string>& regions, const std::string& region) {
  return regions.empty() || std::ranges::find(regions, region) != regions.end();
}

KnownAgent* AgentRegistry::find_present(const AgentId& id) {
  const auto found = agents_.find(id);
  return found != agents_.end() && found->second.present ? &found->second : nullptr;
}

KnownAgent& AgentRegistry::obtain(const AgentId& id) {
  const auto [entry, added] = agents_.try_emplace(id);
  if (added) {
    entry->second.id = id;
    entry->second.number = next_number_++;
  }
  return entry->second;
}

void AgentRegistry::seen(KnownAgent& agent, const std::string& region, Time now) {
  if (agent.present && agent.region == region) {
    by_last_seen_.splice(by_last_seen_.end(), by_last_seen_, agent.place);
  } else {
    if (agent.present) {
      count(agent, -1, agent.leases.empty() ? 0 : -1);
      by_last_seen_.erase(agent.place);
    }
    agent.present = true;
    agent.region = region;
    agent.place = by_last_seen_.insert(by_last_seen_.end(), &agent);
    count(agent, 1, agent.leases.empty() ? 0 : 1);
  }
  agent.last_seen = std::max(agent.last_seen, now);
}

void AgentRegistry::left(KnownAgent& agent) {
  if (agent.present) {
    count(agent, -1, agent.leases.empty() ? 0 : -1);
    by_last_seen_.erase(agent.place);
    agent.present = false;
  }
  forget_if_unused(agent);
}

void AgentRegistry::add_lease(KnownAgent& agent, LeaseRecord* lease) {
  if (agent.leases.empty() && agent.present) count(agent, 0, 1);
  agent.leases.insert(lease);
}

void AgentRegistry::remove_lease(KnownAgent& agent, LeaseRecord* lease) {
  agent.leases.erase(lease);
  if (agent.leases.empty() && agent.present) count(agent, 0, -1);
  forget_if_unused(agent);
}

void AgentRegistry::release(KnownAgent& agent) {
  --agent.remembered;
  forget_if_unused(agent);
}

AgentCount AgentRegistry::within(const std::vector<std::string>& regions) const {
  if (regions.empty()) return everywhere_;
  AgentCount sum;
  for (const std::string& region : regions) {
    const auto found = by_region_.find(region);
    if (found == by_region_.end()) continue;
    sum.present += found->second.present;
    sum.busy += found->second.busy;
  }
  return sum;
}

void AgentRegistry::count(const KnownAgent& agent, int present, int busy) {
  AgentCount& here = by_region_[agent.region];
  for (AgentCount* each : {&here, &everywhere_}) {
    each->present += static_cast<std::uint64_t>(present);
    each->busy += static_cast<std::uint64_t>(busy);
  }
  if (here.present == 0) by_region_.erase(agent.region);
}

void AgentRegistry::forget_if_unused(KnownAgent& agent) {
  if (!agent.present && agent.remembered == 0 && agent.leases.empty()) agents_.erase(AgentId(agent.id));
}

}  // namespace forgepool
