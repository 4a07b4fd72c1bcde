#include "ledger.hpp"

#include <forgepool/audit.hpp>
#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/in_process_sandbox.hpp>
#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/defaults.hpp>

namespace forgepool::bench {

BundleFigures verify_bundle_of(std::uint32_t shards) {
  auto loop = make_event_loop();
  auto network = make_memory_network();
  const HubIdentity identity = must(make_hub_identity("bench.pool", loop->now()));
  const auto adapter = must(load_adapter(FORGEPOOL_PACKAGES_DIR "/noop-1.fpa"));
  HubParts parts;
  parts.transport = make_memory_transport(*loop, network);
  parts.scheduler = make_fair_share_scheduler();
  parts.verifier = make_duplication_verifier();
  parts.ledger = must(make_memory_ledger(identity.trust_domain, identity.log_key));
  parts.adapters = {adapter};
  auto hub = must(open_hub(*loop, identity, std::move(parts)));

  std::vector<std::unique_ptr<Agent>> agents;
  auto newcomer = make_memory_transport(*loop, network);
  hub->invite({.life = std::chrono::minutes(1), .uses = 2}, [&](Result<std::string> token) {
    for (int i = 0; i < 2; ++i)
      enrol(*newcomer, {"127.0.0.1", hub->enrolment_port(), must(token)}, [&](Result<Credentials> credentials) {
        AgentOptions options;
        options.hub_port = hub->port();
        options.max_shards_per_lease = 64;
        auto sandbox = make_in_process_sandbox({{adapter->program_digest(), [](InProcessRun& run) {
                                                   run.outputs[std::string(shard_output_name)] =
                                                       to_bytes(R"({"count":1,"format":"count/1"})");
                                                   return 0;
                                                 }}});
        agents.push_back(must(start_agent(*loop, must(std::move(credentials)),
                                          {make_memory_transport(*loop, network), std::move(sandbox), nullptr}, options)));
      });
  });
  auto client = must(connect_client(*loop, must(issue_credentials(identity, "client/bench", loop->now())),
                                    make_memory_transport(*loop, network), {"127.0.0.1", hub->port()}));
  const std::string contract = fmt::format(
      R"({{"op":{{"name":"noop","version":"1","profile":"noop.v1"}},"args":{{"shards":{}}},)"
      R"("policy":{{"verify":"full","replicas":2,"timeout_ms":600000}},"artifacts":{{"include":["result","shard_outputs"]}}}})",
      shards);
  std::string bundle;
  client->submit(contract, [&](Result<JobStatus> job) {
    client->wait(must(std::move(job)).id, nullptr, [&](Result<JobStatus> end) {
      client->bundle(must(std::move(end)).id, [&](Result<std::string> document) {
        bundle = must(std::move(document));
        loop->stop();
      });
    });
  });
  loop->run();

  const std::string root = make_trusted_root(identity);
  BundleFigures figures;
  figures.bytes = bundle.size();
  std::vector<double> times;
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const auto report = must(verify_bundle(bundle, root));
    times.push_back(seconds_since(start));
    figures.receipts = report.receipts;
  }
  figures.verify_s = median(times);
  return figures;
}

}  // namespace forgepool::bench
