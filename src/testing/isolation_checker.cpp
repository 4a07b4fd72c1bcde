#include "testing/isolation_checker.hpp"

#include "testing/evidence_checker.hpp"
#include "wire/messages.hpp"

namespace forgepool::testing {
namespace {

// In pools of thousands, looking for everybody in everything would be most of the work.
constexpr std::size_t max_other_agents = 16;

/// What a PASETO says: the payload before its signature.
std::string claims_of(const std::string& token) {
  const auto begin = token.find("public.");
  if (begin == std::string::npos) return {};
  const auto payload = from_base64url(std::string_view(token).substr(begin + 7, token.find('.', begin + 7) - begin - 7));
  return payload ? to_text(*payload) : std::string();
}

}  // namespace

void IsolationChecker::check_names(const AgentId& agent, std::string_view where, std::string_view bytes) {
  for (const auto& name : truth_.secret_names)
    expect(bytes.find(name) == std::string_view::npos,
           "agent " + agent.str() + " was sent the name " + name + " in " + std::string(where));
  std::size_t looked_for = 0;
  for (const auto& [other, group] : truth_.agents) {
    if (other == agent) continue;
    if (++looked_for > max_other_agents) break;
    expect(bytes.find(other.str()) == std::string_view::npos,
           "agent " + agent.str() + " was sent the name of agent " + other.str() + " in " + std::string(where));
  }
}

void IsolationChecker::took_token(const AgentId& agent, const std::string& token) {
  if (token.empty()) return;
  const auto [known, added] = tokens_.emplace(token, agent);
  expect(known->second == agent, "agents " + agent.str() + " and " + known->second.str() + " were given the same token");
  check_names(agent, "a token", claims_of(token));
}

void IsolationChecker::check_organizations(const Peer& peer, const Request& request, const Response& response) {
  const auto& all = truth_.organizations;
  const auto own = std::ranges::find_if(
      all, [&](const OrganizationTruth& one) { return peer.name.starts_with("spiffe://" + one.trust_domain + "/"); });
  if (all.size() < 2 || own == all.end()) return;
  const auto body = as_text(response.body);
  const auto look_for = [&](const std::string& word) {
    // A refusal may repeat what was asked for.
    const bool repeated = response.status / 100 != 2 && request.path.find(word) != std::string::npos;
    if (body.find(word) != std::string_view::npos && !repeated)
      violations_.add("organizations",
                      peer.name + " was sent " + word + ", which is of another organization, by " + request.path.substr(0, 40));
  };
  for (auto other = all.begin(); other != all.end(); ++other)
    if (other != own)
      for (const auto& name : other->names) look_for(name);
  const auto number = static_cast<std::uint32_t>(own - all.begin());
  std::size_t looked_for = 0;
  for (const auto& [agent, organization] : truth_.organization_of)
    if (organization != number && ++looked_for <= max_other_agents) look_for(agent.str());
  // Here an agent is told, as asked, that leases which are not its own have ended. What it may renew is looked at by itself
  // (responded).
  if (request.path == "/v1/agent/heartbeat") return;
  looked_for = 0;
  for (auto lease = recent_leases_.rbegin(); lease != recent_leases_.rend() && looked_for < max_other_agents; ++lease)
    if (const auto agent = truth_.organization_of.find(leases_.at(*lease));
        agent != truth_.organization_of.end() && agent->second != number) {
      look_for(*lease);
      ++looked_for;
    }
}

void IsolationChecker::check_organization_of(const AgentId& agent, const std::string& params) {
  const auto shard = truth_.shards.find(params);
  const auto own = truth_.organization_of.find(agent);
  if (shard == truth_.shards.end() || own == truth_.organization_of.end()) return;
  const JobId& job = shard->second.job;
  violations_.expect(truth_.organization_of_tenant(truth_.jobs.at(job).tenant) == own->second, "organizations",
                     "agent " + agent.str() + " was given shard " + to_string(shard->second) + " of another organization");
}

void IsolationChecker::responded(const Peer& peer, const Request& request, const Response& response) {
  const bool served = response.status / 100 == 2;
  check_organizations(peer, request, response);
  const auto agent = agent_of(peer);
  if (!agent) return client_saw(peer, request, response);
  check_names(*agent, request.path.substr(0, 40), as_text(response.body));
  if (!served) return;
  // Heartbeats need no token: there it is the leases that must be the agent's own.
  if (const auto owner = tokens_.find(request.authorization); owner != tokens_.end() && request.path != "/v1/agent/heartbeat")
    expect(owner->second == *agent,
           "agent " + agent->str() + " was served " + request.path + " with the token of " + owner->second.str());
  expect(!request.path.starts_with("/v1/jobs") && !request.path.starts_with("/v1/agents") &&
             !request.path.starts_with("/v1/blobs"),
         "agent " + agent->str() + " was served " + request.path + ", which is for clients");
  if (request.path == "/v1/agent/lease" && !response.body.empty()) {
    if (const auto grant = wire::decode<wire::fb::LeaseGrantT>(response.body)) {
      if (leases_.emplace(grant->lease, *agent).second) recent_leases_.push_back(grant->lease);
      if (recent_leases_.size() > 4 * max_other_agents) recent_leases_.pop_front();
      took_token(*agent, grant->token);
      for (const auto& shard : grant->shards) check_organization_of(*agent, shard->params);
    }
  } else if (request.path == "/v1/agent/heartbeat") {
    if (const auto answer = wire::decode<wire::fb::HeartbeatAnswerT>(response.body))
      for (const auto& renewed : answer->renewed) {
        const auto lease = leases_.find(renewed->lease);
        expect(lease != leases_.end() && lease->second == *agent,
               "agent " + agent->str() + " renewed lease " + renewed->lease + ", which is not its own");
        took_token(*agent, renewed->token);
      }
  }
}

void IsolationChecker::client_saw(const Peer& peer, const Request& request, const Response& response) {
  if (response.status / 100 != 2) return;
  const auto client = peer.name.rfind("/client/");
  if (client == std::string::npos) return;
  const std::string name = peer.name.substr(client + 8);
  for (const auto& [id, job] : truth_.jobs) {
    if (truth_.tenants.at(job.tenant) == name) continue;
    const bool named =
        request.path.find(id.str()) != std::string::npos || as_text(response.body).find(id.str()) != std::string_view::npos;
    expect(!named,
           "tenant " + name + " was shown job " + id.str() + " of " + truth_.tenants.at(job.tenant) + " by " + request.path);
  }
}

}  // namespace forgepool::testing
