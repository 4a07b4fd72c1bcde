#include "world.hpp"

#include "../support/permitted.hpp"
#include "../unit/adapter/sample_packages.hpp"

#include "crypto/reason.hpp"
#include "identity/dsse.hpp"
#include "identity/key_id.hpp"
#include "identity/svid.hpp"

#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/memory_ledger.hpp>

#include <algorithm>
#include <ostream>

#include <unistd.h>

namespace forgepool::attacks {

using namespace std::chrono_literals;

void HubLog::write(LogLevel, std::string_view event, const std::vector<LogField>& fields) {
  const std::lock_guard lock(mutex_);
  ++records_;
  for (const auto& field : fields)
    if (values_.size() < 100'000) values_.push_back(field.value);
  if (event != "peer_refused") return;
  for (const auto& field : fields)
    if (field.key == "reason") refused_.push_back(field.value);
}

std::vector<std::string> HubLog::refused_peers() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

bool HubLog::has_control_characters() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(values_, [](const std::string& value) {
    return std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  });
}

bool HubLog::mentions(std::string_view text) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(values_, [&](const std::string& value) { return value.find(text) != std::string::npos; });
}

std::size_t HubLog::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << refusal.status << ' ' << refusal.code;
}

World::World(FairShareOptions scheduler)
    : identity(must(make_hub_identity("attacked.pool", loop->now()))),
      stolen(must(make_hub_identity("o-4kq2.attacked.pool", loop->now()))) {
  HubParts parts;
  QuicTransportOptions options;
  options.log = log;
  parts.transport = make_quic_transport(*loop, std::move(options));
  parts.scheduler = make_fair_share_scheduler(scheduler);
  parts.verifier = make_duplication_verifier();
  parts.ledger = must(make_memory_ledger(identity.trust_domain, identity.log_key));
  parts.adapters = {test::sample_package("noop")};
  parts.log = log;
  parts.organizations.push_back({"robbed", stolen, make_fair_share_scheduler(), make_duplication_verifier(),
                                 must(make_memory_ledger(stolen.trust_domain, stolen.log_key))});
  hub = must(open_hub(*loop, identity, std::move(parts)));
  transport = make_quic_transport(*loop);
}

World::~World() {
  strangers_.clear();
  honest_agent_.reset();
  honest_client_.reset();
}

// --- honest ----------------------------------------------------------------------------------------------------------

Node World::agent() {
  std::optional<Result<Credentials>> enrolled;
  enrol(*transport, {"127.0.0.1", hub->enrolment_port(), join_token()},
        [&](Result<Credentials> got) { enrolled = std::move(got); });
  run_until([&] { return enrolled.has_value(); });
  Node node{must(std::move(*enrolled)), nullptr};
  node.connection = must(transport->connect(connect_options(node.credentials.identity)));
  return node;
}

Node World::client(const std::string& name) {
  Node node{must(issue_credentials(identity, "client/" + name, loop->now())), nullptr};
  node.connection = must(transport->connect(connect_options(node.credentials.identity)));
  return node;
}

Node World::operator_() {
  Node node{must(issue_credentials(identity, "operator", loop->now())), nullptr};
  node.connection = must(transport->connect(connect_options(node.credentials.identity)));
  return node;
}

Result<Response> World::submit(Node& client, int shards, const std::string& job_id) {
  const std::string ctx = job_id.empty() ? "" : R"("ctx":{"job_id":")" + job_id + "\"},";
  return ask(
      *client.connection,
      post("/v1/jobs", to_bytes("{" + ctx + R"("op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":)" +
                                std::to_string(shards) + R"(},"policy":{"verify":"none"}})")));
}

wire::fb::LeaseGrantT World::lease(Node& agent, std::uint32_t max_shards) {
  wire::fb::LeaseAskT ask_for;
  ask_for.max_shards = max_shards;
  const auto response = must(ask(*agent.connection, post("/v1/agent/lease", wire::encode(ask_for))));
  REQUIRE(response.status == 200);
  return must(wire::decode<wire::fb::LeaseGrantT>(response.body));
}

namespace {
const Bytes good_output = to_bytes(R"({"count":1,"format":"count/1"})");
}

identity::Receipt World::receipt(const Node& agent, const wire::fb::LeaseGrantT& grant) const {
  identity::Receipt receipt;
  receipt.agent = agent.credentials.name;
  receipt.job = grant.job;
  receipt.contract = wire::from_wire(*grant.contract);
  receipt.lease = LeaseId(grant.lease);
  receipt.adapter = wire::from_wire(*grant.adapter);
  receipt.sandbox = "none";
  receipt.level = SandboxLevel::namespaces;
  receipt.determinism = must(parse_determinism(grant.determinism));
  if (receipt.determinism == Determinism::strict) receipt.world = must(parse_world(grant.world));
  receipt.limits = wire::from_wire(*grant.limits);
  for (const auto& granted : grant.shards) {
    identity::ReceiptShard shard;
    shard.index = granted->index;
    shard.params = sha256(granted->params);
    shard.outcome = {SandboxOutcome::Kind::exited, 0, ""};
    shard.output = sha256(good_output);
    receipt.shards.push_back(std::move(shard));
  }
  receipt.salt = Bytes(identity::receipt_salt_bytes, 1);
  receipt.started_at = receipt.finished_at = std::chrono::floor<std::chrono::seconds>(loop->now());
  return receipt;
}

std::string World::sign(const identity::Receipt& receipt, const Signer& key) {
  return must(identity::sign_envelope(identity::in_toto_payload_type, as_bytes(must(identity::write_receipt(receipt))), key));
}

wire::fb::LeaseResultT World::report(const Node& agent, const wire::fb::LeaseGrantT& grant) const {
  wire::fb::LeaseResultT report;
  report.lease = grant.lease;
  for (const auto& granted : grant.shards) {
    auto shard = std::make_unique<wire::fb::ShardReportT>();
    shard->index = granted->index;
    shard->outcome = "exited";
    shard->output = good_output;
    report.shards.push_back(std::move(shard));
  }
  report.receipt = sign(receipt(agent, grant), *agent.credentials.identity.key);
  return report;
}

void World::honest_work_goes_on() {
  if (!honest_agent_ || !honest_agent_->connection->usable()) honest_agent_ = agent();
  if (!honest_client_ || !honest_client_->connection->usable()) honest_client_ = client("honest");
  const auto submitted = submit(*honest_client_, 1);
  REQUIRE(submitted);
  REQUIRE(submitted->status == 200);
  const std::string job = must(wire::decode<wire::fb::JobStatusT>(submitted->body)).job;
  // Shards of others' jobs may come first.
  for (int i = 0; i < 50; ++i) {
    wire::fb::LeaseAskT ask_for;
    ask_for.max_shards = 16;
    const auto granted = must(ask(*honest_agent_->connection, post("/v1/agent/lease", wire::encode(ask_for))));
    if (granted.status == 204) break;
    REQUIRE(granted.status == 200);
    const auto grant = must(wire::decode<wire::fb::LeaseGrantT>(granted.body));
    const auto answer = ask(*honest_agent_->connection, result(report(*honest_agent_, grant), grant.token));
    REQUIRE(answer);
    REQUIRE(answer->status == 200);
  }
  const auto outcome = ask(*honest_client_->connection, get("/v1/jobs/" + job + "/result"));
  REQUIRE(outcome);
  CHECK(outcome->status == 200);
}

// --- not so ----------------------------------------------------------------------------------------------------------

ConnectOptions World::connect_options(TransportIdentity own, bool enrolment) const {
  ConnectOptions options;
  options.port = enrolment ? hub->enrolment_port() : hub->port();
  options.identity = std::move(own);
  options.check_peer = [](const std::vector<Bytes>&, Time) -> Result<std::string> { return std::string("hub"); };
  return options;
}

Node World::intruder(const std::string& path) {
  Node node{must(identity::issue_member_credentials(stolen, path, loop->now(), &identity)), nullptr};
  node.connection = must(transport->connect(connect_options(node.credentials.identity)));
  return node;
}

Connection& World::connect(TransportIdentity own, bool enrolment) {
  strangers_.push_back(must(transport->connect(connect_options(std::move(own), enrolment))));
  return *strangers_.back();
}

CertificateFields World::fields(const std::string& path) const {
  CertificateFields fields;
  fields.not_before = loop->now() - 5min;
  fields.not_after = loop->now() + 1h;
  fields.key_usage = key_usage::digital_signature;
  fields.extended_key_usage = {std::string(eku_server_auth), std::string(eku_client_auth)};
  fields.uri_names = {"spiffe://" + identity.trust_domain + "/" + path};
  return fields;
}

TransportIdentity World::certified(CertificateFields fields, KeyAlgorithm algorithm) const {
  TransportIdentity made;
  made.key = must(generate_key(algorithm));
  const auto ca = must(parse_certificate(identity.ca_certificate));
  made.certificate_chain = {must(make_certificate(ca, *identity.ca_key, made.key->public_key(), fields))};
  return made;
}

std::string World::join_token(Duration life, const std::string& role) {
  Invitation invitation;
  invitation.role = role;
  invitation.life = life;
  std::optional<Result<std::string>> token;
  hub->invite(invitation, [&](Result<std::string> made) { token = std::move(made); });
  run_until([&] { return token.has_value(); });
  return must(std::move(*token));
}

identity::TokenClaims World::claims(const Node& agent, const wire::fb::LeaseGrantT& grant) const {
  identity::TokenClaims claims;
  claims.issuer = claims.audience = "spiffe://" + identity.trust_domain + "/hub";
  claims.subject = agent.credentials.name;
  claims.token_id = "t-forged";
  claims.issued_at = claims.not_before = std::chrono::floor<std::chrono::seconds>(loop->now());
  claims.expires_at = claims.issued_at + 5min;
  claims.key_thumbprint = identity::jwk_thumbprint(agent.credentials.identity.key->public_key());
  claims.organization = claims.project = claims.job = grant.job;
  claims.lease = LeaseId(grant.lease);
  for (const auto& shard : grant.shards) claims.shards.push_back(shard->index);
  claims.adapter = wire::from_wire(*grant.adapter);
  claims.actions = {"fetch", "report"};
  return claims;
}

std::string World::mint(const identity::TokenClaims& claims) const {
  return must(identity::mint_token(*identity.token_key, claims));
}

// --- asking ----------------------------------------------------------------------------------------------------------

void World::run_until(const std::function<bool()>& condition) {
  bool holds = false;
  std::unique_ptr<Subscription> timer;
  const std::function<void()> look = [&] {
    if ((holds = condition()))
      loop->stop();
    else
      timer = loop->after(1ms, look);
  };
  loop->post(look);
  loop->run_for(30s);
  REQUIRE(holds);
}

void World::run_for(Duration time) {
  const Time end = loop->now() + time;
  run_until([&] { return loop->now() >= end; });
}

Result<Response> World::ask(Connection& connection, Request request) {
  const auto bare = [&](Request one) { return ask_bare(connection, std::move(one)); };
  return bare(test::permitted(std::move(request), bare));
}

Result<Response> World::ask_bare(Connection& connection, Request request) {
  std::optional<Result<Response>> result;
  connection.send(std::move(request), [&](Result<Response> given) { result = std::move(given); });
  run_until([&] { return result.has_value(); });
  return std::move(*result);
}

Refusal World::refusal(Connection& connection, Request request) {
  return refusal_of(ask(connection, std::move(request)));
}

Refusal World::refusal_bare(Node& node, Request request) {
  return refusal_of(ask_bare(*node.connection, std::move(request)));
}

Refusal World::refusal_of(const Result<Response>& response) const {
  if (!response) {
    const auto reasons = log->refused_peers();
    return {0, reasons.empty() ? "" : std::string(reason_code({ErrorKind::denied, reasons.back()}))};
  }
  if (response->status < 400) return {response->status, "accepted"};
  const auto failure = wire::decode<wire::fb::FailureT>(response->body);
  return {response->status, failure ? std::string(reason_code({ErrorKind::denied, failure->message})) : "no code"};
}

Refusal World::handshake(TransportIdentity own) {
  return refusal(connect(std::move(own)), get("/healthz"));
}

Request post(std::string path, Bytes body, std::string token) {
  return {"POST", std::move(path), std::move(token), std::move(body)};
}
Request get(std::string path, std::string token) {
  return {"GET", std::move(path), std::move(token), {}};
}
Request fetch(const wire::fb::LeaseGrantT& grant, const std::string& token) {
  return get("/v1/agent/blob/" + wire::from_wire(*grant.adapter).hex(), token);
}
Request result(const wire::fb::LeaseResultT& report, const std::string& token) {
  return post("/v1/agent/result", wire::encode(report), token);
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace forgepool::attacks
