/// How agents and clients become known: one-time join tokens, PKCS#10, certificates.
#include "crypto/x509.hpp"
#include "hub/hub_core.hpp"
#include "identity/join_token.hpp"
#include "identity/svid.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr Duration max_invitation_life = std::chrono::hours(24 * 30);
constexpr std::uint32_t max_invitation_uses = 10'000;
constexpr Duration agent_presence = std::chrono::seconds(45);

}  // namespace

Result<std::string> HubCore::invite(const std::string& role, const std::string& region, Duration life, std::uint32_t uses,
                                    Time now) {
  if (role != "agent" && role != "client") return fail(ErrorKind::invalid_input, "role: expected agent or client");
  if (!region.empty() && !is_valid_id(region)) return fail(ErrorKind::invalid_input, "region: expected an id ([A-Za-z0-9._-])");
  if (life <= Duration::zero() || life > max_invitation_life)
    return fail(ErrorKind::invalid_input, "ttl: expected 1 second to 30 days");
  if (uses == 0 || uses > max_invitation_uses)
    return fail(ErrorKind::invalid_input, fmt::format("uses: expected 1 to {}, got {}", max_invitation_uses, uses));
  std::array<std::uint8_t, identity::join_secret_bytes> random{};
  parts_.random(random);
  const auto token = identity::join_token_from(random, parts_.identity.pin());
  const Digest hash = identity::join_secret_hash(random);
  const auto& invitation = invitations_[hash] = {role, region, now + life, uses};
  effects_.put(invitation_key(hash), write_invitation(invitation));
  return token.text();
}

Result<std::vector<Bytes>> HubCore::enrol(ByteView secret, ByteView request, Time now) {
  const Digest hash = identity::join_secret_hash(secret);
  const auto found = invitations_.find(hash);
  if (found == invitations_.end())
    return fail(ErrorKind::denied, "this join token is unknown or used up; ask the hub's operator for a new one");
  if (found->second.expires_at <= now) {
    invitations_.erase(found);
    effects_.erase(invitation_key(hash));
    return fail(ErrorKind::denied, "this join token has expired; ask the hub's operator for a new one");
  }
  const auto ca = parse_certificate(parts_.identity.ca_certificate);
  if (!ca) return fail(ca.error());
  const auto parsed = parse_certificate_request(request);
  if (!parsed) return fail(parsed.error());

  const bool is_agent = found->second.role == "agent";
  const std::string name = fresh_id(is_agent ? "a-" : "c-");
  const auto id = identity::spiffe_id_from_path(parts_.identity.trust_domain, (is_agent ? "agent/" : "client/") + name);
  if (!id) return fail(id.error());
  identity::SvidOptions options;
  options.life = parts_.options.certificate_life;
  auto certificate = identity::issue_svid(*ca, *parts_.identity.ca_key, parsed->key, *id, now, options);
  if (!certificate) return fail(certificate.error());

  if (is_agent) {
    AgentRecord agent{AgentId(name), parsed->key.pin(), found->second.region, now, 0, ""};
    effects_.put(agent_key(agent.id), write_agent(agent));
    agents_.emplace(agent.id, std::move(agent));
  }
  if (--found->second.uses_left == 0) {
    invitations_.erase(found);
    effects_.erase(invitation_key(hash));
  } else {
    effects_.put(invitation_key(hash), write_invitation(found->second));
  }
  parts_.log.write(LogLevel::info, "enrolled", {{"name", id->uri()}, {"key_pin", parsed->key.pin().hex()}});
  return std::vector<Bytes>{std::move(*certificate), parts_.identity.ca_certificate};
}

std::vector<AgentSummary> HubCore::agents(Time now) const {
  std::vector<AgentSummary> summaries;
  for (const auto& [id, agent] : agents_) {
    const auto seen = last_seen_.find(id);
    const bool present = seen != last_seen_.end() && now - seen->second < agent_presence;
    summaries.push_back({id, agent.region,
                         !agent.quarantined.empty() ? "quarantined"
                         : present                  ? "present"
                                                    : "absent",
                         agent.answers, agent.quarantined});
  }
  return summaries;
}

}  // namespace forgepool::hub
