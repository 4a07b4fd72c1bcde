#pragma once
/// No result is accepted without its evidence: answers that agents reported, as many as the policy asks for.
#include "testing/pool_truth.hpp"
#include "testing/pool_watcher.hpp"

#include <optional>
#include <tuple>

namespace forgepool::testing {

class EvidenceChecker final : public PoolWatcher {
 public:
  EvidenceChecker(const PoolTruth& truth, Violations& violations) : truth_(truth), violations_(violations) {}

  void hub_died() override;
  void requested(const Peer& peer, const Request& request) override;
  void answered(const ShardAnswer& answer) override;
  void decided(const ShardVerdict& verdict) override;
  void caught(const Quarantine& quarantine) override;
  void benched(const AgentId& agent) override { in_quarantine_.insert(agent); }
  void pardoned(const AgentId& agent) override { in_quarantine_.erase(agent); }

  /// What the hub that lives last accepted; see `accepted_for`.
  const Digest* accepted(const ShardId& shard) const;
  std::size_t agents_caught() const { return ever_caught_.size(); }
  std::uint64_t verdicts() const { return verdicts_; }

 private:
  void check_accepted(const ShardVerdict& verdict);
  std::uint32_t required(const ShardVerdict& verdict, const JobTruth& job) const;
  void expect(bool holds, const ShardId& shard, const std::string& what);

  const PoolTruth& truth_;
  Violations& violations_;
  std::set<std::tuple<AgentId, LeaseId, std::uint32_t, Digest>> reported_;
  // Of this life of the hub; repeated when it comes back.
  std::map<ShardId, std::set<AgentId>> answers_;
  std::map<ShardId, Digest> decided_;
  std::set<AgentId> in_quarantine_;
  // Of all its lives.
  std::map<ShardId, Digest> last_decision_;
  std::set<AgentId> ever_caught_;
  std::uint64_t verdicts_ = 0;
};

/// The agent that a peer is: nothing if it is none.
std::optional<AgentId> agent_of(const Peer& peer);

}  // namespace forgepool::testing
