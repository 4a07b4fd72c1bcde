// What a hub, an agent and a client are composed of is checked when they are made, not when it is too late.
#include "pool.hpp"

#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/testing/fake_sandbox.hpp>

#include <fstream>
#include <iterator>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

Bytes package_bytes(const std::string& name) {
  std::ifstream file(FORGEPOOL_PACKAGES_DIR "/" + name + ".fpa", std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

struct Parts {
  testing::VirtualEventLoop loop;
  HubIdentity identity = must(make_hub_identity("parts.test", loop.now()));

  Result<std::unique_ptr<Hub>> open(std::vector<std::shared_ptr<const AdapterPackage>> adapters, HubOptions options = {}) {
    HubParts parts;
    parts.transport = make_memory_transport(loop, make_memory_network());
    parts.scheduler = make_fair_share_scheduler();
    parts.verifier = make_duplication_verifier();
    parts.ledger = must(make_memory_ledger(identity.trust_domain, identity.log_key));
    parts.adapters = std::move(adapters);
    return open_hub(loop, identity, std::move(parts), std::move(options));
  }
};

}  // namespace

TEST_CASE("a hub is not opened with a null adapter, or with two packages of one name and version") {
  Parts parts;
  const auto noop = must(open_adapter(package_bytes("noop-1")));
  const auto null = parts.open({noop, nullptr});
  REQUIRE_FALSE(null);
  CHECK(null.error().kind == ErrorKind::invalid_input);
  CHECK(null.error().message.find("adapters[1]") != std::string::npos);

  Bytes program = *noop->program();
  program.push_back(0);  // Another file, the same program.
  std::string manifest = noop->manifest();
  manifest.replace(manifest.find(noop->program_digest().str()), noop->program_digest().str().size(), sha256(program).str());
  const auto twin = must(open_adapter(must(pack_adapter(manifest, program))));
  const auto twins = parts.open({noop, twin});
  REQUIRE_FALSE(twins);
  CHECK(twins.error().kind == ErrorKind::invalid_input);
  for (const auto& part : {std::string("noop@1"), noop->digest().str(), twin->digest().str()})
    CHECK(twins.error().message.find(part) != std::string::npos);
  CHECK(parts.open({noop, noop}));
}

TEST_CASE("a hub of leases without shards, and an agent without slots, leases or shards, are refused") {
  Parts parts;
  HubOptions nothing;
  nothing.max_shards_per_lease = 0;
  CHECK_FALSE(parts.open({}, nothing));

  Pool pool;
  const auto credentials = pool.enrol(pool.invite(Pool::own, {}));
  for (int which = 0; which < 3; ++which) {
    AgentOptions options;
    options.hub_port = 1;
    if (which == 0) options.slots = 0;
    if (which == 1) options.max_shards_per_lease = 0;
    if (which == 2) options.concurrent_leases = 0;
    const auto agent = start_agent(pool.loop, credentials,
                                   {make_memory_transport(pool.loop, pool.network),
                                    std::make_unique<testing::FakeSandbox>(testing::FakeSandboxOptions{}), nullptr},
                                   options);
    REQUIRE_FALSE(agent);
    CHECK(agent.error().kind == ErrorKind::invalid_input);
  }
}

TEST_CASE("a hub that was stopped invites nobody") {
  Parts parts;
  const auto hub = must(parts.open({}));
  std::optional<Result<std::string>> before, after;
  hub->invite({}, [&](Result<std::string> token) { before = std::move(token); });
  bool stopped = false;
  hub->stop([&] { stopped = true; });
  hub->invite({}, [&](Result<std::string> token) { after = std::move(token); });
  REQUIRE(parts.loop.run_until([&] { return stopped && after.has_value(); }, 1min));
  CHECK(before->has_value());
  REQUIRE_FALSE(*after);
  CHECK(after->error().kind == ErrorKind::unavailable);
}

TEST_CASE("an empty callback is one that nobody waits for") {
  Pool pool;
  const auto client = pool.client(pool.issue(Pool::aurora, "client/alice"));
  client->submit(Pool::contract(1), nullptr);
  client->upload(to_bytes("x"), nullptr);
  client->wait(JobId("job-x"), nullptr, nullptr);
  client->jobs(nullptr);
  client->result(JobId("job-x"), nullptr);
  client->erase(JobId("job-x"), nullptr);
  client->renew(nullptr);
  const auto agent = pool.start_agent(Pool::aurora);
  agent->agent->drain(nullptr);
  pool.loop.advance(1min);
  CHECK(must(pool.call<std::vector<JobStatus>>([&](auto done) { client->jobs(done); })).size() == 1);

  Parts parts;
  const auto hub = must(parts.open({}));
  hub->invite({}, nullptr);
  hub->stop(nullptr);
  parts.loop.advance(1min);
}
