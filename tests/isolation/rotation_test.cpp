// Certificates and keys change while everything goes on.
#include "identity/svid.hpp"
#include "pool.hpp"
#include "wire/messages.hpp"

#include <forgepool/audit.hpp>
#include <forgepool/merkle.hpp>

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

JobStatus run_job(Pool& pool, std::size_t organization, unsigned shards, std::string* bundle = nullptr) {
  auto client = pool.client(pool.issue(organization, "client/alice"));
  const auto job = must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(shards), done); })).id;
  auto end = must(pool.call<JobStatus>([&](auto done) { client->wait(job, nullptr, done); }));
  if (bundle) *bundle = must(pool.call<std::string>([&](auto done) { client->bundle(job, done); }));
  return end;
}

std::string health(Pool& pool, std::size_t organization) {
  return must(pool.call<std::string>([&](auto done) { pool.operator_of(organization).health(done); }));
}

}  // namespace

TEST_CASE("an agent renews its certificate at half of its life, and works on through many of them") {
  HubOptions options;
  options.certificate_life = 1h;
  Pool pool(options);
  const auto agent = pool.start_agent(Pool::aurora, 100ms);
  const Bytes first = agent->credentials.identity.certificate_chain.front();
  // It is valid from five minutes before it was issued: half of its life is 27 and a half minutes away.
  pool.loop.advance(27min);
  CHECK(agent->credentials.identity.certificate_chain.front() == first);
  pool.loop.advance(2min);
  CHECK(agent->credentials.identity.certificate_chain.front() != first);
  for (int hour = 0; hour < 6; ++hour) {
    pool.loop.advance(1h);
    CHECK(run_job(pool, Pool::aurora, 4).state == JobState::done);
    CHECK(agent->agent->statistics().refused.empty());
    CHECK(agent->agent->statistics().certificate_expires_at > pool.loop.now());
    CHECK(health(pool, Pool::aurora).find(R"("status":"ok")") != std::string::npos);
  }
  CHECK(std::ranges::count_if(agent->log->lines, [](const auto& line) { return line.starts_with("certificate_renewed"); }) >=
        12);
  CHECK(agent->agent->statistics().failed_shards == 0);
  CHECK_FALSE(agent->log->has("lease_lost"));
  // One agent all the time.
  CHECK(must(pool.call<std::vector<AgentSummary>>([&](auto done) { pool.operator_of(Pool::aurora).agents(done); })).size() ==
        1);
}

TEST_CASE("an agent that slept past its certificate says exactly what to do, and health says that it is missing") {
  HubOptions options;
  options.certificate_life = 1h;
  options.renewal_grace = 0h;
  Pool pool(options);
  auto agent = pool.start_agent(Pool::aurora);
  const auto credentials = agent->credentials;
  pool.loop.advance(1s);
  agent->agent.reset();
  pool.loop.advance(55min);
  CHECK(health(pool, Pool::aurora).find(agent->id()) != std::string::npos);  // Renewal is overdue.
  pool.loop.advance(10min);
  const auto sick = health(pool, Pool::aurora);
  CHECK(sick.find(R"("status":"degraded")") != std::string::npos);
  CHECK(sick.find(agent->id()) != std::string::npos);
  CHECK(sick.find("enrol it again") != std::string::npos);
  CHECK(health(pool, Pool::borealis).find(R"("status":"ok")") != std::string::npos);
  // A client learns that something is wrong, and not whose.
  auto client = pool.client(pool.issue(Pool::aurora, "client/alice"));
  const auto brief = must(pool.call<std::string>([&](auto done) { client->health(done); }));
  CHECK(brief.find("degraded") != std::string::npos);
  CHECK(brief.find(agent->id()) == std::string::npos);
  const auto agents =
      must(pool.call<std::vector<AgentSummary>>([&](auto done) { pool.operator_of(Pool::aurora).agents(done); }));
  CHECK(agents.front().state == "expired");

  const auto late = pool.start_agent_with(credentials, 1ms);
  REQUIRE(pool.loop.run_until([&] { return !late->agent->statistics().refused.empty(); }, 1min));
  for (const auto part : {"expired at 2026-01-01T0", "forgepool hub invite", "forgepool agent enroll --join"}) {
    INFO(late->agent->statistics().refused);
    CHECK(late->agent->statistics().refused.find(part) != std::string::npos);
  }
}

TEST_CASE("an agent whose renewals fail says so while it works, and catches up when the hub is there again") {
  HubOptions options;
  options.certificate_life = 1h;
  Pool pool(options);
  const auto agent = pool.start_agent(Pool::aurora);
  pool.loop.advance(20min);
  pool.stop_hub();
  pool.loop.advance(20min);
  CHECK(agent->agent->statistics().unhealthy.find("could not be renewed") != std::string::npos);
  CHECK(agent->agent->statistics().refused.empty());
  pool.start_hub();
  pool.loop.advance(10min);
  CHECK(agent->agent->statistics().unhealthy.empty());
  CHECK(run_job(pool, Pool::aurora, 4).state == JobState::done);
}

TEST_CASE("every key of an organization and of the hub is rotated under a running pool, over and over, and nothing stops") {
  HubOptions options;
  options.certificate_life = 1h;
  Pool pool(options);
  std::vector<std::unique_ptr<Pool::Member>> agents;
  for (int i = 0; i < 2; ++i) agents.push_back(pool.start_agent(Pool::aurora, 50ms));
  std::vector<std::string> bundles;
  const std::string first_root = make_trusted_root(pool.identity(Pool::aurora));
  std::string root = first_root;
  for (int round = 0; round < 3; ++round) {
    for (const auto organization : {Pool::own, Pool::aurora})
      for (const auto purpose : {KeyPurpose::token, KeyPurpose::ca, KeyPurpose::hub, KeyPurpose::log}) {
        CAPTURE(round, organization, to_string(purpose));
        const auto rotated =
            must(pool.call<RotatedKey>([&](auto done) { pool.operator_of(organization).rotate_key(purpose, done); }));
        CHECK(rotated.id.epoch == static_cast<std::uint32_t>(round) + 2);
        if (organization == Pool::aurora) root = rotated.trusted_root;
        // A long job across the rotation, on the connections that there are.
        bundles.emplace_back();
        auto client = pool.client(pool.issue(Pool::aurora, "client/alice"));
        const auto job = must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(6, "", 2), done); })).id;
        CHECK(must(pool.call<JobStatus>([&](auto done) { client->wait(job, nullptr, done); })).state == JobState::done);
        bundles.back() = must(pool.call<std::string>([&](auto done) { client->bundle(job, done); }));
        CHECK(must(pool.call<Credentials>([&](auto done) { pool.operator_of(organization).renew(done); })).hub_pins.size() ==
              2);
      }
    // Everybody renews in between, and so learns the key that comes next.
    pool.loop.advance(1h);
    for (const auto organization : {Pool::own, Pool::aurora, Pool::borealis})
      must(pool.call<Credentials>([&](auto done) { pool.operator_of(organization).renew(done); }));
    pool.restart_hub();
  }
  for (const auto& agent : agents) {
    CHECK(agent->agent->statistics().refused.empty());
    CHECK(agent->agent->statistics().failed_shards == 0);
    CHECK(agent->log->has("certificate_renewed"));
    CHECK_FALSE(agent->log->has("hub_pin_mismatch"));
  }
  // With the root of today everything holds that was ever signed.
  for (const auto& bundle : bundles) {
    const auto report = verify_bundle(bundle, root);
    if (!report) FAIL(report.error().message);
  }
  // With that of the beginning, what was signed then; and the log's checkpoint, which the old key still signs, too.
  const auto checkpoint = must(pool.home(Pool::aurora).ledger->checkpoint());
  const auto domain = pool.identity(Pool::aurora).trust_domain;
  const auto& identity = pool.identity(Pool::aurora);
  CHECK(verify_checkpoint(checkpoint, {domain, identity.log_key->public_key()}));
  REQUIRE(identity.earlier_log_keys.size() == 3);
  for (const auto& earlier : identity.earlier_log_keys) CHECK(verify_checkpoint(checkpoint, {domain, earlier.public_key}));
}

TEST_CASE(
    "an agent that was away for one change of the hub's key comes back by the backup pin; after two it refuses, and says why") {
  HubOptions options;
  options.certificate_life = 24h * 30;
  Pool pool(options);
  auto agent = pool.start_agent(Pool::aurora);
  const auto credentials = agent->credentials;
  agent->agent.reset();
  const auto rotate = [&] {
    must(pool.call<RotatedKey>([&](auto done) { pool.operator_of(Pool::own).rotate_key(KeyPurpose::hub, done); }));
    must(pool.call<Credentials>([&](auto done) { pool.operator_of(Pool::own).renew(done); }));
  };
  rotate();
  {
    const auto back = pool.start_agent_with(credentials, 1ms);
    CHECK(run_job(pool, Pool::aurora, 2).state == JobState::done);
    CHECK_FALSE(back->log->has("hub_pin_mismatch"));
  }
  rotate();
  const auto away = pool.start_agent_with(credentials, 1ms);
  REQUIRE(pool.loop.run_until([&] { return !away->agent->statistics().refused.empty(); }, 1min));
  CHECK(away->log->has("hub_pin_mismatch"));
  CHECK(away->agent->statistics().refused.find("pin_mismatch") != std::string::npos);
}

TEST_CASE("a renewed certificate is for the same name and key, and for nobody who was not there before") {
  Pool pool;
  const auto credentials = pool.enrol(pool.invite(Pool::aurora, {}));
  const auto connection = pool.connect(credentials);
  const auto renew = [&](Connection& by, const Signer& key) {
    wire::fb::RenewT message;
    message.certificate_request = must(make_certificate_request(key, "spiffe://hub.test/operator"));
    return must(pool.exchange(by, {"POST", "/v1/renew", "", wire::encode(message)}));
  };
  const auto answer = renew(*connection, *credentials.identity.key);
  REQUIRE(answer.status == 200);
  const auto renewed = must(wire::decode<wire::fb::EnrolledT>(answer.body));
  const auto leaf = must(parse_certificate(renewed.chain.front()->der));
  CHECK(leaf.fields.uri_names == std::vector{credentials.name});
  CHECK(leaf.key == credentials.identity.key->public_key());
  CHECK(renew(*connection, *must(generate_key(KeyAlgorithm::ecdsa_p256))).status == 403);
  // A name that the CA vouches for, but that never enrolled.
  const auto stranger = pool.issue(Pool::aurora, "agent/a-stranger");
  CHECK(renew(*pool.connect(stranger), *stranger.identity.key).status == 403);
}

TEST_CASE("tokens of the key before are good for as long as they live, and no longer once it is revoked") {
  Pool pool;
  auto client = pool.client(pool.issue(Pool::aurora, "client/alice"));
  must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(2), done); }));
  const auto agent = pool.enrol(pool.invite(Pool::aurora, {}));
  const auto connection = pool.connect(agent);
  wire::fb::LeaseAskT ask;
  const auto grant = must(wire::decode<wire::fb::LeaseGrantT>(
      must(pool.exchange(*connection, {"POST", "/v1/agent/lease", "", wire::encode(ask)})).body));
  const Request fetch{"GET", "/v1/agent/blob/" + wire::from_wire(*grant.adapter).hex(), grant.token, {}};
  const auto rotate = [&] {
    must(pool.call<RotatedKey>([&](auto done) { pool.operator_of(Pool::aurora).rotate_key(KeyPurpose::token, done); }));
  };
  rotate();
  CHECK(must(pool.exchange(*connection, fetch)).status == 200);
  must(pool.call<std::uint32_t>([&](auto done) { pool.operator_of(Pool::aurora).revoke("key", "token-1", "stolen", done); }));
  CHECK(must(pool.exchange(*connection, fetch)).status == 401);
  // Its heartbeat brings a good one.
  wire::fb::HeartbeatT beat;
  beat.leases = {grant.lease};
  const auto beaten = must(wire::decode<wire::fb::HeartbeatAnswerT>(
      must(pool.exchange(*connection, {"POST", "/v1/agent/heartbeat", "", wire::encode(beat)})).body));
  REQUIRE(beaten.renewed.size() == 1);
  Request again = fetch;
  again.authorization = beaten.renewed.front()->token;
  CHECK(must(pool.exchange(*connection, again)).status == 200);
  pool.restart_hub();
  CHECK(pool.identity(Pool::aurora).earlier_token_keys.empty());
}
