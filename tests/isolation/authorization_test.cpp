// Every endpoint by everybody: what the hub does is what the table (src/hub/authorization.cpp) says, and nothing else is there.
#include "hub/authorization.hpp"
#include "client/permit.hpp"
#include "identity/svid.hpp"
#include "pool.hpp"
#include "wire/messages.hpp"

#include <algorithm>
#include <set>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;
using hub::Action;

namespace {

struct Identity {
  std::string label;
  Credentials credentials;
  std::unique_ptr<Connection> connection;
  bool turned_out = false;  ///< Revoked or expired: may do nothing at all.
};

struct Endpoint {
  Action action;
  Request request;
  /// Whose thing it is about: an owner in aurora's organization; empty: the caller's own organization and the caller itself.
  std::optional<std::string> owner;
  bool hides = false;  ///< A refusal looks as if there were no such thing.
};

Request request(std::string method, std::string path, Bytes body = {}, std::string token = {}) {
  return {std::move(method), std::move(path), std::move(token), std::move(body)};
}

template <class Message>
Bytes message(const std::function<void(Message&)>& fill) {
  Message one;
  fill(one);
  return wire::encode(one);
}

/// An agent that speaks for itself, and a lease of it.
struct LeaseHolder {
  Credentials credentials;
  wire::fb::LeaseGrantT grant;
};

LeaseHolder take_lease(Pool& pool) {
  LeaseHolder holder;
  holder.credentials = pool.enrol(pool.invite(Pool::aurora, {}));
  const auto connection = pool.connect(holder.credentials);
  const auto body = message<wire::fb::LeaseAskT>([](auto& ask) { ask.max_shards = 1, ask.wait_ms = 0; });
  const auto answer = must(pool.exchange(*connection, request("POST", "/v1/agent/lease", body)));
  REQUIRE(answer.status == 200);
  holder.grant = must(wire::decode<wire::fb::LeaseGrantT>(answer.body));
  return holder;
}

std::vector<Endpoint> endpoints(const std::string& job, const std::string& owner, const LeaseHolder& holder) {
  const std::string agent = holder.credentials.name.substr(holder.credentials.name.rfind('/') + 1);
  const std::string adapter = wire::from_wire(*holder.grant.adapter).hex();
  const auto csr = [&] { return Bytes{1, 2, 3}; };
  const Bytes input = to_bytes("an input");
  const auto report = message<wire::fb::LeaseResultT>([&](auto& m) { m.lease = holder.grant.lease, m.receipt = "none"; });
  const auto revoke = [](const std::string& kind) {
    return message<wire::fb::RevokeT>([&](auto& m) { m.kind = kind, m.id = kind == "organization" ? "nobody" : "a-nobody"; });
  };
  std::vector<Endpoint> all;
  all.push_back({Action::read_health, request("GET", "/healthz"), {}});
  all.push_back({Action::read_log_hashes, request("GET", "/checkpoint"), {}});
  all.push_back({Action::read_log_hashes, request("GET", "/tile/0/000.p/1"), {}});
  all.push_back({Action::read_log, request("GET", "/tile/entries/000.p/1"), {}});
  all.push_back({Action::cosign, request("POST", "/v1/log/cosignatures", to_bytes("nothing")), {}});
  all.push_back({Action::renew,
                 request("POST", "/v1/renew", message<wire::fb::RenewT>([&](auto& m) { m.certificate_request = csr(); })),
                 {}});
  all.push_back({Action::take_token, request("POST", "/v1/tokens", client::token_ask({"read", job, {}, false})), {}});
  all.push_back({Action::take_lease, request("POST", "/v1/agent/lease", message<wire::fb::LeaseAskT>([](auto&) {})), {}});
  all.push_back({Action::heartbeat, request("POST", "/v1/agent/heartbeat", message<wire::fb::HeartbeatT>([](auto&) {})), {}});
  all.push_back({Action::fetch_blob, request("GET", "/v1/agent/blob/" + adapter, {}, holder.grant.token), agent});
  all.push_back({Action::report_result, request("POST", "/v1/agent/result", report, holder.grant.token), agent});
  all.push_back({Action::upload_blob, request("PUT", "/v1/blobs/" + sha256(input).hex(), input), {}});
  all.push_back({Action::submit_job, request("POST", "/v1/jobs", to_bytes("{}")), {}});
  all.push_back({Action::forecast_job, request("POST", "/v1/forecasts", to_bytes("{}")), {}});
  all.push_back({Action::read_job, request("GET", "/v1/jobs/" + job), owner, true});
  all.push_back({Action::read_job, request("GET", "/v1/jobs/" + job + "/explain"), owner, true});
  all.push_back({Action::read_job, request("GET", "/v1/jobs/" + job + "/result"), owner, true});
  all.push_back({Action::read_job, request("GET", "/v1/jobs/" + job + "/bundle"), owner, true});
  all.push_back({Action::list_jobs, request("GET", "/v1/jobs"), {}});
  all.push_back(
      {Action::invite, request("POST", "/v1/invitations", message<wire::fb::InviteT>([](auto& m) { m.role = "agent"; })), {}});
  all.push_back({Action::list_agents, request("GET", "/v1/agents"), {}});
  all.push_back({Action::drain_agent,
                 request("POST", "/v1/agents/" + agent + "/drain", message<wire::fb::DrainT>([](auto&) {})), agent, true});
  const auto appeal =
      message<wire::fb::AppealT>([](auto& m) { m.job = "j-none", m.replayed = wire::to_wire_ptr(sha256("x")); });
  all.push_back({Action::hear_appeal, request("POST", "/v1/agents/" + agent + "/appeal", appeal), agent, true});
  all.push_back({Action::revoke, request("POST", "/v1/revocations", revoke("agent")), {}});
  all.push_back({Action::revoke_organization, request("POST", "/v1/revocations", revoke("organization")), {}});
  all.push_back({Action::rotate_keys,
                 request("POST", "/v1/keys", message<wire::fb::RotateKeyT>([](auto& m) { m.purpose = "none"; })),
                 {}});
  all.push_back({Action::read_revocation_list, request("GET", "/v1/crl"), {}});
  all.push_back({Action::list_organizations, request("GET", "/v1/organizations"), {}});
  all.push_back({Action::read_posture, request("GET", "/v1/posture"), {}});
  all.push_back(
      {Action::hold_job, request("POST", "/v1/jobs/" + job + "/hold", message<wire::fb::HoldT>([](auto&) {})), owner, true});
  all.push_back({Action::erase_job, request("POST", "/v1/jobs/" + job + "/erase"), owner, true});  // Not while it runs.
  // Last: whoever may ends the job.
  all.push_back({Action::cancel_job, request("POST", "/v1/jobs/" + job + "/cancel"), owner, true});
  return all;
}

}  // namespace

TEST_CASE("what anybody may do at any endpoint is what the table says, for every identity there is") {
  HubOptions options;
  options.certificate_life = 24h;
  options.renewal_grace = 0h;  // What is possible within it, clock_test.cpp shows.
  Pool pool(options);
  const auto enrol_client = [&](const std::string& project) {
    Invitation invitation;
    invitation.role = "client";
    invitation.project = project;
    return pool.enrol(pool.invite(Pool::aurora, invitation));
  };
  std::vector<Identity> identities;
  const auto add = [&](std::string label, Credentials credentials) -> Identity& {
    auto connection = pool.connect(credentials);
    identities.push_back({std::move(label), std::move(credentials), std::move(connection)});
    // It is let in, whatever comes afterwards.
    CHECK(pool.exchange(*identities.back().connection, request("GET", "/nowhere")));
    return identities.back();
  };
  identities.reserve(32);
  Identity& expired = add("agent whose certificate expired", pool.enrol(pool.invite(Pool::aurora, {})));
  expired.turned_out = true;
  pool.loop.advance(25h);
  const auto owner = enrol_client("apollo");
  Identity& client = add("client of the project", owner);
  add("another client of the project", enrol_client("apollo"));
  add("client of another project", enrol_client("gemini"));
  add("client of no project", enrol_client(""));
  add("client called like the project", pool.issue(Pool::aurora, "client/apollo"));
  add("client called like the operator", pool.issue(Pool::aurora, "client/operator"));
  add("client of another organization, in a project of the same name",
      pool.issue(Pool::borealis, "client/apollo/" + owner.name.substr(owner.name.rfind('/') + 1)));
  add("operator", pool.issue(Pool::aurora, "operator"));
  add("another organization's operator", pool.issue(Pool::borealis, "operator"));
  add("the hub's operator", pool.issue(Pool::own, "operator"));
  add("another agent", pool.enrol(pool.invite(Pool::aurora, {})));
  add("another organization's agent", pool.enrol(pool.invite(Pool::borealis, {})));
  Identity& revoked_agent = add("revoked agent", pool.enrol(pool.invite(Pool::aurora, {})));
  Identity& revoked_client = add("revoked client of the project", enrol_client("apollo"));
  const auto name_of = [](const Credentials& credentials, std::string_view kind) {
    return credentials.name.substr(credentials.name.find(kind) + kind.size());
  };

  auto submitter = pool.client(client.credentials);
  const auto job = must(pool.call<JobStatus>([&](auto done) { submitter->submit(Pool::contract(40), done); }));
  const auto holder = take_lease(pool);
  add("agent with the lease", holder.credentials);
  must(pool.call<std::uint32_t>([&](auto done) {
    pool.operator_of(Pool::aurora).revoke("agent", name_of(revoked_agent.credentials, "/agent/"), "a test", done);
  }));
  must(pool.call<std::uint32_t>([&](auto done) {
    pool.operator_of(Pool::aurora).revoke("client", name_of(revoked_client.credentials, "/client/"), "a test", done);
  }));
  revoked_agent.turned_out = revoked_client.turned_out = true;

  std::set<Action> walked{Action::enrol};  // By itself, below: it has a port of its own.
  const std::string hub_domain = pool.identity(Pool::own).trust_domain, aurora = pool.identity(Pool::aurora).trust_domain;
  std::size_t allowed_count = 0, refused_count = 0;
  for (const auto& endpoint : endpoints(job.id.str(), "apollo/", holder)) {
    walked.insert(endpoint.action);
    for (auto& identity : identities) {
      CAPTURE(endpoint.request.method, endpoint.request.path, identity.label);
      const hub::Caller caller = hub::caller_of(Peer{identity.credentials.name, {}, {}, ""}, hub_domain);
      const std::string own = caller.owner();
      const hub::Resource resource =
          endpoint.owner ? hub::Resource{aurora, *endpoint.owner} : hub::Resource{caller.organization, own};
      const bool expected = !identity.turned_out && hub::authorize(caller, endpoint.action, resource);
      const auto answer = pool.exchange(*identity.connection, endpoint.request);
      // A connection that was closed on somebody who was revoked is a refusal, too.
      const bool refused =
          !answer || answer->status == 401 || answer->status == 403 || (endpoint.hides && answer->status == 404);
      if (!answer) CHECK(identity.turned_out);
      INFO("answered " << (answer ? answer->status : 0) << " "
                       << (answer ? wire::decode_failure(answer->body, ErrorKind::internal).message : ""));
      CHECK(refused == !expected);
      ++(refused ? refused_count : allowed_count);
    }
  }
  // Nobody who was turned out comes back by a new connection.
  for (auto& identity : identities)
    if (identity.turned_out) {
      CAPTURE(identity.label);
      const auto again = pool.connect(identity.credentials);
      CHECK(pool.exchange(*again, request("GET", "/healthz")).error().kind == ErrorKind::unauthenticated);
    }
  for (const auto& rule : hub::rules()) {
    INFO(rule.name);
    CHECK(walked.contains(rule.action));
  }
  CHECK(allowed_count > 50);
  CHECK(refused_count > 200);
}

TEST_CASE("who shows no certificate gets nowhere but to enrolment, and members do not enrol") {
  Pool pool;
  const auto hub = pool.issue(Pool::own, "operator");
  auto transport = make_memory_transport(pool.loop, pool.network);
  const auto connect = [&](std::uint16_t port, TransportIdentity identity) {
    ConnectOptions options;
    options.port = port;
    options.identity = std::move(identity);
    options.check_peer = [](const std::vector<Bytes>&, Time) -> Result<std::string> { return std::string("hub"); };
    return must(transport->connect(std::move(options)));
  };
  const auto nobody = connect(1, {});
  CHECK(pool.exchange(*nobody, request("GET", "/healthz")).error().kind == ErrorKind::unauthenticated);
  const auto newcomer = connect(2, {});
  for (const auto& path :
       {"/healthz", "/v1/jobs", "/v1/agents", "/v1/organizations", "/v1/enroll?x=1", "/v1/enroll/", "//v1/enroll"})
    CHECK(must(pool.exchange(*newcomer, request("GET", path))).status == 404);
  CHECK(must(pool.exchange(*newcomer, request("POST", "/v1/enroll", to_bytes("nonsense")))).status == 400);
  const auto member = pool.connect(hub);
  CHECK(must(pool.exchange(*member, request("POST", "/v1/enroll"))).status == 404);
}

TEST_CASE("lists hold what the caller may read, and nothing else") {
  Pool pool;
  const auto submit = [&](const Credentials& credentials, const std::string& id) {
    auto client = pool.client(credentials);
    must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(2, id), done); }));
  };
  submit(pool.issue(Pool::aurora, "client/apollo/one"), "j-apollo");
  submit(pool.issue(Pool::aurora, "client/gemini/one"), "j-gemini");
  submit(pool.issue(Pool::aurora, "client/alone"), "j-alone");
  submit(pool.issue(Pool::aurora, "operator"), "j-operator");
  submit(pool.issue(Pool::borealis, "client/apollo/one"), "j-apollo");  // The same id in another organization is another job.
  const auto seen_by = [&](std::size_t organization, const std::string& path) {
    auto client = pool.client(pool.issue(organization, path));
    std::set<std::string> ids;
    for (const auto& job : must(pool.call<std::vector<JobStatus>>([&](auto done) { client->jobs(done); })))
      ids.insert(job.id.str());
    return ids;
  };
  using Ids = std::set<std::string>;
  CHECK(seen_by(Pool::aurora, "client/apollo/two") == Ids{"j-apollo"});
  CHECK(seen_by(Pool::aurora, "client/gemini/two") == Ids{"j-gemini"});
  CHECK(seen_by(Pool::aurora, "client/alone") == Ids{"j-alone"});
  CHECK(seen_by(Pool::aurora, "client/nobody") == Ids{});
  CHECK(seen_by(Pool::aurora, "operator") == Ids{"j-alone", "j-apollo", "j-gemini", "j-operator"});
  CHECK(seen_by(Pool::borealis, "operator") == Ids{"j-apollo"});
  CHECK(seen_by(Pool::own, "operator") == Ids{});
}

TEST_CASE("an input is there for those who uploaded it: its digest alone gives nobody else's") {
  Pool pool;
  const Bytes program = to_bytes("a program"), input = to_bytes("the secret portfolio");
  const std::string contract = R"({"op":{"name":"exec","version":"1","profile":"run.v1"},"args":{"program":")" +
                               sha256(program).str() + R"(","items":[")" + sha256(input).str() + R"("]}})";
  const auto upload = [&](Client& client, const Bytes& content) {
    must(pool.call<Digest>([&](auto done) { client.upload(content, done); }));
  };
  const auto submit = [&](Client& client) { return pool.call<JobStatus>([&](auto done) { client.submit(contract, done); }); };
  auto first = pool.client(pool.issue(Pool::aurora, "client/apollo/one")),
       colleague = pool.client(pool.issue(Pool::aurora, "client/apollo/two"));
  upload(*first, program);
  upload(*first, input);
  CHECK(submit(*first));
  CHECK(submit(*colleague));
  for (const auto& [organization, path] :
       {std::pair{Pool::aurora, "client/gemini/one"}, {Pool::aurora, "operator"}, {Pool::borealis, "client/apollo/one"}}) {
    CAPTURE(path);
    auto other = pool.client(pool.issue(organization, path));
    upload(*other, program);
    CHECK(submit(*other).error().kind == ErrorKind::invalid_input);
    // Who has it may use it.
    upload(*other, input);
    CHECK(submit(*other));
  }
  // Whose it is outlives the hub.
  pool.restart_hub();
  auto stranger = pool.client(pool.issue(Pool::aurora, "client/vostok/one"));
  CHECK(submit(*stranger).error().kind == ErrorKind::invalid_input);
  CHECK(submit(*colleague));
}
