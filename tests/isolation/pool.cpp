#include "pool.hpp"

#include "../support/permitted.hpp"
#include "identity/svid.hpp"

#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/testing/fake_sandbox.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace forgepool::test {
namespace {

std::shared_ptr<const AdapterPackage> package(const std::string& name) {
  std::ifstream file(FORGEPOOL_PACKAGES_DIR "/" + name + ".fpa", std::ios::binary);
  return must(open_adapter(Bytes(std::istreambuf_iterator<char>(file), {})));
}

class RecordingConnection final : public Connection {
 public:
  RecordingConnection(std::unique_ptr<Connection> inner, std::shared_ptr<std::vector<Bytes>> received)
      : inner_(std::move(inner)), received_(std::move(received)) {}
  void send(Request request, std::function<void(Result<Response>)> done) override {
    inner_->send(std::move(request), [received = received_, done = std::move(done)](Result<Response> response) {
      if (response) {
        received->push_back(response->body);
        received->push_back(to_bytes(response->content_type));
      } else {
        received->push_back(to_bytes(response.error().message));
      }
      done(std::move(response));
    });
  }
  bool usable() const override { return inner_->usable(); }

 private:
  const std::unique_ptr<Connection> inner_;
  const std::shared_ptr<std::vector<Bytes>> received_;
};

}  // namespace

Result<std::unique_ptr<Connection>> RecordingTransport::connect(ConnectOptions options) {
  options.check_peer = [check = std::move(options.check_peer), received = received_](const std::vector<Bytes>& chain,
                                                                                     Time now) {
    for (const auto& certificate : chain) received->push_back(certificate);
    return check(chain, now);
  };
  auto inner = inner_->connect(std::move(options));
  if (!inner) return inner;
  return std::make_unique<RecordingConnection>(std::move(*inner), received_);
}

Pool::Pool(HubOptions wanted, MakeVerifier verifier)
    : options(std::move(wanted)),
      make_verifier_(verifier ? std::move(verifier) : [] { return make_duplication_verifier(); }),
      adapters_{package("noop-1"), package("exec-1")} {
  options.port = 1;
  options.enrolment_port = 2;
  for (const auto& [name, domain] :
       {std::pair{"", "hub.test"}, {"aurora-insurance", "o-7f3k.hub.test"}, {"borealis-bank", "o-q2ma.hub.test"}}) {
    auto identity = must(make_hub_identity(domain, loop.now()));
    std::shared_ptr<Ledger> ledger = must(make_memory_ledger(domain, identity.log_key));
    homes_.push_back(std::make_unique<OrganizationHome>(OrganizationHome{name, std::move(identity), std::move(ledger)}));
  }
  restart_hub();
}

Pool::~Pool() = default;

void Pool::start_hub() {
  const auto started = try_start_hub();
  if (!started) FAIL(started.error().message);
}

Status Pool::try_start_hub() {
  const auto parts_of = [&](OrganizationHome& home) {
    // As a hub that starts would: from what is in the store.
    home.identity = must(open_hub_identity(home.identity.store, loop.now(), options.key_overlap));
    return OrganizationParts{home.name, home.identity, make_fair_share_scheduler(), make_verifier_(),
                             std::make_unique<LentLedger>(home.ledger, [this] { loop.spend(scan_time); })};
  };
  HubParts parts;
  auto first = parts_of(*homes_[own]);
  parts.transport = transport();
  parts.scheduler = std::move(first.scheduler);
  parts.verifier = std::move(first.verifier);
  parts.ledger = std::move(first.ledger);
  parts.adapters = adapters_;
  parts.log = log;
  for (std::size_t i = 1; i < homes_.size(); ++i) parts.organizations.push_back(parts_of(*homes_[i]));
  auto hub = open_hub(loop, std::move(first.identity), std::move(parts), options);
  if (!hub) return fail(hub.error());
  hub_ = std::move(*hub);
  return {};
}

void Pool::finish_hub() {
  bool stopped = false;
  hub_->stop([&] { stopped = true; });
  REQUIRE(loop.run_until([&] { return stopped; }, std::chrono::minutes(1)));
  hub_.reset();
}

void Pool::restart_hub() {
  stop_hub();
  start_hub();
  operators_.clear();
  for (std::size_t i = 0; i < homes_.size(); ++i) operators_.push_back(client(issue(i, "operator")));
}

Credentials Pool::issue(std::size_t organization, const std::string& path) const {
  return must(identity::issue_member_credentials(identity(organization), path, loop.now(), &identity(own)));
}

std::string Pool::invite(std::size_t organization, Invitation invitation) {
  return must(call<std::string>([&](auto done) { operator_of(organization).invite(invitation, done); }));
}

Result<Credentials> Pool::try_enrol(const std::string& token) {
  transports_.push_back(transport());
  return call<Credentials>([&](auto done) { forgepool::enrol(*transports_.back(), {"127.0.0.1", 2, token}, done); });
}

Credentials Pool::enrol(const std::string& token) {
  return must(try_enrol(token));
}

std::unique_ptr<Client> Pool::client(Credentials credentials) {
  return must(connect_client(loop, std::move(credentials), transport(), {"127.0.0.1", 1}));
}

std::unique_ptr<Pool::Member> Pool::start_agent(std::size_t organization, Duration shard_time, Invitation invitation) {
  auto received = std::make_shared<std::vector<Bytes>>();
  const auto token = invite(organization, std::move(invitation));
  transports_.push_back(std::make_unique<RecordingTransport>(transport(), received));
  auto credentials = must(call<Credentials>([&](auto done) {
    forgepool::enrol(*transports_.back(), {"127.0.0.1", 2, token}, done);
  }));
  auto member = start_agent_with(std::move(credentials), shard_time);
  member->received->insert(member->received->end(), received->begin(), received->end());
  return member;
}

std::unique_ptr<Pool::Member> Pool::start_agent_with(Credentials credentials, Duration shard_time, std::string output) {
  return start_agent_on(loop, std::move(credentials), shard_time, std::move(output));
}

std::unique_ptr<Pool::Member> Pool::start_agent_on(EventLoop& machine, Credentials credentials, Duration shard_time,
                                                   std::string output) {
  return start_agent_running(
      std::move(credentials),
      [this, shard_time, output = std::move(output)](const SandboxRequest&) {
        loop.spend(shard_time);
        return testing::successful_run({{std::string(shard_output_name), to_bytes(output)}});
      },
      &machine);
}

std::unique_ptr<Pool::Member> Pool::start_agent_running(Credentials credentials, Program program, EventLoop* on) {
  EventLoop& machine = on ? *on : loop;
  auto member = std::make_unique<Member>();
  member->credentials = std::move(credentials);
  testing::FakeSandboxOptions sandbox;
  sandbox.program = std::move(program);
  AgentOptions agent;
  agent.hub_port = 1;
  agent.max_shards_per_lease = 2;
  agent.on_renewed = [member = member.get()](const Credentials& renewed) -> Status {
    member->credentials = renewed;
    return {};
  };
  agent.on_promise = [member = member.get()](std::string_view promise) -> Status {
    member->promises.emplace_back(promise);
    return {};
  };
  AgentParts parts{std::make_unique<RecordingTransport>(make_memory_transport(machine, network, log), member->received),
                   std::make_unique<testing::FakeSandbox>(sandbox), member->log};
  member->agent = must(forgepool::start_agent(machine, member->credentials, std::move(parts), agent));
  return member;
}

std::unique_ptr<Connection> Pool::connect(const Credentials& credentials) {
  transports_.push_back(transport());
  ConnectOptions to;
  to.port = 1;
  to.identity = credentials.identity;
  to.check_peer = [](const std::vector<Bytes>&, Time) -> Result<std::string> { return std::string("hub"); };
  return must(transports_.back()->connect(std::move(to)));
}

Result<Response> Pool::exchange(Connection& connection, Request request) {
  const auto bare = [&](Request one) { return exchange_bare(connection, std::move(one)); };
  return bare(permitted(std::move(request), bare));
}

Result<Response> Pool::exchange_bare(Connection& connection, Request request) {
  return call<Response>([&](auto done) { connection.send(std::move(request), done); });
}

std::string Pool::contract(unsigned shards, const std::string& job_id, unsigned replicas) {
  const std::string context = job_id.empty() ? "" : R"("ctx":{"job_id":")" + job_id + R"("},)";
  return "{" + context + R"("op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":)" +
         std::to_string(shards) + R"(},"policy":{"verify":")" + (replicas > 1 ? "full" : "none") + R"(","replicas":)" +
         std::to_string(replicas) + R"(,"timeout_ms":3600000}})";
}

}  // namespace forgepool::test
