#include "testing/agent_mind.hpp"

#include <array>

namespace forgepool::testing {
namespace {

constexpr std::array<std::pair<AgentBehaviour, std::string_view>, 8> names{{{AgentBehaviour::honest, "honest"},
                                                                            {AgentBehaviour::faulty, "faulty"},
                                                                            {AgentBehaviour::lazy, "lazy"},
                                                                            {AgentBehaviour::random, "random"},
                                                                            {AgentBehaviour::colluding, "colluding"},
                                                                            {AgentBehaviour::builds_trust, "builds_trust"},
                                                                            {AgentBehaviour::sybil, "sybil"},
                                                                            {AgentBehaviour::slow, "slow"}}};

}  // namespace

std::string_view to_string(AgentBehaviour behaviour) {
  for (const auto& [each, name] : names)
    if (each == behaviour) return name;
  return "unknown";
}

Result<AgentBehaviour> parse_agent_behaviour(std::string_view text) {
  std::string known;
  for (const auto& [behaviour, name] : names) {
    if (name == text) return behaviour;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return fail(ErrorKind::invalid_input, "there is no behaviour \"" + std::string(text) + "\"; expected one of " + known);
}

std::uint64_t AgentMind::alone(std::uint64_t shard_key) {
  const bool cheats = random_.chance(group_->cheat_rate);
  const std::uint64_t lie = group_->same_lie ? shard_key : random_.next();
  return cheats ? lie | 1 : 0;
}

std::uint64_t AgentMind::with_others(std::uint64_t shard_key) const {
  Random shared(ring_ ^ shard_key);
  const bool cheats = shared.chance(group_->cheat_rate);
  return cheats ? shared.next() | 1 : 0;
}

std::uint64_t AgentMind::answer(std::uint64_t shard_key) {
  ++answers_;
  switch (group_->behaviour) {
    case AgentBehaviour::honest:
    case AgentBehaviour::slow: return 0;
    case AgentBehaviour::faulty:
    case AgentBehaviour::random: return alone(shard_key);
    case AgentBehaviour::lazy: return 1;
    case AgentBehaviour::builds_trust:
      if (answers_ <= group_->honest_answers) return 0;
      return group_->together ? with_others(shard_key) : alone(shard_key);
    case AgentBehaviour::colluding:
    case AgentBehaviour::sybil: return with_others(shard_key);
  }
  return 0;
}

}  // namespace forgepool::testing
