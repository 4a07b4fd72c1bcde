#pragma once
/// The agents that ever answered or were put in quarantine, by small numbers.
#include <forgepool/ids.hpp>

#include <optional>
#include <unordered_map>
#include <vector>

namespace forgepool {

using AgentNumber = std::uint32_t;

class AgentTable {
 public:
  AgentNumber obtain(const AgentId& id);
  const AgentId& id(AgentNumber agent) const { return agents_[agent].id; }
  bool in_quarantine(AgentNumber agent) const { return agents_[agent].in_quarantine; }
  /// False if it was there already.
  bool put_in_quarantine(AgentNumber agent);
  /// False if it was not there.
  bool pardon(AgentNumber agent) { return std::exchange(agents_[agent].in_quarantine, false); }
  std::optional<AgentNumber> find(const AgentId& id) const {
    const auto found = numbers_.find(id);
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  struct Agent {
    AgentId id;
    bool in_quarantine = false;
  };
  std::vector<Agent> agents_;
  std::unordered_map<AgentId, AgentNumber> numbers_;
};

}  // namespace forgepool
