// A whole pool on one thread in virtual time: the production hub, agents and client over a network that loses, delays, doubles
// and cuts, with a hub that dies between any two events. A seed replays a run.
#include <forgepool/audit.hpp>
#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fifo_scheduler.hpp>
#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/defaults.hpp>
#include <forgepool/testing/fake_sandbox.hpp>
#include <forgepool/testing/faulty_transport.hpp>
#include <forgepool/testing/flaky_ledger.hpp>
#include <forgepool/testing/random.hpp>
#include <forgepool/testing/virtual_event_loop.hpp>

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <iterator>

using namespace forgepool;
using testing::Random;

namespace {

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

/// What outlives a hub that dies: its ledger.
class SharedLedger final : public Ledger {
 public:
  explicit SharedLedger(std::shared_ptr<Ledger> inner) : inner_(std::move(inner)) {}
  const std::string& origin() const override { return inner_->origin(); }
  const PublicKey& key() const override { return inner_->key(); }
  Result<LedgerHead> commit(const LedgerBatch& batch) override { return inner_->commit(batch); }
  LedgerHead head() const override { return inner_->head(); }
  Result<std::string> checkpoint() override { return inner_->checkpoint(); }
  Result<Bytes> leaf(std::uint64_t index) const override { return inner_->leaf(index); }
  Result<Bytes> hash_tile(unsigned level, std::uint64_t index, std::size_t width) const override {
    return inner_->hash_tile(level, index, width);
  }
  Result<MerklePath> prove_inclusion(std::uint64_t index, std::uint64_t size) const override {
    return inner_->prove_inclusion(index, size);
  }
  Result<MerklePath> prove_consistency(std::uint64_t old_size, std::uint64_t size) const override {
    return inner_->prove_consistency(old_size, size);
  }
  Result<std::optional<Bytes>> read(std::string_view key) const override { return inner_->read(key); }
  Status scan(std::string_view prefix, const std::function<bool(std::string_view, ByteView)>& visit) const override {
    return inner_->scan(prefix, visit);
  }

 private:
  const std::shared_ptr<Ledger> inner_;
};

struct Faults {
  int liars = 0;
  int hub_deaths = 0;
  int agent_deaths = 0;
  std::uint64_t setup_fails_every = 0;  // Runs of each agent's sandbox.
  double loss = 0;
};

std::shared_ptr<const AdapterPackage> noop_adapter() {
  std::ifstream file(FORGEPOOL_PACKAGES_DIR "/noop-1.fpa", std::ios::binary);
  return must(open_adapter(Bytes(std::istreambuf_iterator<char>(file), {})));
}

class VirtualPool {
 public:
  VirtualPool(std::uint64_t seed, Faults faults)
      : random_(seed), identity_(must(make_hub_identity("virtual.pool", loop_.now()))), adapter_(noop_adapter()) {
    ledger_ = must(make_memory_ledger(identity_.trust_domain, identity_.log_key));
    faults_->lose_request = faults_->lose_response = faults_->duplicate = faults.loss;
    faults_->disconnect = faults.loss / 4;
    faults_->max_delay = std::chrono::milliseconds(40);
    setup_fails_every_ = faults.setup_fails_every;
    start_hub();
  }

  void start_hub() {
    HubParts parts;
    parts.transport = make_memory_transport(loop_, network_);
    parts.scheduler = make_fifo_scheduler();
    parts.verifier = make_duplication_verifier();
    parts.ledger = std::make_unique<SharedLedger>(ledger_);
    parts.adapters = {adapter_};
    HubOptions options;
    options.port = 1;
    options.enrolment_port = 2;
    hub_ = must(open_hub(loop_, identity_, std::move(parts), options));
  }
  /// What was not committed is gone; what waits for a commit is never answered.
  void kill_hub() { hub_.reset(); }

  void start_agent(bool liar) {
    std::string token;
    hub_->invite({.life = std::chrono::hours(1), .uses = 1}, [&](Result<std::string> made) { token = must(std::move(made)); });
    REQUIRE(loop_.run_until([&] { return !token.empty(); }, std::chrono::minutes(1)));
    std::optional<Credentials> credentials;
    auto newcomer = make_memory_transport(loop_, network_);
    enrol(*newcomer, {"127.0.0.1", 2, token}, [&](Result<Credentials> enrolled) { credentials = must(std::move(enrolled)); });
    REQUIRE(loop_.run_until([&] { return credentials.has_value(); }, std::chrono::minutes(1)));

    testing::FakeSandboxOptions sandbox;
    const auto delay_seed = random_.next();
    sandbox.program = [this, delay = std::make_shared<Random>(delay_seed), liar](const SandboxRequest&) {
      loop_.spend(std::chrono::milliseconds(delay->below(400)));
      // The shards of this job have one item each.
      return testing::successful_run({{std::string(shard_output_name), to_bytes(liar ? R"({"count":2,"format":"count/1"})"
                                                                                     : R"({"count":1,"format":"count/1"})")}});
    };
    sandbox.faults.fail_every = setup_fails_every_;
    sandbox.faults.failure = {SandboxOutcome::Kind::setup_failed, 0, "no memory just now"};
    AgentOptions options;
    options.hub_port = 1;
    options.max_shards_per_lease = static_cast<std::uint32_t>(1 + random_.below(6));
    inner_.push_back(make_memory_transport(loop_, network_));
    AgentParts parts{testing::make_faulty_transport(loop_, *inner_.back(), random_.next(), faults_),
                     std::make_unique<testing::FakeSandbox>(sandbox), nullptr};
    agents_.push_back(must(start_agent_with(std::move(*credentials), std::move(parts), options)));
  }
  void kill_agent(std::size_t index) { agents_[index].reset(); }

  std::unique_ptr<Client> client() {
    return must(connect_client(loop_, must(issue_credentials(identity_, "client/tester", loop_.now())),
                               make_memory_transport(loop_, network_), {"127.0.0.1", 1}));
  }

  testing::VirtualEventLoop& loop() { return loop_; }
  Random& random() { return random_; }
  std::string root() const { return make_trusted_root(identity_); }

 private:
  Result<std::unique_ptr<Agent>> start_agent_with(Credentials credentials, AgentParts parts, AgentOptions options) {
    return forgepool::start_agent(loop_, std::move(credentials), std::move(parts), std::move(options));
  }

  testing::VirtualEventLoop loop_;
  Random random_;
  std::shared_ptr<MemoryNetwork> network_ = make_memory_network();
  const HubIdentity identity_;
  const std::shared_ptr<const AdapterPackage> adapter_;
  std::shared_ptr<Ledger> ledger_;
  std::shared_ptr<testing::TransportFaults> faults_ = std::make_shared<testing::TransportFaults>();
  std::uint64_t setup_fails_every_ = 0;
  std::unique_ptr<Hub> hub_;
  std::vector<std::unique_ptr<Transport>> inner_;
  std::vector<std::unique_ptr<Agent>> agents_;
};

/// Runs one job to its end, with everything going wrong that `faults` says; returns its status after checking the evidence.
JobStatus run_job(std::uint64_t seed, Faults faults, const std::string& verify) {
  VirtualPool pool(seed, faults);
  for (int i = 0; i < 4; ++i) pool.start_agent(i < faults.liars);
  const std::string contract = R"({"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":40},)"
                               R"("policy":{"verify":")" +
                               verify + R"(","replicas":2,"timeout_ms":3600000}})";
  auto client = pool.client();
  std::optional<JobStatus> job, end;
  client->submit(contract, [&](Result<JobStatus> status) { job = must(std::move(status)); });
  REQUIRE(pool.loop().run_until([&] { return job.has_value(); }, std::chrono::minutes(5)));
  client->wait(job->id, nullptr, [&](Result<JobStatus> status) { end = must(std::move(status)); });

  for (int i = 0; i < faults.hub_deaths && !end; ++i) {
    for (auto steps = pool.random().below(300); steps > 0 && !end; --steps) pool.loop().step();
    pool.kill_hub();
    pool.loop().advance(std::chrono::milliseconds(pool.random().below(2000)));
    pool.start_hub();
  }
  for (int i = 0; i < faults.agent_deaths && !end; ++i) {
    for (auto steps = pool.random().below(300); steps > 0 && !end; --steps) pool.loop().step();
    pool.kill_agent(static_cast<std::size_t>(3 - i));
  }
  REQUIRE(pool.loop().run_until([&] { return end.has_value(); }, std::chrono::hours(1)));
  CHECK(end->state == JobState::done);
  CHECK(end->accepted == 40);

  std::optional<std::string> bundle;
  client->bundle(end->id, [&](Result<std::string> document) { bundle = must(std::move(document)); });
  REQUIRE(pool.loop().run_until([&] { return bundle.has_value(); }, std::chrono::minutes(5)));
  const auto report = verify_bundle(*bundle, pool.root());
  if (!report) FAIL(report.error().message);
  CHECK(report->shards == 40);
  CHECK(report->result == *end->result);
  return *end;
}

constexpr std::uint64_t seeds = 25;

}  // namespace

TEST_CASE("whatever the network does and in whatever order results come, the result is the same and the evidence holds") {
  std::optional<Digest> reference;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    const auto end = run_job(seed, {.loss = seed % 2 == 0 ? 0.05 : 0.0}, "full");
    if (!reference) reference = end.result;
    CHECK(end.result == reference);
    CHECK(end.caught.empty());
  }
}

TEST_CASE("a hub that dies between any two events goes on from its ledger, and the evidence holds") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    CHECK(run_job(seed, {.hub_deaths = 6, .loss = 0.02}, seed % 3 == 0 ? "quorum" : "full").caught.empty());
  }
}

TEST_CASE("agents that die leave their shards to the others") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    run_job(seed, {.agent_deaths = 2}, "full");
  }
}

TEST_CASE("an agent whose outputs the adapter cannot read does not stop a job, whatever else goes wrong") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    const auto end = run_job(seed, {.liars = 1, .hub_deaths = seed % 2 == 0 ? 4 : 0, .loss = 0.02}, "full");
    CHECK(end.caught.size() <= 1);
  }
}

TEST_CASE("an agent that could not even begin a shard may have it again: two agents are enough for two replicas") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    run_job(seed, {.agent_deaths = 2, .setup_fails_every = 11}, "full");
  }
}
