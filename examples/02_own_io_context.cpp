// A host with an Asio loop of its own: hub, agent and client run on it, over QUIC on loopback, and the job is awaited in a
// coroutine beside whatever else the host does.
//     02_own_io_context adapters/mc-1.fpa contract.json
#include <forgepool/asio.hpp>
#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/backends/quic_transport.hpp>
#include <forgepool/defaults.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <cstdio>

using namespace forgepool;

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "error: %s\n", result.error().message.c_str());
  std::exit(1);
}

asio::awaitable<void> run_job(EventLoop& loop, const HubIdentity& identity, Hub& hub, std::string contract) {
  // Two agents enrol and start.
  std::vector<std::unique_ptr<Agent>> agents;
  auto newcomer = make_quic_transport(loop);
  const auto token = must(
      co_await async_call<std::string>([&](auto done) { hub.invite({.life = std::chrono::minutes(1), .uses = 2}, done); }));
  for (int i = 0; i < 2; ++i) {
    const EnrolOptions where{"127.0.0.1", hub.enrolment_port(), token};
    auto credentials = must(co_await async_call<Credentials>([&](auto done) { enrol(*newcomer, where, done); }));
    AgentOptions options;
    options.hub_port = hub.port();
    agents.push_back(must(start_default_agent(loop, std::move(credentials), options, {SandboxLevel::namespaces})));
  }

  auto client =
      must(connect_default_client(loop, must(issue_credentials(identity, "client/me", loop.now())), {"127.0.0.1", hub.port()}));
  const auto job = must(co_await async_call<JobStatus>([&](auto done) { client->submit(contract, done); }));
  const auto show = [](const JobStatus& status) { std::fprintf(stderr, "%u of %u shards\n", status.accepted, status.shards); };
  const auto end = must(co_await async_call<JobStatus>([&](auto done) { client->wait(job.id, show, done); }));
  const auto result = must(co_await async_call<std::string>([&](auto done) { client->result(end.id, done); }));
  std::printf("%s\n", result.c_str());
}

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: 02_own_io_context ADAPTER.fpa CONTRACT.json\n"), 2;
  asio::io_context context;
  AsioEventLoop loop(context);
  const HubIdentity identity = must(make_hub_identity("example.pool", loop.now()));

  HubParts parts;
  parts.transport = make_quic_transport(loop);
  parts.scheduler = make_fair_share_scheduler();
  parts.verifier = make_duplication_verifier();
  parts.ledger = must(make_memory_ledger(identity.trust_domain, identity.log_key));
  parts.adapters = {must(load_adapter(argv[1]))};
  auto hub = must(open_hub(loop, identity, std::move(parts)));

  asio::co_spawn(context, run_job(loop, identity, *hub, to_text(must(read_file(argv[2], max_contract_bytes)))),
                 [&](std::exception_ptr) { context.stop(); });
  context.run();
}
