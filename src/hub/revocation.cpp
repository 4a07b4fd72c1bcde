/// Who and what is no longer to be believed, and keys that take over from others. Each of it is a leaf of the ledger, which
/// names nobody: a commitment to what the record beside it says.
#include "crypto/reason.hpp"
#include "crypto/x509.hpp"
#include "hub/hub_core.hpp"
#include "hub/operator_key.hpp"
#include "identity/join_token.hpp"
#include "identity/svid.hpp"
#include "identity/token.hpp"
#include "wire/bundle.hpp"
#include "wire/json.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr std::size_t max_reason = 500, max_id = 4096;

Status check_text(std::string_view what, std::string_view text, std::size_t max_bytes) {
  const bool printable = std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (text.size() <= max_bytes && printable && json::is_valid_utf8(text)) return {};
  return fail(ErrorKind::invalid_input,
              fmt::format("{}: expected at most {} bytes of UTF-8 without control characters", what, max_bytes));
}

tl::unexpected<Error> revoked_already(std::string_view what) {
  return fail(ErrorKind::conflict, std::string(what) + " is revoked already");
}

}  // namespace

void HubCore::record_revocation(RevocationRecord record) {
  record.salt.resize(32);
  parts_.random(record.salt);
  record.index = effects_.append(wire::event_leaf("revocation", record.salt, record.content()));
  effects_.put(revocation_key(record.kind, record.id), write_revocation(record));
  const auto whom = identity::spiffe_id_from_path(parts_.identity.trust_domain,
                                                  record.kind == "operator" ? record.kind : record.kind + "/" + record.id);
  parts_.log.write(LogLevel::warning, "revoked",
                   {{"kind", record.kind}, {"id", record.id}, {"reason", record.reason}, {"name", whom ? whom->uri() : ""}});
  std::pair key{record.kind, record.id};
  revocations_.insert_or_assign(std::move(key), std::move(record));
}

Result<HubCore::Revoked> HubCore::revoke(const std::string& kind, const std::string& id, const std::string& reason, Time now) {
  if (auto checked = check_text("reason", reason, max_reason); !checked) return fail(checked.error());
  if (auto checked = check_text("id", id, max_id); !checked) return fail(checked.error());
  if (revocations_.contains({kind, id})) return revoked_already(id);
  Result<Revoked> revoked =
      fail(ErrorKind::invalid_input, "kind: expected agent, client, operator, token, key or organization");
  std::string recorded = id;
  if (kind == "agent") revoked = revoke_agent(id, reason, now);
  if (kind == "client") revoked = revoke_client(id);
  if (kind == "operator") revoked = revoke_operator(id, now, recorded);
  if (kind == "token") revoked = revoke_token(id, now, recorded);
  if (kind == "key") revoked = revoke_key(id);
  if (!revoked) return revoked;
  RevocationRecord record{kind, std::move(recorded), reason, now, {}, 0};
  if (kind == "client") record.client_key = key_of_client(id);
  record_revocation(std::move(record));
  return revoked;
}

Result<HubCore::Revoked> HubCore::revoke_agent(const std::string& id, const std::string& reason, Time now) {
  const auto agent = agents_.find(AgentId(id));
  if (agent == agents_.end())
    return fail(ErrorKind::not_found, "there is no agent of this id; `forgepool hub agents` lists them");
  if (agent->second.revoked) return revoked_already(id);
  std::uint32_t leases = 0;
  for (const auto& job : running_)
    for (const auto& lease_id : jobs_.at(job).running->leases)
      if (const auto lease = parts_.scheduler.find(lease_id); lease && lease->agent == agent->first) ++leases;
  agent->second.revoked = true;
  // As if it had been caught: what it left undecided is executed again. Where it was caught before, that was done.
  Quarantine quarantine;
  quarantine.agent = agent->first;
  quarantine.reason = "revoked" + (reason.empty() ? "" : ": " + reason);
  if (bench(quarantine, now)) {
    publish(quarantine, quarantine.shard.job);
    apply(parts_.verifier.quarantine(agent->first), now);
  } else {
    effects_.put(agent_key(agent->first), write_agent(agent->second));
  }
  const std::string name = identity::SpiffeId{parts_.identity.trust_domain, identity::NodeRole::agent, id, ""}.uri();
  return Revoked{leases, [name](const Peer& peer) { return peer.name == name; }};
}

std::string HubCore::key_of_client(const std::string& id) const {
  // All that it had are of one key: renewal is for the same.
  const auto found = std::ranges::find_if(certificates_, [&](const auto& one) { return one.second.name == "client/" + id; });
  return found == certificates_.end() ? "" : found->second.key_pin.hex();
}

Result<HubCore::Revoked> HubCore::revoke_client(const std::string& id) {
  const auto name = identity::spiffe_id_from_path(parts_.identity.trust_domain, "client/" + id);
  if (!name) return fail(ErrorKind::invalid_input, "id: expected a client's name, or \"<project>/<name>\"");
  return Revoked{0, [uri = name->uri()](const Peer& peer) { return peer.name == uri; }};
}

Result<HubCore::Revoked> HubCore::revoke_operator(const std::string& id, Time now, std::string& recorded) {
  const auto key = parse_operator_key(id);
  if (!key) return fail(key.error());
  recorded = key->pin.hex();
  if (revocations_.contains({"operator", recorded})) return revoked_already("this operator's key");
  if (!key->certificate.empty()) {
    const auto svid = identity::verify_svid({key->certificate}, identity::issuers_of(parts_.identity, now), now);
    if (!svid) return fail(svid.error());
    if (svid->id.role != identity::NodeRole::operator_)
      return fail(ErrorKind::invalid_input, "id: this certificate is not an operator's: " + svid->id.uri());
    // One that was made beside the hub was not known to it: from now on it stands in the lists.
    const bool known =
        std::ranges::any_of(certificates_, [&](const auto& entry) { return entry.second.serial == svid->certificate.serial; });
    const auto ca = parse_certificate(parts_.identity.ca_certificate);
    std::uint32_t epoch = parts_.identity.epochs.ca;
    if (ca && svid->certificate.issuer != ca->subject)
      for (const auto& earlier : parts_.identity.earlier_cas)
        if (const auto one = parse_certificate(earlier.certificate); one && one->subject == svid->certificate.issuer)
          epoch = earlier.epoch;
    if (!known)
      remember_certificate({svid->certificate.serial, operator_record_name(key->pin), epoch, svid->expires_at(), key->pin},
                           now);
  }
  const std::string name = identity::SpiffeId{parts_.identity.trust_domain, identity::NodeRole::operator_, "", ""}.uri();
  return Revoked{0, [name, pin = key->pin](const Peer& peer) { return peer.name == name && peer.key_pin == pin; }};
}

Result<HubCore::Revoked> HubCore::revoke_token(const std::string& id, Time now, std::string& recorded) {
  const auto nobody = [](const Peer&) { return false; };
  if (const auto join = identity::parse_join_token(id)) {
    const Digest hash = identity::join_secret_hash(join->secret.view());
    if (invitations_.erase(hash) == 0) return fail(ErrorKind::not_found, "this join token is unknown, used up or expired");
    effects_.erase(invitation_key(hash));
    recorded = "join-" + hash.hex();  // Not the secret.
    return Revoked{0, nobody};
  }
  // A token, or the id in it.
  std::optional<LeaseId> lease;
  if (id.starts_with("v4.public.")) {
    const auto claims = identity::read_token(id, token_keys(now));
    if (!claims) return fail(claims.error());
    recorded = claims->token_id;
    if (!claims->lease.empty()) lease = claims->lease;
  }
  if (!is_valid_id(recorded))
    return fail(ErrorKind::invalid_input, "id: expected a join token, another token, or the id in one");
  if (revocations_.contains({"token", recorded})) return revoked_already(recorded);
  // A heartbeat would bring a fresh one: the lease ends, too. An id alone does not say which.
  return Revoked{lease && requeue(*lease) ? 1u : 0u, nobody};
}

Result<HubCore::Revoked> HubCore::revoke_key(const std::string& text) {
  const auto id = KeyId::parse(text);
  if (!id) return fail(id.error());
  HubIdentity& keys = parts_.identity;
  const auto in_use = [&](std::uint32_t epoch) { return id->epoch >= epoch; };
  const auto drop = [&](std::vector<EarlierKey>& earlier) {
    return std::erase_if(earlier, [&](const EarlierKey& key) { return key.epoch == id->epoch; }) > 0;
  };
  bool current = false, found = false;
  std::function<bool(const Peer&)> whose = [](const Peer&) { return false; };
  switch (id->purpose) {
    case KeyPurpose::ca: {
      current = in_use(keys.epochs.ca);
      if (current) break;
      const auto earlier = std::ranges::find(keys.earlier_cas, id->epoch, &EarlierCa::epoch);
      found = earlier != keys.earlier_cas.end();
      if (!found) break;
      const auto ca = parse_certificate(earlier->certificate);
      if (!ca) return fail(ca.error());
      const auto hub = parse_certificate(keys.tls.certificate_chain.front());
      if (hub && hub->issuer == ca->subject)
        return fail(ErrorKind::conflict,
                    "the hub's own certificate is by this CA: rotate the hub key first, once everybody has renewed");
      whose = [issuer = ca->subject](const Peer& peer) {
        const auto certificate = parse_certificate(peer.certificate);
        return certificate && certificate->issuer == issuer;
      };
      keys.earlier_cas.erase(earlier);
      break;
    }
    case KeyPurpose::hub:
      current = in_use(keys.epochs.hub);
      found = !current && drop(keys.earlier_hub_keys);
      break;
    case KeyPurpose::token:
      current = in_use(keys.epochs.token);
      found = !current && drop(keys.earlier_token_keys);
      break;
    case KeyPurpose::log:
      current = in_use(keys.epochs.log);
      found = !current && drop(keys.earlier_log_keys);
      break;
    case KeyPurpose::content:
      return fail(ErrorKind::invalid_input, "keys of content are destroyed by erasing what they are for (forgepool erase)");
    case KeyPurpose::node:
      return fail(ErrorKind::invalid_input, "nodes' keys are not the hub's; revoke the agent or the client");
  }
  if (current)
    return fail(ErrorKind::conflict, text + " is in use, or comes next: make the key after it with `forgepool keys rotate " +
                                         std::string(to_string(id->purpose)) + "` first");
  if (!found) return fail(ErrorKind::not_found, "there is no key " + text);
  // Destroyed, so that it does not come back with a restart.
  if (keys.store) {
    if (const auto destroyed = keys.store->destroy(*id); !destroyed && destroyed.error().kind != ErrorKind::not_found)
      return fail(destroyed.error());
    if (const auto written = keys.store->replace_text("root.json", make_trusted_root(keys)); !written)
      return fail(written.error());
  }
  return Revoked{0, std::move(whose)};
}

Status HubCore::record_organization_revoked(const std::string& trust_domain, const std::string& reason, Time now) {
  if (auto checked = check_text("reason", reason, max_reason); !checked) return checked;
  if (revocations_.contains({"organization", trust_domain})) return revoked_already("this organization");
  record_revocation({"organization", trust_domain, reason, now, {}, 0});
  return {};
}

std::vector<std::string> HubCore::revoked_organizations() const {
  std::vector<std::string> domains;
  for (const auto& [key, record] : revocations_)
    if (key.first == "organization") domains.push_back(key.second);
  return domains;
}

std::uint32_t HubCore::stand_still(Time now) {
  std::uint32_t ended = 0;
  for (const auto& [id, agent] : agents_) {
    const auto leases = parts_.scheduler.agent_gone(id, now);
    ended += static_cast<std::uint32_t>(leases.size());
    end_leases(leases);
  }
  return ended;
}

bool HubCore::requeue(const LeaseId& id) {
  const auto lease = parts_.scheduler.find(id);
  if (!lease) return false;
  if (const auto finished = parts_.scheduler.finish(id, lease->agent); !finished) return false;
  end_leases({*lease});
  if (const auto job = jobs_.find(lease->job); job != jobs_.end() && job->second.running)
    for (const auto index : lease->shards)
      if (!job->second.running->shards.at(index).accepted) parts_.scheduler.want({lease->job, index}, 1);
  return true;
}

// --- keys ------------------------------------------------------------------------------------------------------------

Result<KeyId> HubCore::rotate(KeyPurpose purpose, Time now) {
  HubIdentity& keys = parts_.identity;
  KeyOverlap overlap = parts_.options.key_overlap;
  overlap.ca = std::max(overlap.ca, parts_.options.certificate_life);
  overlap.token = std::max(overlap.token, parts_.options.token_life);
  if (const auto rotated = rotate_key(keys, purpose, now, overlap); !rotated) return fail(rotated.error());
  KeyId id{purpose, 0};
  Digest pin;
  switch (purpose) {
    case KeyPurpose::ca: id.epoch = keys.epochs.ca, pin = keys.ca_key->public_key().pin(); break;
    case KeyPurpose::hub: id.epoch = keys.epochs.hub, pin = keys.pin(); break;
    case KeyPurpose::token: id.epoch = keys.epochs.token, pin = keys.token_key->public_key().pin(); break;
    case KeyPurpose::log: id.epoch = keys.epochs.log, pin = keys.log_key->public_key().pin(); break;
    case KeyPurpose::node:
    case KeyPurpose::content: break;
  }
  effects_.put(key_event_key(id.str()),
               write_event(commit_to("key", json::canonicalize(json::Object{{"key", id.str()}, {"pin", pin.str()}}))));
  parts_.log.write(LogLevel::info, "key_rotated", {{"key", id.str()}, {"pin", pin.hex()}});
  return id;
}

std::vector<PublicKey> HubCore::token_keys(Time now) const {
  std::vector<PublicKey> keys{parts_.identity.token_key->public_key()};
  for (const auto& earlier : parts_.identity.earlier_token_keys)
    if (now < earlier.until) keys.push_back(earlier.public_key);
  return keys;
}

// --- who may come ----------------------------------------------------------------------------------------------------

Status HubCore::admit_name(std::string_view spiffe_id) const {
  const auto id = identity::parse_spiffe_id(spiffe_id);
  if (!id) return fail(id.error());
  std::string name = id->project.empty() ? id->name : id->project + "/" + id->name;
  if (id->role == identity::NodeRole::agent && revocations_.contains({"agent", name}))
    return refuse(ErrorKind::denied, "agent_revoked", "this agent was revoked; it cannot come back by this identity");
  if (id->role == identity::NodeRole::client && revocations_.contains({"client", name}))
    return refuse(ErrorKind::denied, "client_revoked", "this client was revoked; it cannot come back by this identity");
  return {};
}

Status HubCore::admit(const Peer& peer, Time now, Duration grace) const {
  const auto certificate = parse_certificate(peer.certificate);
  if (!certificate) return refuse(ErrorKind::unauthenticated, "certificate_malformed", certificate.error().message);
  // A connection outlives the certificate that it began with; what it may do does not.
  if (std::chrono::floor<std::chrono::seconds>(now) > certificate->fields.not_after + grace)
    return refuse(ErrorKind::unauthenticated, "certificate_expired",
                  "the certificate of this connection expired at " + to_rfc3339(certificate->fields.not_after) +
                      ": have it renewed, or enrol again");
  if (const auto admitted = admit_name(peer.name); !admitted) return admitted;
  // All of an organization are called the same: they are told apart by their keys.
  const auto id = identity::parse_spiffe_id(peer.name);
  if (id && id->role == identity::NodeRole::operator_ && revocations_.contains({"operator", peer.key_pin.hex()}))
    return refuse(ErrorKind::denied, "operator_revoked", "these operator's credentials were revoked");
  return {};
}

}  // namespace forgepool::hub
