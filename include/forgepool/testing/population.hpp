#pragma once
/// Who takes part in a simulated pool, and how they behave. The same groups populate both simulators: whole pools
/// (pool_simulation.hpp), and scheduler and verifier alone, with millions of shards (scenario.hpp).
#include <forgepool/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace forgepool::testing {

/// What agents return. Whether two wrong answers for a shard are equal is what decides whether they can win a vote.
enum class AgentBehaviour {
  honest,        ///< Always right.
  faulty,        ///< A broken machine: wrong for a random `cheat_rate` of its answers, each time differently.
  lazy,          ///< Returns without computing: one canned answer, the same for every lazy agent.
  random,        ///< Makes its answers up, for a random `cheat_rate` of them, each time differently: independent cheaters.
  colluding,     ///< Lies on a fixed `cheat_rate` of all shards, chosen by a secret of the group: all return the same lie.
  builds_trust,  ///< Honest for `honest_answers` answers, from then on as `colluding` if `together`, else as `random`.
  sybil,         ///< One operator with many names: as `colluding`, and comes back under a new name when it is caught.
  slow,          ///< Right, but takes `slowdown` times as long.
};
FORGEPOOL_API std::string_view to_string(AgentBehaviour behaviour);
/// invalid_input, with the names there are.
FORGEPOOL_API Result<AgentBehaviour> parse_agent_behaviour(std::string_view name);

/// Agents of one kind.
struct AgentGroup {
  AgentBehaviour behaviour = AgentBehaviour::honest;
  std::uint32_t count = 1;
  double cheat_rate = 1;  ///< 0 … 1; see the behaviours.
  bool together = false;  ///< builds_trust: its lies agree.
  /// colluding, sybil, in scenarios: lie about a shard only if so many of all those who lie together were given it when the
  /// first of them reports, else they return the right result: who is never alone is never caught.
  std::uint32_t accomplices = 1;
  bool same_lie = false;                 ///< faulty, random: two that happen to lie about one shard return the same.
  std::uint32_t honest_answers = 100;    ///< builds_trust: per agent.
  std::uint32_t names_per_operator = 4;  ///< sybil: how often each may come back under a new name.
  double slowdown = 4;                   ///< slow: how many times as long its shards take; others take 1.
  std::string region{};                  ///< As attested at enrolment,
  std::string tier = "public";           ///< as is this.

  /// Whether its agents ever return a wrong result.
  bool cheats() const { return behaviour != AgentBehaviour::honest && behaviour != AgentBehaviour::slow; }
  /// Whether two of its agents ever return the same wrong result.
  bool lies_agree() const {
    return behaviour == AgentBehaviour::lazy || behaviour == AgentBehaviour::colluding || behaviour == AgentBehaviour::sybil ||
           (behaviour == AgentBehaviour::builds_trust && together) || (cheats() && same_lie);
  }
};

}  // namespace forgepool::testing
