// One organization's keys are all stolen: what can be forged with them against another one. Nothing.
#include "crypto/reason.hpp"
#include "identity/key_id.hpp"
#include "identity/svid.hpp"
#include "identity/token.hpp"
#include "pool.hpp"
#include "wire/bundle.hpp"
#include "wire/messages.hpp"

#include <forgepool/audit.hpp>
#include <forgepool/merkle.hpp>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

/// A certificate for any name and key, by whatever CA certificate is given.
Credentials forge(const Pool& pool, const Bytes& ca_certificate, const Signer& ca_key, const identity::SpiffeId& name,
                  std::shared_ptr<Signer> key = must(generate_key(KeyAlgorithm::ecdsa_p256))) {
  const auto ca = must(parse_certificate(ca_certificate));
  Credentials credentials;
  credentials.identity.certificate_chain = {
      must(identity::issue_svid(ca, ca_key, key->public_key(), name, pool.loop.now(), {})), ca_certificate};
  credentials.identity.key = std::move(key);
  credentials.name = name.uri();
  return credentials;
}

Request get(const std::string& path, const std::string& token = {}) {
  return {"GET", path, token, {}};
}

wire::fb::LeaseGrantT take_lease(Pool& pool, Connection& connection) {
  wire::fb::LeaseAskT ask;
  ask.max_shards = 1;
  const auto answer = must(pool.exchange(connection, {"POST", "/v1/agent/lease", "", wire::encode(ask)}));
  REQUIRE(answer.status == 200);
  return must(wire::decode<wire::fb::LeaseGrantT>(answer.body));
}

}  // namespace

TEST_CASE("certificates made with a stolen CA open no other organization's doors") {
  Pool pool;
  const HubIdentity& stolen = pool.identity(Pool::aurora);
  const std::string victim = pool.identity(Pool::borealis).trust_domain, hub = pool.identity(Pool::own).trust_domain;
  const auto refused = [&](const Credentials& credentials) {
    CAPTURE(credentials.name);
    const auto connection = pool.connect(credentials);
    const auto answer = pool.exchange(*connection, get("/healthz"));
    CHECK_FALSE(answer);
    return !answer && answer.error().kind == ErrorKind::unauthenticated;
  };
  // What it is good for: its own organization.
  CHECK(must(pool.exchange(*pool.connect(pool.issue(Pool::aurora, "operator")), get("/healthz"))).status == 200);

  // The same subject as the victim's CA, but the thief's key; and the victim's certificate with the thief's signature.
  const auto subject = must(parse_certificate(pool.identity(Pool::borealis).ca_certificate)).fields;
  CaProfile profile;
  profile.common_name = subject.common_name;
  profile.not_before = subject.not_before;
  profile.not_after = subject.not_after;
  const Bytes impostor = must(make_ca_certificate(*stolen.ca_key, profile));
  const auto agent = pool.start_agent(Pool::borealis);
  for (const std::string& domain : {victim, hub}) {
    for (const auto& [role, name, project] : {std::tuple{identity::NodeRole::operator_, "", ""},
                                              {identity::NodeRole::agent, "a-1", ""},
                                              {identity::NodeRole::client, "alice", ""},
                                              {identity::NodeRole::client, "alice", "apollo"}}) {
      const identity::SpiffeId id{domain, role, name, project};
      CHECK(refused(forge(pool, stolen.ca_certificate, *stolen.ca_key, id)));
      CHECK(refused(forge(pool, impostor, *stolen.ca_key, id)));
      auto mixed = forge(pool, stolen.ca_certificate, *stolen.ca_key, id);
      mixed.identity.certificate_chain.back() = pool.identity(Pool::borealis).ca_certificate;
      CHECK(refused(mixed));
      auto long_chain = forge(pool, impostor, *stolen.ca_key, id);
      long_chain.identity.certificate_chain.push_back(pool.identity(Pool::borealis).ca_certificate);
      CHECK(refused(long_chain));
    }
    // A living agent's name.
    CHECK(refused(forge(pool, stolen.ca_certificate, *stolen.ca_key, {domain, identity::NodeRole::agent, agent->id(), ""})));
  }
  CHECK(refused(forge(pool, stolen.ca_certificate, *stolen.ca_key, {"nobody.test", identity::NodeRole::operator_, "", ""})));
  // A hub's own certificate is nobody's way in.
  CHECK(refused(forge(pool, stolen.ca_certificate, *stolen.ca_key, {stolen.trust_domain, identity::NodeRole::hub, "", ""})));
}

TEST_CASE("who holds a stolen hub key and CA cannot pose as the hub, not even before the members whose keys they are") {
  Pool pool;
  const HubIdentity& stolen = pool.identity(Pool::aurora);
  for (const auto organization : {Pool::own, Pool::aurora, Pool::borealis}) {
    const auto member = pool.issue(organization, "agent/a-1");
    const auto check = must(identity::check_hub(member));
    CHECK(check(pool.identity(Pool::own).tls.certificate_chain, pool.loop.now()) == "spiffe://hub.test/hub");
    CHECK_FALSE(check(stolen.tls.certificate_chain, pool.loop.now()));
    const auto posing =
        forge(pool, stolen.ca_certificate, *stolen.ca_key, {"hub.test", identity::NodeRole::hub, "", ""}, stolen.tls.key);
    CHECK_FALSE(check(posing.identity.certificate_chain, pool.loop.now()));
  }
  // With the hub's own CA, too, there is still the pin.
  const HubIdentity& front = pool.identity(Pool::own);
  const auto other_key = forge(pool, front.ca_certificate, *front.ca_key, {"hub.test", identity::NodeRole::hub, "", ""});
  const auto refusal =
      must(identity::check_hub(pool.issue(Pool::borealis, "agent/a-1")))(other_key.identity.certificate_chain, pool.loop.now());
  REQUIRE_FALSE(refusal);
  CHECK(reason_code(refusal.error()) == "pin_mismatch");
}

TEST_CASE("tokens signed with a stolen key, of whatever form, fetch nothing of another organization") {
  Pool pool;
  auto client = pool.client(pool.issue(Pool::borealis, "client/alice"));
  must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(8), done); }));
  const auto victim = pool.enrol(pool.invite(Pool::borealis, {})), thief = pool.enrol(pool.invite(Pool::aurora, {}));
  const auto victims_connection = pool.connect(victim), thiefs_connection = pool.connect(thief);
  const auto grant = take_lease(pool, *victims_connection);
  const std::string path = "/v1/agent/blob/" + wire::from_wire(*grant.adapter).hex();
  CHECK(must(pool.exchange(*victims_connection, get(path, grant.token))).status == 200);  // The honest way.

  const HubIdentity& stolen = pool.identity(Pool::aurora);
  const HubIdentity& robbed = pool.identity(Pool::borealis);
  for (const HubIdentity* named : {&stolen, &robbed}) {
    for (const Credentials* holder : {&victim, &thief}) {
      identity::TokenClaims claims;
      claims.issuer = claims.audience = "spiffe://" + named->trust_domain + "/hub";
      claims.subject = holder->name;
      claims.token_id = "t-forged";
      claims.issued_at = claims.not_before = std::chrono::floor<std::chrono::seconds>(pool.loop.now());
      claims.expires_at = claims.issued_at + 5min;
      claims.key_thumbprint = identity::jwk_thumbprint(holder->identity.key->public_key());
      claims.organization = claims.project = claims.job = grant.job;
      claims.lease = LeaseId(grant.lease);
      claims.shards = {0, 1, 2};
      claims.adapter = wire::from_wire(*grant.adapter);
      claims.actions = {"fetch", "report"};
      const auto token = must(identity::mint_token(*stolen.token_key, claims));
      CAPTURE(claims.issuer, claims.subject);
      CHECK(must(pool.exchange(*victims_connection, get(path, token))).status == 401);
      // On the thief's own connection its own organization looks at it, which has no such lease.
      CHECK(must(pool.exchange(*thiefs_connection, get(path, token))).status / 100 == 4);
    }
  }
  // The victim's token on the thief's connection is no better.
  CHECK(must(pool.exchange(*thiefs_connection, get(path, grant.token))).status == 401);
}

TEST_CASE("evidence signed with stolen keys convinces no auditor of another organization") {
  Pool pool;
  std::vector<std::unique_ptr<Pool::Member>> agents;
  for (const auto organization : {Pool::aurora, Pool::borealis}) agents.push_back(pool.start_agent(organization));
  const auto bundle_of = [&](std::size_t organization) {
    auto client = pool.client(pool.issue(organization, "client/alice"));
    const auto job = must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(3, "j-1"), done); }));
    CHECK(must(pool.call<JobStatus>([&](auto done) { client->wait(job.id, nullptr, done); })).state == JobState::done);
    return must(pool.call<std::string>([&](auto done) { client->bundle(job.id, done); }));
  };
  const std::string theirs = bundle_of(Pool::aurora), ours = bundle_of(Pool::borealis);
  const HubIdentity& stolen = pool.identity(Pool::aurora);
  const std::string root = make_trusted_root(pool.identity(Pool::borealis));
  CHECK(verify_bundle(ours, root));
  CHECK(verify_bundle(theirs, make_trusted_root(stolen)));
  CHECK_FALSE(verify_bundle(theirs, root));
  CHECK_FALSE(verify_bundle(ours, make_trusted_root(stolen)));
  CHECK_FALSE(verify_bundle(ours, make_trusted_root(pool.identity(Pool::own))));

  // The real one, changed and signed again; and with a checkpoint of the stolen log key under the real log's name.
  auto forged = must(wire::read_bundle(ours)).bundle;
  const auto sign = [&] { return wire::write_bundle(forged, must(stolen.tls.key->sign(as_bytes(wire::bundle_body(forged))))); };
  CHECK_FALSE(verify_bundle(sign(), root));
  const auto head = must(verify_checkpoint(
      forged.checkpoint, {pool.identity(Pool::borealis).trust_domain, pool.identity(Pool::borealis).log_key->public_key()}));
  const auto checkpoint = must(sign_checkpoint(pool.identity(Pool::borealis).trust_domain, head, *stolen.log_key));
  CHECK_FALSE(verify_checkpoint(checkpoint, must(parse_vkey(to_vkey(pool.identity(Pool::borealis).trust_domain,
                                                                    pool.identity(Pool::borealis).log_key->public_key())))));
  // Even signed by the right hub key, the wrong log does not do.
  forged.checkpoint = checkpoint;
  const auto right = pool.identity(Pool::borealis).tls.key->sign(as_bytes(wire::bundle_body(forged)));
  const auto report = verify_bundle(wire::write_bundle(forged, must(right)), root);
  REQUIRE_FALSE(report);
  CHECK(report.error().message.starts_with("/checkpoint"));
}

TEST_CASE("a join token makes members of the organization that gave it, and a secret nobody gave of none") {
  Pool pool;
  const auto token = pool.invite(Pool::aurora, {});
  const auto enrolled = pool.enrol(token);
  CHECK(enrolled.name.starts_with("spiffe://" + pool.identity(Pool::aurora).trust_domain + "/agent/a-"));
  CHECK(pool.try_enrol(token).error().kind == ErrorKind::denied);  // Used up.
  auto guessed = pool.invite(Pool::borealis, {});
  guessed[10] = guessed[10] == 'A' ? 'B' : 'A';
  CHECK(pool.try_enrol(guessed).error().kind == ErrorKind::denied);

  Invitation several;
  several.uses = 2;
  several.life = 1h;
  several.agent.region = "eu-west";
  several.agent.adapters = {"noop@1"};
  several.visibility = "public";
  const auto shared = pool.invite(Pool::borealis, several);
  pool.enrol(shared);
  pool.restart_hub();
  pool.enrol(shared);
  CHECK(pool.try_enrol(shared).error().kind == ErrorKind::denied);
  const auto agents =
      must(pool.call<std::vector<AgentSummary>>([&](auto done) { pool.operator_of(Pool::borealis).agents(done); }));
  REQUIRE(agents.size() == 2);
  for (const auto& agent : agents) {
    CHECK(agent.agent.region == "eu-west");
    CHECK(agent.agent.adapters == std::vector<std::string>{"noop@1"});
    CHECK(agent.agent.organization.empty());
  }
  const auto late = pool.invite(Pool::aurora, several);
  pool.loop.advance(2h);
  CHECK(pool.try_enrol(late).error().kind == ErrorKind::denied);
}
