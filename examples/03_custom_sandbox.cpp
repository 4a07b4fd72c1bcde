// A sandbox of your own in place of the default one (plain_process.hpp): it runs shards as plain child processes of the agent.
//     03_custom_sandbox adapters/noop-1.fpa contract.json
#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/defaults.hpp>

#include "plain_process.hpp"

#include <cstdio>

#include <sys/stat.h>

using namespace forgepool;

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "error: %s\n", result.error().message.c_str());
  std::exit(1);
}

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: 03_custom_sandbox ADAPTER.fpa CONTRACT.json\n"), 2;
  ::umask(surroundings::file_mode_mask);
  auto loop = make_event_loop();
  auto network = make_memory_network();
  const HubIdentity identity = must(make_hub_identity("example.pool", loop->now()));

  HubParts parts;
  parts.transport = make_memory_transport(*loop, network);
  parts.scheduler = make_fair_share_scheduler();
  parts.verifier = make_duplication_verifier();
  parts.ledger = must(make_memory_ledger(identity.trust_domain, identity.log_key));
  parts.adapters = {must(load_adapter(argv[1]))};
  auto hub = must(open_hub(*loop, identity, std::move(parts)));

  std::vector<std::unique_ptr<Agent>> agents;
  auto newcomer = make_memory_transport(*loop, network);
  hub->invite({.life = std::chrono::minutes(1), .uses = 2}, [&](Result<std::string> token) {
    for (int i = 0; i < 2; ++i)
      enrol(*newcomer, {"127.0.0.1", hub->enrolment_port(), must(token)}, [&](Result<Credentials> credentials) {
        AgentOptions options;
        options.hub_port = hub->port();
        AgentParts agent{make_memory_transport(*loop, network), std::make_unique<PlainProcess>(), nullptr};
        agents.push_back(must(start_agent(*loop, must(std::move(credentials)), std::move(agent), options)));
      });
  });

  auto client = must(connect_client(*loop, must(issue_credentials(identity, "client/me", loop->now())),
                                    make_memory_transport(*loop, network), {"127.0.0.1", hub->port()}));
  client->submit(to_text(must(read_file(argv[2], max_contract_bytes))), [&](Result<JobStatus> job) {
    client->wait(must(job).id, nullptr, [&](Result<JobStatus> end) {
      client->result(must(end).id, [&](Result<std::string> result) {
        std::printf("%s\n", must(result).c_str());
        loop->stop();
      });
    });
  });
  loop->run();
}
