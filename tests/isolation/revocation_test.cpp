// What ends when somebody or something is revoked: at once, on connections that are there, for good, and on the record.
#include "identity/svid.hpp"
#include "pool.hpp"
#include "wire/bundle.hpp"
#include "wire/messages.hpp"

#include <forgepool/audit.hpp>

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

Result<std::uint32_t> revoke(Pool& pool, std::size_t by, const std::string& kind, const std::string& id) {
  return pool.call<std::uint32_t>([&](auto done) { pool.operator_of(by).revoke(kind, id, "a test", done); });
}

Result<Response> ask(Pool& pool, Connection& connection, const std::string& path, const std::string& token = {}) {
  return pool.exchange(connection, {"GET", path, token, {}});
}

JobId submit(Pool& pool, std::size_t organization, unsigned shards, unsigned replicas = 1) {
  auto client = pool.client(pool.issue(organization, "client/alice"));
  return must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(shards, "", replicas), done); })).id;
}

JobStatus wait_for(Pool& pool, std::size_t organization, const JobId& job) {
  auto client = pool.client(pool.issue(organization, "client/alice"));
  return must(pool.call<JobStatus>([&](auto done) { client->wait(job, nullptr, done); }));
}

/// The leaf stands in the log, and says nothing to those who do not have the record.
bool is_in_the_ledger(Pool& pool, std::size_t organization, const std::string& word) {
  const Ledger& ledger = *pool.home(organization).ledger;
  bool leaf = false;
  for (std::uint64_t i = 0; i < ledger.head().size; ++i) {
    const auto text = to_text(must(ledger.leaf(i)));
    CHECK(text.find(word) == std::string::npos);
    leaf = leaf || text.find(R"("kind":"revocation")") != std::string::npos;
  }
  bool record = false;
  must(ledger
           .scan("revocation/",
                 [&](std::string_view, ByteView value) {
                   record = record || as_text(value).find(word) != std::string_view::npos;
                   return true;
                 })
           .map([] { return true; }));
  return leaf && record;
}

}  // namespace

TEST_CASE("a revoked agent is turned out at once, its shards go to others, and it does not come back") {
  Pool pool;
  const auto bad = pool.start_agent(Pool::aurora, 1h);  // Sits on its leases.
  const auto job = submit(pool, Pool::aurora, 6);
  REQUIRE(pool.loop.run_until(
      [&] {
        auto client = pool.client(pool.issue(Pool::aurora, "client/alice"));
        return must(pool.call<JobStatus>([&](auto done) { client->status(job, 0, 0s, done); })).leased >= 4;
      },
      1min));
  const Time before = pool.loop.now();
  const auto ended = must(revoke(pool, Pool::aurora, "agent", bad->id()));
  CHECK(ended >= 2);
  CHECK(pool.loop.now() - before < 1s);
  CHECK(is_in_the_ledger(pool, Pool::aurora, bad->id()));
  CHECK(revoke(pool, Pool::aurora, "agent", bad->id()).error().kind == ErrorKind::conflict);

  const auto good = pool.start_agent(Pool::aurora);
  const auto end = wait_for(pool, Pool::aurora, job);
  CHECK(end.state == JobState::done);
  // Long before the leases of the revoked one would have run out.
  CHECK(pool.loop.now() - before < 10s);
  REQUIRE(pool.loop.run_until([&] { return !bad->agent->statistics().refused.empty(); }, 1min));

  pool.restart_hub();
  const auto again = pool.connect(bad->credentials);
  CHECK(ask(pool, *again, "/healthz").error().kind == ErrorKind::unauthenticated);
  const auto agents =
      must(pool.call<std::vector<AgentSummary>>([&](auto done) { pool.operator_of(Pool::aurora).agents(done); }));
  CHECK(std::ranges::any_of(
      agents, [&](const AgentSummary& one) { return one.agent.id.str() == bad->id() && one.state == "revoked"; }));
  auto client = pool.client(pool.issue(Pool::aurora, "client/alice"));
  const auto bundle = must(pool.call<std::string>([&](auto done) { client->bundle(job, done); }));
  const auto report = verify_bundle(bundle, make_trusted_root(pool.identity(Pool::aurora)));
  if (!report) FAIL(report.error().message);
  CHECK(report->agents == std::vector{good->credentials.name});
}

TEST_CASE("what a revoked agent had answered and was not decided is executed again by others, also after a restart") {
  Pool pool;
  const auto bad = pool.start_agent(Pool::aurora);
  const auto job = submit(pool, Pool::aurora, 4, 2);  // Two agents must agree: the one alone decides nothing.
  REQUIRE(pool.loop.run_until([&] { return bad->agent->statistics().shards >= 4; }, 1min));
  must(revoke(pool, Pool::aurora, "agent", bad->id()));
  pool.restart_hub();
  const auto first = pool.start_agent(Pool::aurora), second = pool.start_agent(Pool::aurora);
  const auto end = wait_for(pool, Pool::aurora, job);
  CHECK(end.state == JobState::done);
  CHECK(end.executions >= 12);
  auto client = pool.client(pool.issue(Pool::aurora, "client/alice"));
  const auto bundle = must(pool.call<std::string>([&](auto done) { client->bundle(job, done); }));
  const auto report = verify_bundle(bundle, make_trusted_root(pool.identity(Pool::aurora)));
  if (!report) FAIL(report.error().message);
}

TEST_CASE("a revoked client's connections are closed, and neither they nor new ones are listened to, also after a restart") {
  Pool pool;
  Invitation invitation;
  invitation.role = "client";
  invitation.project = "apollo";
  const auto bad = pool.enrol(pool.invite(Pool::aurora, invitation)), good = pool.enrol(pool.invite(Pool::aurora, invitation));
  const auto bads = pool.connect(bad), goods = pool.connect(good);
  CHECK(must(ask(pool, *bads, "/v1/jobs")).status == 200);
  std::optional<Result<Response>> waiting;
  must(revoke(pool, Pool::aurora, "client", bad.name.substr(bad.name.find("/client/") + 8)));
  CHECK_FALSE(ask(pool, *bads, "/v1/jobs"));
  CHECK(must(ask(pool, *goods, "/v1/jobs")).status == 200);
  CHECK(ask(pool, *pool.connect(bad), "/v1/jobs").error().kind == ErrorKind::unauthenticated);
  // A name is revoked in its own organization alone.
  CHECK(must(ask(pool, *pool.connect(pool.issue(Pool::borealis, "client/" + bad.name.substr(bad.name.find("/client/") + 8))),
                 "/v1/jobs"))
            .status == 200);
  pool.restart_hub();
  CHECK(ask(pool, *pool.connect(bad), "/v1/jobs").error().kind == ErrorKind::unauthenticated);
  CHECK(is_in_the_ledger(pool, Pool::aurora, bad.name.substr(bad.name.rfind('/') + 1)));
}

TEST_CASE("a revoked lease token is worth nothing, and its lease's shards wait again; a revoked join token lets nobody in") {
  Pool pool;
  const auto job = submit(pool, Pool::aurora, 2);
  const auto agent = pool.enrol(pool.invite(Pool::aurora, {}));
  const auto connection = pool.connect(agent);
  wire::fb::LeaseAskT message;
  message.max_shards = 2;
  const auto grant = must(wire::decode<wire::fb::LeaseGrantT>(
      must(pool.exchange(*connection, {"POST", "/v1/agent/lease", "", wire::encode(message)})).body));
  const std::string path = "/v1/agent/blob/" + wire::from_wire(*grant.adapter).hex();
  CHECK(must(ask(pool, *connection, path, grant.token)).status == 200);
  CHECK(must(revoke(pool, Pool::aurora, "token", grant.token)) == 1);
  CHECK(must(ask(pool, *connection, path, grant.token)).status == 401);
  CHECK(revoke(pool, Pool::aurora, "token", grant.token).error().kind == ErrorKind::conflict);
  CHECK(must(revoke(pool, Pool::aurora, "token", "t-by-its-id-alone")) == 0);
  CHECK_FALSE(revoke(pool, Pool::borealis, "token", grant.token));  // Another organization's operator does not know it.
  const auto other = pool.start_agent(Pool::aurora);
  CHECK(wait_for(pool, Pool::aurora, job).state == JobState::done);

  const auto invitation = pool.invite(Pool::aurora, {});
  CHECK(revoke(pool, Pool::borealis, "token", invitation).error().kind == ErrorKind::not_found);
  must(revoke(pool, Pool::aurora, "token", invitation));
  CHECK(pool.try_enrol(invitation).error().kind == ErrorKind::denied);
  // The secret of the join token is not in what was recorded.
  const std::string secret = invitation.substr(5, 20);
  must(pool.home(Pool::aurora)
           .ledger
           ->scan("",
                  [&](std::string_view, ByteView value) {
                    CHECK(as_text(value).find(secret) == std::string_view::npos);
                    return true;
                  })
           .map([] { return true; }));
}

TEST_CASE("a revoked organization is gone at once: its members, its leases, its join tokens; the others go on") {
  Pool pool;
  const auto theirs = pool.start_agent(Pool::aurora, 1h), ours = pool.start_agent(Pool::borealis);
  submit(pool, Pool::aurora, 4);
  const auto invitation = pool.invite(Pool::aurora, {});
  REQUIRE(pool.loop.run_until(
      [&] {
        const auto all =
            must(pool.call<std::vector<AgentSummary>>([&](auto done) { pool.operator_of(Pool::aurora).agents(done); }));
        return all.front().state == "present";
      },
      1min));
  pool.loop.advance(1s);
  const auto member = pool.connect(pool.issue(Pool::aurora, "client/alice"));
  CHECK(must(ask(pool, *member, "/v1/jobs")).status == 200);
  // Not by its own operator, nor by another one.
  for (const auto by : {Pool::aurora, Pool::borealis})
    CHECK(revoke(pool, by, "organization", "aurora-insurance").error().kind == ErrorKind::denied);
  CHECK(revoke(pool, Pool::own, "organization", "nobody").error().kind == ErrorKind::not_found);
  CHECK(must(revoke(pool, Pool::own, "organization", "aurora-insurance")) >= 1);
  CHECK(revoke(pool, Pool::own, "organization", "aurora-insurance").error().kind == ErrorKind::conflict);

  for (int round = 0; round < 2; ++round) {
    CHECK_FALSE(ask(pool, *member, "/v1/jobs"));
    for (const auto path : {"client/alice", "operator", "agent/a-1"})
      CHECK(ask(pool, *pool.connect(pool.issue(Pool::aurora, path)), "/healthz").error().kind == ErrorKind::unauthenticated);
    CHECK(pool.try_enrol(invitation).error().kind == ErrorKind::denied);
    CHECK(wait_for(pool, Pool::borealis, submit(pool, Pool::borealis, 2)).state == JobState::done);
    const auto all =
        must(pool.call<std::vector<OrganizationSummary>>([&](auto done) { pool.operator_of(Pool::own).organizations(done); }));
    REQUIRE(all.size() == 3);
    CHECK(all[1].name == "aurora-insurance");
    CHECK(all[1].state == "revoked");
    CHECK(all[2].state == "active");
    pool.restart_hub();
  }
  CHECK(is_in_the_ledger(pool, Pool::own, pool.identity(Pool::aurora).trust_domain));
}

TEST_CASE("a revoked CA turns out those whose certificates it issued, and a key in use cannot be revoked") {
  Pool pool;
  const auto old = pool.enrol(pool.invite(Pool::aurora, {}));
  const auto olds = pool.connect(old);
  const auto rotate = [&](KeyPurpose purpose) {
    return must(pool.call<RotatedKey>([&](auto done) { pool.operator_of(Pool::aurora).rotate_key(purpose, done); }));
  };
  for (const auto key : {"ca-1", "hub-1", "hub-2", "token-1", "log-1"})
    CHECK(revoke(pool, Pool::aurora, "key", key).error().kind == ErrorKind::conflict);
  CHECK(revoke(pool, Pool::aurora, "key", "ca-7").error().kind == ErrorKind::conflict);
  CHECK(revoke(pool, Pool::aurora, "key", "node-1").error().kind == ErrorKind::invalid_input);
  CHECK(revoke(pool, Pool::aurora, "key", "everything").error().kind == ErrorKind::invalid_input);

  CHECK(rotate(KeyPurpose::ca).id == KeyId{KeyPurpose::ca, 2});
  // Overlap: both are good.
  const auto fresh = pool.enrol(pool.invite(Pool::aurora, {}));
  const auto freshs = pool.connect(fresh);
  CHECK(must(pool.exchange(*olds, {"POST", "/v1/agent/heartbeat", "", wire::encode(wire::fb::HeartbeatT{})})).status == 200);
  CHECK(must(pool.exchange(*freshs, {"POST", "/v1/agent/heartbeat", "", wire::encode(wire::fb::HeartbeatT{})})).status == 200);
  auto operator_again = must(pool.call<Credentials>([&](auto done) { pool.operator_of(Pool::aurora).renew(done); }));
  auto survivor = pool.client(operator_again);

  rotate(KeyPurpose::hub);  // Its certificate is by the old CA as long as that is good.
  const auto refused = pool.call<std::uint32_t>([&](auto done) { survivor->revoke("key", "ca-1", "stolen", done); });
  CHECK(refused.error().kind == ErrorKind::conflict);
  pool.loop.advance(24h * 31);
  pool.restart_hub();
  // Past the overlap the old CA is no longer believed anyway.
  CHECK_FALSE(ask(pool, *pool.connect(old), "/healthz"));
}

TEST_CASE("an operator's credentials are revoked by their key, whatever they were renewed to, and no others are") {
  Pool pool;
  const auto bad = pool.issue(Pool::aurora, "operator"), good = pool.issue(Pool::aurora, "operator");
  auto bads = pool.client(bad);
  const auto renewed = must(pool.call<Credentials>([&](auto done) { bads->renew(done); }));
  const auto before = pool.connect(bad), after = pool.connect(renewed), others = pool.connect(good);
  for (const auto* connection : {&before, &after, &others}) CHECK(must(ask(pool, **connection, "/v1/agents")).status == 200);
  const auto certificate = [](const Credentials& one) { return to_base64(one.identity.certificate_chain.front()); };
  // Not by themselves: nobody locks themselves out.
  CHECK(pool.call<std::uint32_t>([&](auto done) { bads->revoke("operator", certificate(bad), "", done); }).error().kind ==
        ErrorKind::conflict);
  for (const auto& wrong : {std::string("somebody"), certificate(pool.issue(Pool::borealis, "operator")),
                            certificate(pool.issue(Pool::aurora, "client/alice"))})
    CHECK_FALSE(revoke(pool, Pool::aurora, "operator", wrong));
  must(revoke(pool, Pool::aurora, "operator", certificate(bad)));
  CHECK(revoke(pool, Pool::aurora, "operator", bad.identity.key->public_key().pin().hex()).error().kind == ErrorKind::conflict);
  CHECK_FALSE(ask(pool, *before, "/v1/agents"));
  CHECK_FALSE(ask(pool, *after, "/v1/agents"));
  CHECK(must(ask(pool, *others, "/v1/agents")).status == 200);
  for (int restarted = 0; restarted < 2; ++restarted) {
    for (const auto* turned_out : {&bad, &renewed})
      CHECK(ask(pool, *pool.connect(*turned_out), "/v1/agents").error().kind == ErrorKind::unauthenticated);
    CHECK(must(ask(pool, *pool.connect(good), "/v1/agents")).status == 200);
    const auto list = must(ask(pool, *pool.connect(good), "/v1/crl")).body;
    const auto listed = [&](const Credentials& one) {
      const auto serial = must(parse_certificate(one.identity.certificate_chain.front())).serial;
      return !std::ranges::search(list, serial).empty();
    };
    CHECK(listed(bad));
    CHECK(listed(renewed));
    CHECK_FALSE(listed(good));
    if (!restarted) pool.restart_hub();
  }
  CHECK(is_in_the_ledger(pool, Pool::aurora, bad.identity.key->public_key().pin().hex()));
}
