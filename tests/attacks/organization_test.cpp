// All keys of one organization are stolen, and tried on another one of the same hub.
#include "../support/permitted.hpp"
#include "world.hpp"

#include "identity/key_id.hpp"
#include "identity/svid.hpp"

using namespace forgepool;
using namespace forgepool::attacks;
using namespace std::chrono_literals;

namespace {

/// The victim is the hub's own organization, with a job and a lease under way.
struct Robbed : World {
  Node victim = agent(), owner = client("alice");
  wire::fb::LeaseGrantT grant;
  std::string blob;

  Robbed() {
    REQUIRE(submit(owner, 8, "the-job")->status == 200);
    grant = lease(victim, 2);
    blob = "/v1/agent/blob/" + wire::from_wire(*grant.adapter).hex();
  }

  /// Any name, by the stolen CA.
  TransportIdentity forged(const identity::SpiffeId& id, std::vector<Bytes> above) const {
    TransportIdentity made;
    made.key = must(generate_key(KeyAlgorithm::ecdsa_p256));
    const auto ca = must(parse_certificate(stolen.ca_certificate));
    made.certificate_chain = {must(identity::issue_svid(ca, *stolen.ca_key, made.key->public_key(), id, loop->now(), {}))};
    made.certificate_chain.insert(made.certificate_chain.end(), above.begin(), above.end());
    return made;
  }

  /// By the stolen token key, for whoever: in the victim's name, or in its own.
  std::string forged_token(identity::TokenClaims claims, const HubIdentity& named) const {
    claims.issuer = claims.audience = "spiffe://" + named.trust_domain + "/hub";
    return must(identity::mint_token(*stolen.token_key, claims));
  }
  identity::TokenClaims claims_on(const std::string& job, const Node& holder) const {
    auto wanted = claims(holder, grant);
    wanted.lease = {};
    wanted.shards.clear();
    wanted.adapter.reset();
    wanted.organization = identity.trust_domain;
    wanted.project = "alice";
    wanted.job = job;
    wanted.actions = {"read", "cancel", "list", "submit", "upload"};
    return wanted;
  }
};

}  // namespace

TEST_CASE("certificates for another organization's members, by a stolen CA, are refused in the handshake") {
  Robbed world;
  const std::string domain = world.identity.trust_domain;
  const std::string agent = world.victim.credentials.name.substr(world.victim.credentials.name.rfind('/') + 1);
  for (const auto& id : {identity::SpiffeId{domain, identity::NodeRole::operator_, "", ""},
                         {domain, identity::NodeRole::agent, agent, ""},
                         {domain, identity::NodeRole::client, "alice", ""},
                         {domain, identity::NodeRole::hub, "", ""}}) {
    CAPTURE(id.uri());
    for (const auto& above : {std::vector<Bytes>{},
                              {world.stolen.ca_certificate},
                              {world.identity.ca_certificate},
                              {world.stolen.ca_certificate, world.identity.ca_certificate}}) {
      const auto refusal = world.handshake(world.forged(id, above));
      CHECK(refusal.status == 0);
      CHECK_FALSE(refusal.code.empty());
    }
  }
  world.honest_work_goes_on();
}

TEST_CASE("a stolen operator may do nothing to another organization's agents, clients, keys and jobs") {
  Robbed world;
  Node boss = world.intruder("operator");
  const std::string agent = world.victim.credentials.name.substr(world.victim.credentials.name.rfind('/') + 1);
  const auto revoke = [](const std::string& kind, const std::string& id) {
    wire::fb::RevokeT message;
    message.kind = kind;
    message.id = id;
    return post("/v1/revocations", wire::encode(message));
  };
  CHECK(world.refusal(boss, revoke("agent", agent)).status == 404);
  CHECK(world.refusal(boss, revoke("organization", "robbed")) == Refusal{403, "denied"});
  // Names of clients are an organization's own, and so is what is said of them.
  CHECK(world.refusal(boss, revoke("client", "alice")) == Refusal{200, "accepted"});
  CHECK(world.refusal(boss, revoke("token", world.grant.token)) == Refusal{401, "token_key"});
  CHECK(world.refusal(boss, revoke("operator", to_base64(world.operator_().credentials.identity.certificate_chain.front())))
            .status == 401);
  for (const std::string& path : {"/v1/agents/" + agent + "/drain", "/v1/agents/" + agent + "/appeal"}) {
    wire::fb::DrainT drain;
    wire::fb::AppealT appeal;
    appeal.job = "the-job";
    appeal.replayed = wire::to_wire_ptr(sha256("x"));
    CHECK(world.refusal(boss, post(path, path.ends_with("drain") ? wire::encode(drain) : wire::encode(appeal))).status == 404);
  }
  for (const std::string part : {"", "/result", "/bundle", "/explain"})
    CHECK(world.refusal(boss, get("/v1/jobs/the-job" + part)) == Refusal{404, "job_unknown"});
  CHECK(world.refusal(boss, post("/v1/jobs/the-job/cancel", {})) == Refusal{404, "job_unknown"});
  const auto agents = must(wire::decode<wire::fb::AgentListT>(must(world.ask(*boss.connection, get("/v1/agents"))).body));
  CHECK(agents.agents.empty());
  const auto jobs = must(wire::decode<wire::fb::JobListT>(must(world.ask(*boss.connection, get("/v1/jobs"))).body));
  CHECK(jobs.jobs.empty());
  CHECK(world.refusal(boss, get("/v1/organizations")) == Refusal{403, "denied"});
  // The victim's client is still who it is.
  CHECK(must(world.ask(*world.owner.connection, get("/v1/jobs/the-job"))).status == 200);
  world.honest_work_goes_on();
}

TEST_CASE("tokens by a stolen key are worth nothing in another organization, in whosever name and on whosever connection") {
  Robbed world;
  Node thief_agent = world.intruder("agent/a-thief"), thief = world.intruder("client/alice");
  for (const HubIdentity* named : {&world.identity, &world.stolen}) {
    CAPTURE(named->trust_domain);
    // Even where the victims themselves show them.
    CHECK(world.refusal(world.victim, get(world.blob, world.forged_token(world.claims(world.victim, world.grant), *named))) ==
          Refusal{401, "token_key"});
    CHECK(world.refusal(world.owner, get("/v1/jobs/the-job", world.forged_token(world.claims_on("the-job", world.owner),
                                                                                *named))) == Refusal{401, "token_key"});
    // On the thief's connections it is the thief's own organization that looks.
    const auto blob =
        world.refusal(thief_agent, get(world.blob, world.forged_token(world.claims(thief_agent, world.grant), *named)));
    const auto job =
        world.refusal(thief, get("/v1/jobs/the-job", world.forged_token(world.claims_on("the-job", thief), *named)));
    if (named == &world.identity) {
      CHECK(blob == Refusal{403, "agent_unknown"});
      CHECK(job == Refusal{401, "token_issuer"});
    } else {
      CHECK(blob == Refusal{403, "agent_unknown"});
      CHECK(job == Refusal{403, "token_organization"});
    }
  }
  // As if it were of the thief's organization: where there is no such job.
  auto claims = world.claims_on("the-job", thief);
  claims.organization = world.stolen.trust_domain;
  CHECK(world.refusal(thief, get("/v1/jobs/the-job", world.forged_token(claims, world.stolen))) == Refusal{404, "job_unknown"});
  // And the victim's own tokens do not travel.
  CHECK(world.refusal(thief_agent, get(world.blob, world.grant.token)) == Refusal{403, "agent_unknown"});
  world.honest_work_goes_on();
}

TEST_CASE("an agent of a stolen organization neither takes, keeps alive, reads nor reports another one's shards") {
  Robbed world;
  Node enrolled{must(identity::issue_member_credentials(world.stolen, "agent/a-thief", world.loop->now(), &world.identity)),
                nullptr};
  enrolled.connection = must(world.transport->connect(world.connect_options(enrolled.credentials.identity)));
  // By a certificate alone it is not enrolled even at home.
  wire::fb::LeaseAskT ask;
  ask.max_shards = 1;
  CHECK(world.refusal(enrolled, post("/v1/agent/lease", wire::encode(ask))) == Refusal{403, "agent_unknown"});
  wire::fb::HeartbeatT heartbeat;
  heartbeat.leases = {world.grant.lease};
  CHECK(world.refusal(enrolled, post("/v1/agent/heartbeat", wire::encode(heartbeat))) == Refusal{403, "agent_unknown"});
  CHECK(world.refusal(enrolled, result(world.report(enrolled, world.grant), world.grant.token)).status == 403);
  // One with the victim's id, by the stolen CA, is another organization's agent of that id.
  Node twin = world.intruder("agent/" + world.victim.credentials.name.substr(world.victim.credentials.name.rfind('/') + 1));
  CHECK(world.refusal(twin, post("/v1/agent/heartbeat", wire::encode(heartbeat))) == Refusal{403, "agent_unknown"});
  CHECK(world.refusal(twin, result(world.report(world.victim, world.grant), world.grant.token)).status == 403);
  CHECK(must(world.ask(*world.victim.connection, result(world.report(world.victim, world.grant), world.grant.token))).status ==
        200);
  world.honest_work_goes_on();
}

TEST_CASE("a join token of one organization lets nobody into another, and inputs do not cross over") {
  Robbed world;
  Node boss = world.intruder("operator"), thief = world.intruder("client/alice");
  wire::fb::InviteT invite;
  invite.role = "agent";
  invite.uses = 1;
  invite.ttl_s = 60;
  const auto invitation = must(wire::decode<wire::fb::InvitationT>(
      must(world.ask(*boss.connection, post("/v1/invitations", wire::encode(invite)))).body));
  std::optional<Result<Credentials>> enrolled;
  enrol(*world.transport, {"127.0.0.1", world.hub->enrolment_port(), invitation.join_token},
        [&](Result<Credentials> got) { enrolled = std::move(got); });
  world.run_until([&] { return enrolled.has_value(); });
  const auto credentials = must(std::move(*enrolled));
  CHECK(credentials.name.starts_with("spiffe://" + world.stolen.trust_domain + "/agent/"));

  const Bytes secret = to_bytes("the victim's portfolio");
  REQUIRE(must(world.ask(*world.owner.connection, {"PUT", "/v1/blobs/" + sha256(secret).hex(), "", secret})).status == 204);
  // A digest alone gives nothing, and another's upload changes nothing for its owner.
  const std::string contract =
      R"({"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":1,"input":")" + sha256(secret).str() + "\"}}";
  CHECK(must(world.ask(*thief.connection, post("/v1/jobs", to_bytes(contract)))).status == 400);
  Connection& stranger = world.connect(credentials.identity);
  CHECK(world.refusal(stranger, get("/v1/agent/blob/" + sha256(secret).hex(), world.grant.token)).status == 401);
  world.honest_work_goes_on();
}
