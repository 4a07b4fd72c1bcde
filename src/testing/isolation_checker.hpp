#pragma once
/// No flow between tenants, and none to agents but their shards: what is sent to agents names no tenant, no job and no other
/// agent; a token serves only the agent it was made for; clients see their own jobs only. And none between organizations: what
/// is sent to agents and clients of one holds nothing of another, not a name, an agent, a job, a shard, nor a lease.
#include "testing/pool_truth.hpp"
#include "testing/pool_watcher.hpp"

#include <deque>
#include <unordered_map>

namespace forgepool::testing {

class IsolationChecker final : public PoolWatcher {
 public:
  IsolationChecker(const PoolTruth& truth, Violations& violations) : truth_(truth), violations_(violations) {}

  void responded(const Peer& peer, const Request& request, const Response& response) override;

 private:
  void check_names(const AgentId& agent, std::string_view where, std::string_view bytes);
  void took_token(const AgentId& agent, const std::string& token);
  void check_organizations(const Peer& peer, const Request& request, const Response& response);
  void check_organization_of(const AgentId& agent, const std::string& params);
  void client_saw(const Peer& peer, const Request& request, const Response& response);
  void expect(bool holds, const std::string& what) { violations_.expect(holds, "isolation", what); }

  const PoolTruth& truth_;
  Violations& violations_;
  std::unordered_map<std::string, AgentId> tokens_, leases_;  // Whose they are.
  std::deque<std::string> recent_leases_;
};

}  // namespace forgepool::testing
