#include "verifier/agent_table.hpp"

namespace forgepool {

AgentNumber AgentTable::obtain(const AgentId& id) {
  const auto [entry, added] = numbers_.try_emplace(id, static_cast<AgentNumber>(agents_.size()));
  if (added) agents_.push_back({id});
  return entry->second;
}

bool AgentTable::put_in_quarantine(AgentNumber agent) {
  return !std::exchange(agents_[agent].in_quarantine, true);
}

}  // namespace forgepool
