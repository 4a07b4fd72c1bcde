#include <forgepool/testing/fake_sandbox.hpp>
#include <forgepool/testing/faulty_transport.hpp>
#include <forgepool/testing/flaky_ledger.hpp>
#include <forgepool/testing/virtual_event_loop.hpp>

#include <catch2/catch_test_macros.hpp>

#include <map>

using namespace forgepool;
using namespace forgepool::testing;
using namespace std::chrono_literals;

namespace {

SandboxReport echo(const SandboxRequest& request) {
  return successful_run({{"out", to_bytes(request.arguments.at(0))}});
}

SandboxRequest say(const std::string& word) {
  SandboxRequest request;
  request.arguments = {word};
  return request;
}

/// Answers every request with its own path, one virtual second later, and counts them.
class Echo final : public Transport {
 public:
  explicit Echo(EventLoop& loop) : loop_(loop) {}
  Result<std::unique_ptr<Listener>> listen(ListenOptions) override { return fail(ErrorKind::unsupported, "only connects"); }
  Result<std::unique_ptr<Connection>> connect(ConnectOptions options) override {
    if (options.port == 0) return fail(ErrorKind::invalid_input, "port 0");
    return std::make_unique<Wire>(*this);
  }
  int arrived = 0;

 private:
  struct Wire final : Connection {
    explicit Wire(Echo& o) : owner(o) {}
    void send(Request request, std::function<void(Result<Response>)> done) override {
      ++owner.arrived;
      timers.push_back(owner.loop_.after(1s, [path = request.path, done] { done(Response{200, "", to_bytes(path)}); }));
    }
    bool usable() const override { return true; }
    Echo& owner;
    std::vector<std::unique_ptr<Subscription>> timers;
  };
  EventLoop& loop_;
};

struct FaultyNetwork {
  VirtualEventLoop loop{Time(0s)};
  Echo echo{loop};
  std::shared_ptr<TransportFaults> faults = std::make_shared<TransportFaults>();
  std::unique_ptr<Transport> transport = make_faulty_transport(loop, echo, 1, faults);
  std::unique_ptr<Connection> connection;
  std::vector<std::string> heard;

  FaultyNetwork() { connect(); }
  void connect() {
    ConnectOptions options;
    options.port = 1;
    connection = std::move(*transport->connect(std::move(options)));
  }
  void send(const std::string& path) {
    Request request;
    request.path = path;
    connection->send(std::move(request), [this, path](Result<Response> response) {
      heard.push_back(
          path +
          (response ? " " + std::to_string(response->status) : " " + std::string(response.error().message.substr(0, 14))) +
          " at " + std::to_string(unix_seconds(loop.now())));
    });
  }
};

/// Remembers batches and nothing else.
class MemoryOfBatches final : public Ledger {
 public:
  const std::string& origin() const override { return origin_; }
  const PublicKey& key() const override { return key_; }
  Status use_keys(std::shared_ptr<Signer>, std::vector<std::shared_ptr<Signer>>) override { return {}; }
  Result<LedgerHead> commit(const LedgerBatch& batch) override {
    leaves_ += batch.leaves.size();
    return head();
  }
  LedgerHead head() const override { return {leaves_, {}}; }
  Result<std::string> checkpoint() override { return std::string("checkpoint"); }
  Result<Bytes> leaf(std::uint64_t) const override { return Bytes{}; }
  Result<Bytes> hash_tile(unsigned, std::uint64_t, std::size_t) const override { return Bytes{}; }
  Result<MerklePath> prove_inclusion(std::uint64_t, std::uint64_t) const override { return MerklePath{}; }
  Result<MerklePath> prove_consistency(std::uint64_t, std::uint64_t) const override { return MerklePath{}; }
  Result<std::optional<Bytes>> read(std::string_view) const override { return std::optional<Bytes>(); }
  Status scan(std::string_view, const std::function<bool(std::string_view, ByteView)>&) const override { return {}; }

 private:
  std::string origin_ = "test";
  PublicKey key_;
  std::uint64_t leaves_ = 0;
};

}  // namespace

TEST_CASE("a fake sandbox without faults is its function") {
  FakeSandbox sandbox({.program = echo});
  const auto report = sandbox.run(say("hello"));
  CHECK(report.outcome.ok());
  CHECK(report.outputs.at("out") == to_bytes("hello"));
  CHECK(report.level == SandboxLevel::none);
  CHECK(sandbox.runs() == 1);
}

TEST_CASE("a fake sandbox fails and corrupts exactly the runs it was told to") {
  FakeSandbox sandbox({.program = echo, .faults = {.fail_every = 3, .corrupt_every = 2}});
  std::string history;
  for (int i = 1; i <= 6; ++i) {
    const auto report = sandbox.run(say("hello"));
    history += !report.outcome.ok() ? 'F' : report.outputs.at("out") == to_bytes("hello") ? '.' : 'C';
    if (!report.outcome.ok()) CHECK(report.outputs.empty());
  }
  CHECK(history == ".CFC.F");
  sandbox.set_faults({});
  CHECK(sandbox.run(say("x")).outputs.at("out") == to_bytes("x"));
}

TEST_CASE("a fake sandbox takes virtual time under a virtual loop, and can be cancelled") {
  VirtualEventLoop loop(Time(0s));
  FakeSandbox sandbox({.program = echo, .faults = {.delay = 7s}, .sleep = [&](Duration time) { loop.spend(time); }});
  Time done{};
  loop.run_blocking([&] { sandbox.run(say("x")); }, [&] { done = loop.now(); });
  loop.run();
  CHECK(done == Time(7s));

  const std::atomic<bool> cancelled = true;
  SandboxRequest request = say("x");
  request.cancelled = &cancelled;
  CHECK(sandbox.run(request).outcome.kind == SandboxOutcome::Kind::cancelled);
}

TEST_CASE("a faulty transport without faults passes requests and errors on") {
  FaultyNetwork network;
  network.send("/a");
  network.send("/b");
  network.loop.run();
  CHECK(network.heard == std::vector<std::string>{"/a 200 at 1", "/b 200 at 1"});
  CHECK(network.transport->connect({}).error().kind == ErrorKind::invalid_input);
  CHECK(network.transport->listen({}).error().kind == ErrorKind::unsupported);
}

TEST_CASE("a lost request never arrives, a lost response was answered; both fail after the timeout") {
  FaultyNetwork network;
  network.faults->lose_request = 1;
  network.send("/a");
  network.loop.run();
  CHECK(network.echo.arrived == 0);
  *network.faults = {.lose_response = 1};
  network.send("/b");
  network.loop.run();
  CHECK(network.echo.arrived == 1);
  CHECK(network.heard == std::vector<std::string>{"/a fault injected at 30", "/b fault injected at 60"});
}

TEST_CASE("delays apply there and back, and a duplicate arrives even after the answer came") {
  FaultyNetwork network;
  *network.faults = {.duplicate = 1, .min_delay = 5s, .max_delay = 5s};
  network.send("/a");
  network.loop.run();
  CHECK(network.heard == std::vector<std::string>{"/a 200 at 11"});
  CHECK(network.echo.arrived == 2);
}

TEST_CASE("a disconnect fails everything under way at once, and a new connection works") {
  FaultyNetwork network;
  network.send("/a");
  network.faults->disconnect = 1;
  network.send("/b");
  network.loop.run();
  CHECK(network.heard == std::vector<std::string>{"/a fault injected at 0", "/b fault injected at 0"});
  CHECK_FALSE(network.connection->usable());
  network.faults->disconnect = 0;
  network.send("/c");
  network.loop.run();
  CHECK(network.heard.back() == "/c fault injected at 0");
  network.connect();
  network.send("/d");
  network.loop.run();
  CHECK(network.heard.back() == "/d 200 at 1");
}

TEST_CASE("in a partition nothing arrives, not even what was sent before it") {
  FaultyNetwork network;
  network.faults->min_delay = network.faults->max_delay = 2s;
  network.send("/a");
  network.faults->partitioned = true;
  network.send("/b");
  network.loop.run();
  CHECK(network.echo.arrived == 0);
  CHECK(network.heard == std::vector<std::string>{"/b fault injected at 30", "/a fault injected at 32"});
}

TEST_CASE("nothing is heard of a faulty connection that its owner let go, also when that happens in a callback") {
  FaultyNetwork network;
  network.send("/a");
  network.connection.reset();
  network.loop.run();
  CHECK(network.heard.empty());

  network.connect();
  Request request;
  int heard = 0;
  network.connection->send(request, [&](const Result<Response>&) {
    ++heard;
    network.connection.reset();
  });
  network.connection->send(request, [&](const Result<Response>&) { ++heard; });
  network.loop.run();
  CHECK(heard == 1);
}

TEST_CASE("the same seed gives the same faults") {
  const auto history = [] {
    FaultyNetwork network;
    *network.faults = {.lose_request = 0.3, .lose_response = 0.3, .duplicate = 0.3, .min_delay = 0s, .max_delay = 9s};
    for (int i = 0; i < 50; ++i) network.send("/" + std::to_string(i));
    network.loop.run();
    return network.heard;
  };
  const auto first = history();
  CHECK(first.size() == 50);
  CHECK(first == history());
}

TEST_CASE("a flaky ledger fails the commits it was told to, before or after they were written") {
  FlakyLedger ledger(std::make_unique<MemoryOfBatches>());
  const LedgerBatch batch{{to_bytes("leaf")}, {}};
  ledger.fail_commit(2, FlakyLedger::Failure::before);
  ledger.fail_commit(3, FlakyLedger::Failure::after);
  CHECK(ledger.commit(batch).has_value());
  CHECK(ledger.commit(batch).error().kind == ErrorKind::internal);
  CHECK(ledger.head().size == 1);
  CHECK(ledger.commit(batch).error().kind == ErrorKind::internal);
  CHECK(ledger.head().size == 2);
  CHECK(ledger.commit(batch).has_value());
  ledger.break_down();
  CHECK_FALSE(ledger.commit(batch).has_value());
  ledger.repair();
  CHECK(ledger.commit(batch)->size == 4);
  CHECK(ledger.commits() == 6);
  // All else is the other ledger's, also what need not be overridden.
  CHECK(ledger.use_keys(nullptr, {}));
}
