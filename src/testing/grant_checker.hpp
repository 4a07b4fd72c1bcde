#pragma once
/// What agents are given and told, by what is in it and not by its ids: a shard is known by its parameters.
///  - residency: a shard of a contract with regions goes to agents in these alone, however often it is given out;
///  - canaries: one that is given out again under another job's name goes to nobody who answered it, and a wrong answer for it
///  puts
///    its agent into quarantine at once;
///  - commitment: before an agent's own answer for a shard is in, it is sent no answer of another for it.
#include "testing/pool_truth.hpp"
#include "testing/pool_watcher.hpp"

#include <unordered_map>

namespace forgepool::testing {

class GrantChecker final : public PoolWatcher {
 public:
  GrantChecker(const PoolTruth& truth, Violations& violations) : truth_(truth), violations_(violations) {}

  void requested(const Peer& peer, const Request& request) override;
  void responded(const Peer& peer, const Request& request, const Response& response) override;
  void caught(const Quarantine& quarantine) override { in_quarantine_.insert(quarantine.agent); }
  void benched(const AgentId& agent) override { in_quarantine_.insert(agent); }
  void pardoned(const AgentId& agent) override { in_quarantine_.erase(agent); }

  std::uint64_t canaries() const { return canaries_; }
  /// By agent, a number for everything that it was sent until it first reported, tokens aside.
  const std::map<std::string, std::uint64_t>& told() const { return told_; }

 private:
  struct Given {
    std::map<std::uint32_t, ShardId> shards;  // By the numbers that the agent knows.
    AgentId agent;
    std::string job;  // As the agent knows it.
    bool canary = false;
    bool lied = false;
  };
  struct Shard {
    std::map<AgentId, std::set<std::string>> answered;  // Under which names of the job.
    std::map<Digest, std::set<AgentId>> answers;
  };

  void take_grant(const AgentId& agent, ByteView body);
  void check_told(const AgentId& agent, const Request& request, const Response& response);
  void note(const AgentId& agent, std::string_view what);

  const PoolTruth& truth_;
  Violations& violations_;
  std::map<ShardId, Shard> shards_;
  std::unordered_map<std::string, Given> leases_;
  std::map<AgentId, std::string> current_;                // The lease that each was given last.
  std::unordered_map<std::string, std::string> reports_;  // By token: the lease that was reported with it.
  std::unordered_map<std::string, JobId> pseudonyms_;
  std::map<JobId, std::string> names_;  // Of each job, the pseudonym under which it is work.
  std::set<AgentId> in_quarantine_, reported_;
  std::map<std::string, std::uint64_t> told_;
  std::uint64_t canaries_ = 0;
};

}  // namespace forgepool::testing
