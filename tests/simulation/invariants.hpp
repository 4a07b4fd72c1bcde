#pragma once
/// What must be true of a pool at every moment, whatever its agents do. Sees only what happens; knows nothing of how.
#include <forgepool/scheduler.hpp>
#include <forgepool/verifier.hpp>

#include <map>
#include <set>

#include "scenario.hpp"

namespace forgepool::simulation {

class Invariants {
 public:
  explicit Invariants(const Scenario& scenario);

  void asked_for(const Execute& execute);
  void granted(const Lease& lease);
  void ended(const Lease& lease);
  void answered(const ShardAnswer& answer);
  void decided(const ShardVerdict& verdict);
  void quarantined(const Quarantine& quarantine);
  /// Nothing happens any more.
  void at_the_end() const;

  bool complete(const JobId& job) const;
  bool in_quarantine(const AgentId& agent) const { return quarantined_.contains(agent); }
  /// Changes with everything that happened: equal for equal runs.
  std::uint64_t trace() const { return trace_; }

 private:
  struct Shard {
    std::uint64_t asked = 0;
    bool checked = false;  // Of a spot-checked job: two executions were asked for from the beginning.
    std::set<AgentId> answered, under_way;
    std::optional<ShardVerdict> verdict;
  };

  const SimulatedJob& job(const JobId& id) const;
  const SimulatedAgent& agent(const AgentId& id) const;
  std::uint32_t agreeing(const ShardVerdict& verdict) const;
  bool honest_when_it_answers(const AgentId& id) const;
  void note(const std::string& text);

  const Scenario& scenario_;
  std::map<ShardId, Shard> shards_;
  std::map<LeaseId, Lease> leases_;
  std::set<LeaseId> every_lease_;
  std::set<AgentId> quarantined_;
  std::uint64_t trace_ = 0;
};

}  // namespace forgepool::simulation
