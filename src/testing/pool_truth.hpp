#pragma once
/// What the simulator knows and the pool does not: who is honest, and what is right. And where checkers write down what was
/// broken.
#include <forgepool/contract.hpp>
#include <forgepool/testing/population.hpp>
#include <forgepool/time.hpp>

#include <map>
#include <set>
#include <unordered_map>

namespace forgepool::testing {

struct JobTruth {
  std::uint32_t tenant = 0;
  std::uint32_t shards = 0;
  ContractPolicy policy;
  std::vector<Digest> right;  ///< The right result of each shard.
};

/// An organization, and what of it no other one may ever be shown.
struct OrganizationTruth {
  std::string trust_domain;
  std::set<std::string> names;  ///< Of itself, its tenants and jobs.
};

struct PoolTruth {
  std::map<AgentId, const AgentGroup*> agents;
  std::map<AgentId, std::uint32_t> organization_of;
  std::map<JobId, JobTruth> jobs;
  std::unordered_map<std::string, ShardId> shards;  ///< By their parameters, which no two have in common.
  std::vector<std::string> tenants;                 ///< Names; tenant i is of organization i modulo their number.
  std::vector<OrganizationTruth> organizations;
  std::set<std::string> secret_names;  ///< Of jobs, tenants and traces: no agent may ever see one.

  /// How many agents there are whose lies may agree with another's.
  std::uint32_t in_league() const {
    std::uint32_t count = 0;
    for (const auto& [id, group] : agents) count += group->lies_agree();
    return count;
  }
  std::uint32_t organization_of_tenant(std::uint32_t tenant) const {
    return organizations.empty() ? 0 : tenant % static_cast<std::uint32_t>(organizations.size());
  }
  bool cheats(const AgentId& agent) const {
    const auto found = agents.find(agent);
    return found != agents.end() && found->second->cheats();
  }
};

class Violations {
 public:
  void add(std::string_view checker, const std::string& what) {
    if (found_.size() < 20) found_.push_back(std::string(checker) + ": " + what);
  }
  /// As `add`, unless the promise holds.
  void expect(bool holds, std::string_view checker, const std::string& what) {
    if (!holds) add(checker, what);
  }
  const std::vector<std::string>& found() const { return found_; }

 private:
  std::vector<std::string> found_;
};

}  // namespace forgepool::testing
