/// How agents and clients become known, and stay so: one-time join tokens, PKCS#10, certificates.
#include "identity/enrolment.hpp"
#include "crypto/reason.hpp"
#include "crypto/x509.hpp"
#include "hub/hub_core.hpp"
#include "hub/operator_key.hpp"
#include "hub/wall_clock.hpp"
#include "identity/enrolment_event.hpp"
#include "identity/join_token.hpp"
#include "identity/svid.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr Duration max_invitation_life = std::chrono::hours(24 * 30);
constexpr std::uint32_t max_invitation_uses = 10'000;
constexpr std::size_t max_invitations = 10'000;
constexpr Duration agent_presence = std::chrono::seconds(45);
// Nobody else could let an operator in again.
constexpr Duration operator_certificate_life = std::chrono::hours(24 * 365);

Status check_ids(const std::vector<std::string>& names, std::string_view what) {
  if (names.size() > identity::max_attested_names)
    return fail(ErrorKind::invalid_input,
                fmt::format("{}: expected at most {}, got {}", what, identity::max_attested_names, names.size()));
  for (const auto& name : names)
    if (!is_valid_id(name))
      return fail(ErrorKind::invalid_input, fmt::format("{}: expected an id ([A-Za-z0-9._-]), got \"{}\"", what, name));
  return {};
}

Status check_attested(const SchedulerAgent& agent) {
  for (const auto& [name, what] : {std::pair(&agent.region, "region"), std::pair(&agent.numeric_class, "numeric_class"),
                                   std::pair(&agent.operator_id, "operator"), std::pair(&agent.network, "network")})
    if (!name->empty())
      if (const auto sound = check_ids({*name}, what); !sound) return sound;
  if (agent.tier != "private" && agent.tier != "enterprise" && agent.tier != "public")
    return fail(ErrorKind::invalid_input, "tier: expected private, enterprise or public, got \"" + agent.tier + "\"");
  if (const auto sound = check_ids(agent.data_classes, "data_classes"); !sound) return sound;
  std::vector<std::string> adapters;  // "name" or "name@version"
  for (const auto& adapter : agent.adapters) {
    const auto at = adapter.find('@');
    adapters.push_back(adapter.substr(0, at));
    if (at != std::string::npos) adapters.push_back(adapter.substr(at + 1));
  }
  if (adapters.size() > 2 * identity::max_attested_names) return check_ids(agent.adapters, "adapters");
  for (const auto& part : adapters)
    if (!is_valid_id(part))
      return fail(ErrorKind::invalid_input, "adapters: expected names as \"mc\" or \"mc@1\", got one with \"" + part + "\"");
  return {};
}

}  // namespace

Result<std::string> HubCore::invite(const Invitation& asked, Time now) {
  if (asked.role != "agent" && asked.role != "client")
    return fail(ErrorKind::invalid_input, "role: expected agent or client, got \"" + asked.role + "\"");
  if (const auto sound = check_attested(asked.agent); !sound) return fail(sound.error());
  if (!asked.project.empty() && (asked.role != "client" || !is_valid_id(asked.project)))
    return fail(ErrorKind::invalid_input, "project: expected an id ([A-Za-z0-9._-]), and only for clients");
  if (asked.visibility != "private" && (asked.role != "agent" || asked.visibility != "public"))
    return fail(ErrorKind::invalid_input, "visibility: expected private, or for agents public");
  if (asked.life <= Duration::zero() || asked.life > max_invitation_life)
    return fail(ErrorKind::invalid_input, "ttl: expected 1 second to 30 days");
  if (asked.uses == 0 || asked.uses > max_invitation_uses)
    return fail(ErrorKind::invalid_input, fmt::format("uses: expected 1 to {}, got {}", max_invitation_uses, asked.uses));
  if (asked.role == "agent")
    if (const auto allowed =
            check_agent(parts_.options.deployment, parts_.options.region, asked.agent, asked.visibility == "public");
        !allowed)
      return fail(allowed.error());
  std::erase_if(invitations_, [&](const auto& entry) {
    if (entry.second.expires_at > now) return false;
    effects_.erase(invitation_key(entry.first));
    return true;
  });
  if (invitations_.size() >= max_invitations)
    return fail(ErrorKind::unavailable,
                fmt::format("{} join tokens are out, which is the limit; use them, or revoke some", invitations_.size()));
  std::array<std::uint8_t, identity::join_secret_bytes> random{};
  parts_.random(random);
  const auto token = identity::join_token_from(random, parts_.front.pin());
  const Digest hash = identity::join_secret_hash(random);
  InvitationRecord& invitation = invitations_[hash] = {asked.role, asked.agent, asked.project, now + asked.life, asked.uses};
  invitation.agent.organization = OrganizationId(asked.visibility == "private" ? parts_.identity.trust_domain : "");
  effects_.put(invitation_key(hash), write_invitation(invitation));
  return token.text();
}

bool HubCore::knows_invitation(ByteView secret) const {
  return invitations_.contains(identity::join_secret_hash(secret));
}

Result<wire::fb::EnrolledT> HubCore::issue(const PublicKey& key, const identity::SpiffeId& id, Duration life, Time now) {
  const std::string name = id.role == identity::NodeRole::operator_ ? operator_record_name(key.pin()) : id.path();
  if (const auto room = may_have_another(name, now); !room) return fail(room.error());
  const auto ca = parse_certificate(parts_.identity.ca_certificate);
  if (!ca) return fail(ca.error());
  identity::SvidOptions options;
  options.life = life;
  auto certificate = identity::issue_svid(*ca, *parts_.identity.ca_key, key, id, now, options);
  if (!certificate) return fail(certificate.error());
  const auto issued = parse_certificate(*certificate);
  if (!issued) return fail(issued.error());
  remember_certificate({issued->serial, name, parts_.identity.epochs.ca, issued->fields.not_after, key.pin()}, now);
  return identity::write_enrolment({std::move(*certificate), parts_.identity.ca_certificate}, parts_.front, now);
}

Status HubCore::may_enrol(const Digest& key_pin) const {
  // One key is one agent: under a second id its answers would count twice, and who was caught would come back.
  if (std::ranges::any_of(agents_, [&](const auto& entry) { return entry.second.key_pin == key_pin; }))
    return refuse(ErrorKind::conflict, "key_enrolled", "an agent is enrolled with this key already; make another key");
  const std::string pin = key_pin.hex();
  if (std::ranges::any_of(revocations_, [&](const auto& entry) { return entry.second.key_pin() == pin; }))
    return refuse(ErrorKind::denied, "key_revoked",
                  "this key was revoked, and another name does not change that; who may come back makes another key");
  return {};
}

Result<wire::fb::EnrolledT> HubCore::enrol(ByteView secret, ByteView request, Time now) {
  const Digest hash = identity::join_secret_hash(secret);
  const auto found = invitations_.find(hash);
  if (found == invitations_.end())
    return fail(ErrorKind::denied,
                "join_token_unknown: this join token is unknown or used up; ask the hub's operator for a new one");
  if (found->second.expires_at <= now) {
    invitations_.erase(found);
    effects_.erase(invitation_key(hash));
    return fail(ErrorKind::denied, "join_token_expired: this join token has expired; ask the hub's operator for a new one");
  }
  const auto parsed = parse_certificate_request(request);
  if (!parsed) return fail(parsed.error());
  if (const auto welcome = may_enrol(parsed->key.pin()); !welcome) return fail(welcome.error());

  const bool is_agent = found->second.role == "agent";
  const std::string name = fresh_id(is_agent ? "a-" : "c-");
  const identity::SpiffeId id{parts_.identity.trust_domain, is_agent ? identity::NodeRole::agent : identity::NodeRole::client,
                              name, found->second.project};
  auto enrolled = issue(parsed->key, id, parts_.options.certificate_life, now);
  if (!enrolled) return enrolled;

  if (is_agent) {
    AgentRecord agent{found->second.agent, parsed->key.pin(), now, now + parts_.options.certificate_life};
    agent.agent.id = AgentId(name);
    agent.agent.draining = false;
    effects_.put(agent_key(agent.agent.id), write_agent(agent));
    // In the ledger before it can work: whose key that is cannot be said otherwise afterwards.
    effects_.put(enrolment_key(agent.agent.id),
                 write_event(commit_to("enrolment", identity::write_enrolment_event(agent.agent, agent.key_pin))));
    parts_.verifier.meet({agent.agent.id, agent.agent.operator_id});
    agents_.emplace(agent.agent.id, std::move(agent));
  }
  if (--found->second.uses_left == 0) {
    invitations_.erase(found);
    effects_.erase(invitation_key(hash));
  } else {
    effects_.put(invitation_key(hash), write_invitation(found->second));
  }
  parts_.log.write(LogLevel::info, "enrolled", {{"name", id.uri()}, {"key_pin", parsed->key.pin().hex()}});
  return enrolled;
}

Result<wire::fb::EnrolledT> HubCore::renew(const Peer& peer, ByteView request, Time now) {
  const auto id = identity::parse_spiffe_id(peer.name);
  if (!id) return fail(id.error());
  const auto parsed = parse_certificate_request(request);
  if (!parsed) return fail(parsed.error());
  if (parsed->key.pin() != peer.key_pin)
    return fail(ErrorKind::denied, "a renewed certificate is for the key that it had; for another key, enrol again");
  AgentRecord* agent = nullptr;
  if (id->role == identity::NodeRole::agent) {
    const auto known = admitted(AgentId(id->name), peer);
    if (!known) return fail(known.error());
    agent = *known;
  }
  const Duration life = id->role == identity::NodeRole::operator_ ? operator_certificate_life : parts_.options.certificate_life;
  auto renewed = issue(parsed->key, *id, life, now);
  if (!renewed) return renewed;
  if (agent) {
    agent->certificate_expires_at = now + life;
    effects_.put(agent_key(agent->agent.id), write_agent(*agent));
    const auto certificate = parse_certificate(renewed->chain.front()->der);
    if (!certificate) return fail(certificate.error());
    effects_.put(
        renewal_key(agent->agent.id),
        write_event(commit_to("renewal", identity::write_renewal_event(agent->agent.id, agent->key_pin, certificate->serial,
                                                                       certificate->fields.not_after))));
  }
  parts_.log.write(LogLevel::info, "renewed", {{"name", id->uri()}});
  return renewed;
}

bool HubCore::is_present(const AgentId& id, Time now) const {
  const auto seen = last_seen_.find(id);
  return seen != last_seen_.end() && now - seen->second < agent_presence;
}

std::string HubCore::reason_of(const AgentRecord& record) const {
  const auto job = record.caught_in ? jobs_.find(*record.caught_in) : jobs_.end();
  if (record.revoked || job == jobs_.end()) return record.quarantined;
  const auto caught = std::ranges::find(job->second.caught, record.agent.id, &CaughtAgent::agent);
  return caught == job->second.caught.end() ? record.quarantined : caught->reason;
}

AgentSummary HubCore::summary(const AgentRecord& record, Time now) const {
  std::string state = is_present(record.agent.id, now) ? "present" : "absent";
  if (record.agent.draining) state = "draining";
  if (!record.quarantined.empty()) state = record.revoked ? "revoked" : "quarantined";
  const AgentTrust trust = parts_.verifier.standing(record.agent.id).trust;
  AgentSummary summary{
      as_scheduled(record),         std::move(state), record.answers, trust.checks, trust.on_probation, reason_of(record),
      record.certificate_expires_at};
  if (record.quarantined.empty()) {
    if (record.certificate_expires_at <= now) summary.state = "expired";
    summary.reason = hindrance(record, now);
  }
  return summary;
}

std::vector<AgentSummary> HubCore::agents(Time now) const {
  std::vector<AgentSummary> summaries;
  for (const auto& [id, agent] : agents_) summaries.push_back(summary(agent, now));
  return summaries;
}

std::string HubCore::hindrance(const AgentRecord& record, Time now) const {
  const Time end = record.certificate_expires_at, renewable_until = end + parts_.options.renewal_grace;
  if (end <= now)
    return "its certificate expired at " + to_rfc3339(end) +
           (now <= renewable_until
                ? " and was not renewed yet: until " + to_rfc3339(renewable_until) + " it does so when it is back"
                : " and was not renewed: enrol it again");
  if (const auto off = clocks_off_.find(record.agent.id); off != clocks_off_.end())
    return "its clock is " + describe_clock(off->second) + ": it gets no work until that is set right";
  return {};
}

std::vector<HubCore::UnhealthyAgent> HubCore::unhealthy(Time now) const {
  // Renewal is due at half life; what is not renewed at nine tenths has been trying in vain, or has been away.
  const Duration late = parts_.options.certificate_life / 10;
  std::vector<UnhealthyAgent> found;
  for (const auto& [id, agent] : agents_) {
    if (!agent.quarantined.empty()) continue;
    std::string reason = hindrance(agent, now);
    if (reason.empty() && agent.certificate_expires_at <= now + late)
      reason =
          "its certificate expires at " + to_rfc3339(agent.certificate_expires_at) + " and should have been renewed by now";
    if (!reason.empty()) found.push_back({id, std::move(reason)});
  }
  return found;
}

Result<AgentSummary> HubCore::drain(const AgentId& id, bool draining, Time now) {
  const auto found = agents_.find(id);
  if (found == agents_.end()) return fail(ErrorKind::not_found, "there is no agent " + id.str() + "; `hub agents` lists them");
  AgentRecord& record = found->second;
  if (record.agent.draining != draining) {
    record.agent.draining = draining;
    effects_.put(agent_key(id), write_agent(record));
    if (is_present(id, now) && record.quarantined.empty()) parts_.scheduler.agent_seen(as_scheduled(record), last_seen_.at(id));
    parts_.log.write(LogLevel::info, draining ? "agent_drains" : "agent_drains_no_more", {{"agent", id.str()}});
    if (!draining) new_work_ = true;
  }
  return summary(record, now);
}

}  // namespace forgepool::hub
