#pragma once
/// The agents that were ever heard of, by small numbers: whose they are, what they earned, who is in quarantine.
#include <forgepool/verifier.hpp>

#include <optional>
#include <unordered_map>
#include <vector>

namespace forgepool {

using AgentNumber = std::uint32_t;
using OperatorNumber = std::uint32_t;

/// Jobs that end are numbered. What an agent earned in one counts for jobs that begin later: only so can a job that runs be
/// repeated after a restart, when those that ended beside it are gone.
using Epoch = std::uint64_t;

class AgentTable {
 public:
  AgentNumber obtain(const AgentId& id);
  std::optional<AgentNumber> find(const AgentId& id) const;
  void belongs_to(AgentNumber agent, const std::string& operator_id);

  const AgentId& id(AgentNumber agent) const { return agents_[agent].id; }
  OperatorNumber operator_of(AgentNumber agent) const { return agents_[agent].operator_number; }
  bool in_quarantine(AgentNumber agent) const { return agents_[agent].in_quarantine; }
  /// What it earned in jobs that ended in `epoch` or before.
  AgentTrust trust(AgentNumber agent, Epoch epoch) const;

  void earn(AgentNumber agent, std::uint64_t checks, Epoch epoch);
  void lose_trust(AgentNumber agent) { agents_[agent].earned.clear(); }
  /// How many of its claims were refuted, and not forgiven since.
  std::uint32_t refuted(AgentNumber agent) const { return agents_[agent].refuted; }
  void set_refuted(AgentNumber agent, std::uint32_t claims) { agents_[agent].refuted = claims; }
  /// What it earned is gone. False if it was there already.
  bool put_in_quarantine(AgentNumber agent);
  /// On probation from now on. False if it was not in quarantine.
  bool pardon(AgentNumber agent);
  /// No job that runs began before `oldest`.
  void forget_before(Epoch oldest) { oldest_ = oldest; }

 private:
  struct Earned {
    Epoch epoch;
    std::uint64_t total;
  };
  struct Agent {
    AgentId id;
    OperatorNumber operator_number = 0;
    bool in_quarantine = false;
    bool on_probation = false;
    std::uint32_t refuted = 0;
    std::vector<Earned> earned{};  // Ascending.
  };
  std::vector<Agent> agents_;
  std::unordered_map<AgentId, AgentNumber> numbers_;
  std::unordered_map<std::string, OperatorNumber> operators_;
  OperatorNumber next_operator_ = 0;
  Epoch oldest_ = 0;
};

}  // namespace forgepool
