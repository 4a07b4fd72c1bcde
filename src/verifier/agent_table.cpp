#include "verifier/agent_table.hpp"

#include <algorithm>

namespace forgepool {

AgentNumber AgentTable::obtain(const AgentId& id) {
  const auto [entry, added] = numbers_.try_emplace(id, static_cast<AgentNumber>(agents_.size()));
  if (added) agents_.push_back({.id = id, .operator_number = next_operator_++});  // By itself until we hear otherwise.
  return entry->second;
}

std::optional<AgentNumber> AgentTable::find(const AgentId& id) const {
  const auto found = numbers_.find(id);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

void AgentTable::belongs_to(AgentNumber agent, const std::string& operator_id) {
  if (operator_id.empty()) return;
  const auto [entry, added] = operators_.try_emplace(operator_id, next_operator_);
  if (added) ++next_operator_;
  agents_[agent].operator_number = entry->second;
}

AgentTrust AgentTable::trust(AgentNumber agent, Epoch epoch) const {
  const Agent& known = agents_[agent];
  const auto after = std::ranges::upper_bound(known.earned, epoch, {}, &Earned::epoch);
  return {after == known.earned.begin() ? 0 : std::prev(after)->total, known.on_probation};
}

void AgentTable::earn(AgentNumber agent, std::uint64_t checks, Epoch epoch) {
  Agent& known = agents_[agent];
  if (checks == 0 || known.in_quarantine) return;
  // Of what is older than any job, the last one says everything.
  while (known.earned.size() > 1 && known.earned[1].epoch <= oldest_) known.earned.erase(known.earned.begin());
  known.earned.push_back({epoch, checks + (known.earned.empty() ? 0 : known.earned.back().total)});
}

bool AgentTable::put_in_quarantine(AgentNumber agent) {
  agents_[agent].earned.clear();
  return !std::exchange(agents_[agent].in_quarantine, true);
}

bool AgentTable::pardon(AgentNumber agent) {
  if (!std::exchange(agents_[agent].in_quarantine, false)) return false;
  agents_[agent].on_probation = true;
  agents_[agent].refuted = 0;
  return true;
}

}  // namespace forgepool
