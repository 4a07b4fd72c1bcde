// What a pool costs: no-op shards through a hub and two agents over loopback QUIC, with leases, tokens, receipts, verdicts and
// a durable ledger, every shard once. Measured twice: with shards that are a function call, which leaves the pool alone, and
// with real sandboxes, beside the floor of running the same sandboxes with no pool around them.
#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/in_process_sandbox.hpp>
#include <forgepool/backends/quic_transport.hpp>
#include <forgepool/backends/sqlite_ledger.hpp>
#include <forgepool/defaults.hpp>

#include <fmt/core.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

using namespace forgepool;

namespace {

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "bench_pool: {}\n", result.error().message);
  std::exit(1);
}

using MakeSandbox = std::function<std::unique_ptr<Sandbox>()>;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// An agent on a thread and loop of its own, as on a machine of its own.
class AgentThread {
 public:
  AgentThread(Credentials credentials, std::uint16_t port, const MakeSandbox& make) {
    std::promise<RunnableEventLoop*> ready;
    auto started = ready.get_future();
    thread_ = std::thread([credentials = std::move(credentials), port, make, &ready]() mutable {
      auto loop = make_event_loop({3});
      AgentOptions options;
      options.hub_port = port;
      options.max_shards_per_lease = 64;
      AgentParts parts{make_quic_transport(*loop), make(), nullptr};
      auto agent = must(start_agent(*loop, std::move(credentials), std::move(parts), options));
      ready.set_value(loop.get());
      loop->run();
    });
    loop_ = started.get();
  }
  ~AgentThread() {
    loop_->stop();
    thread_.join();
  }

 private:
  std::thread thread_;
  RunnableEventLoop* loop_ = nullptr;
};

/// Shards per second of one job, from submission to the result.
double measure_pool(std::uint32_t shards, const MakeSandbox& make) {
  char pattern[] = "/tmp/forgepool-bench-XXXXXX";
  const std::filesystem::path directory = ::mkdtemp(pattern);
  double rate = 0;
  {
    auto loop = make_event_loop();
    const auto identity = must(make_hub_identity("bench.pool", loop->now()));
    HubParts parts;
    parts.transport = make_quic_transport(*loop);
    parts.scheduler = make_fair_share_scheduler();
    parts.verifier = make_duplication_verifier();
    parts.ledger = must(open_sqlite_ledger({(directory / "ledger.db").string(), identity.trust_domain, identity.log_key}));
    parts.adapters = {must(load_adapter(FORGEPOOL_PACKAGES_DIR "/noop-1.fpa"))};
    auto hub = must(open_hub(*loop, identity, std::move(parts)));

    std::vector<std::unique_ptr<AgentThread>> agents;
    auto newcomer = make_quic_transport(*loop);
    hub->invite({.life = std::chrono::minutes(1), .uses = 2}, [&](Result<std::string> token) {
      for (int i = 0; i < 2; ++i)
        enrol(*newcomer, {"127.0.0.1", hub->enrolment_port(), must(token)}, [&](Result<Credentials> credentials) {
          agents.push_back(std::make_unique<AgentThread>(must(std::move(credentials)), hub->port(), make));
          if (agents.size() == 2) loop->stop();
        });
    });
    loop->run();

    auto client = must(connect_client(*loop, must(issue_credentials(identity, "client/bench", loop->now())),
                                      make_quic_transport(*loop), {"127.0.0.1", hub->port()}));
    const std::string contract = fmt::format(
        R"({{"op":{{"name":"noop","version":"1","profile":"noop.v1"}},"args":{{"shards":{}}},"policy":{{"verify":"none","timeout_ms":600000}}}})",
        shards);
    const auto start = Clock::now();
    client->submit(contract, [&](Result<JobStatus> job) {
      client->wait(must(std::move(job)).id, nullptr, [&](Result<JobStatus> end) {
        if (must(std::move(end)).state != JobState::done) std::exit(1);
        rate = shards / seconds_since(start);
        loop->stop();
      });
    });
    loop->run();
    agents.clear();
  }
  std::filesystem::remove_all(directory);
  return rate;
}

/// Sandboxes per second on as many threads as the pool's agents use.
double measure_sandbox(std::uint32_t runs) {
  auto sandbox = must(open_linux_sandbox({SandboxLevel::namespaces}));
  const auto adapter = must(load_adapter(FORGEPOOL_PACKAGES_DIR "/noop-1.fpa"));
  SandboxRequest request;
  request.program_digest = adapter->program_digest();
  request.program = adapter->program();
  std::atomic<std::uint32_t> left = runs;
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (left.fetch_sub(1) - 1 < runs)
        if (!sandbox->run(request).outcome.ok()) std::exit(1);
    });
  for (auto& thread : threads) thread.join();
  return runs / seconds_since(start);
}

}  // namespace

int main() {
  const auto adapter = must(load_adapter(FORGEPOOL_PACKAGES_DIR "/noop-1.fpa"));
  const MakeSandbox call = [&] {
    return make_in_process_sandbox({{adapter->program_digest(), [](InProcessRun& run) {
                                       run.outputs[std::string(shard_output_name)] =
                                           to_bytes(R"({"count":1,"format":"count/1"})");
                                       return 0;
                                     }}});
  };
  const MakeSandbox box = [] { return must(open_linux_sandbox({SandboxLevel::namespaces})); };
  const double alone = measure_pool(40'000, call);
  const double floor = measure_sandbox(2'000);
  const double sandboxed = measure_pool(2'000, box);
  fmt::print("no-op shards through a pool of two agents, per second\n");
  fmt::print("  {:<44} {:>10.0f}\n", "the pool alone (a shard is a function call)", alone);
  fmt::print("  {:<44} {:>10.0f}\n", "floor: sandboxes without a pool", floor);
  fmt::print("  {:<44} {:>10.0f}   {:.2f} of the floor\n", "with real sandboxes", sandboxed, sandboxed / floor);
  fmt::print(
      "{{\"shards_per_s\":{:.0f},\"sandboxed_shards_per_s\":{:.0f},\"sandboxes_per_s\":{:.0f},\"sandboxed_vs_floor\":{:.3f}}}"
      "\n",
      alone, sandboxed, floor, sandboxed / floor);
}
