// Messages that are small on the wire and large, or much work, behind it.
#include "world.hpp"

#include "../support/forged_message.hpp"

namespace forgepool::attacks {
namespace {

using namespace std::chrono_literals;
using test::ForgedMessage;

constexpr std::size_t allowed_growth = 64u << 20;

/// A message of this table whose list has so many references to one string.
Bytes one_string_many_times(std::string_view table, std::string_view list, std::size_t references, std::size_t bytes) {
  const auto& rules = *wire::rules_of("forgepool.fb." + std::string(table));
  ForgedMessage forged;
  const auto one = forged.string(std::string(bytes, 'x'));
  const auto all = forged.references(std::vector(references, one));
  return forged.finish(forged.table(rules, {{rules.find(list), all}}));
}

/// A message of this table with the same item twice in a list.
Bytes twice_the_same(std::string_view table, std::string_view list) {
  const auto& rules = *wire::rules_of("forgepool.fb." + std::string(table));
  ForgedMessage forged;
  const auto items = forged.list(*rules.find(list), 2, true);
  return forged.finish(forged.table(rules, {{rules.find(list), items}}));
}

TEST_CASE("a heartbeat that refers to one long string many times costs the hub neither memory nor time") {
  World world;
  Node mallory = world.agent(), bystander = world.client();
  const auto small = std::make_shared<const Bytes>(one_string_many_times("Heartbeat", "leases", 20'000, 100'000));
  const auto large = std::make_shared<const Bytes>(one_string_many_times("Heartbeat", "leases", 125'000, 1'500'000));
  CHECK(small->size() < 185'000);
  CHECK(large->size() < (2u << 20) + 4096);
  CHECK(world.ask_bare(*bystander.connection, get("/healthz")));  // What a first request takes is there.
  const std::size_t before = resident_bytes();
  const Time begun = world.loop->now();

  int refused = 0;
  for (int i = 0; i < 8; ++i)
    mallory.connection->send(post("/v1/agent/heartbeat", i % 2 ? *large : *small), [&](Result<Response> answer) {
      REQUIRE(answer);
      CHECK(answer->status == 413);
      ++refused;
    });
  const auto health = world.ask_bare(*bystander.connection, get("/healthz"));
  REQUIRE(health);
  CHECK(health->status == 200);
  world.run_until([&] { return refused == 8; });
  CHECK(world.loop->now() - begun < 10s);
  CHECK(resident_bytes() < before + allowed_growth);
  CHECK(world.refusal(mallory, post("/v1/agent/heartbeat", *small)) == Refusal{413, "message_bound"});
  // As many as there may be, and too much all the same.
  CHECK(world.refusal(mallory, post("/v1/agent/heartbeat", one_string_many_times("Heartbeat", "leases", 4096, 128))) ==
        Refusal{400, "message_shared"});
  world.honest_work_goes_on();
}

TEST_CASE("a list with the same item twice is refused in every request") {
  World world;
  Node agent = world.agent(), boss = world.operator_(), client = world.client();
  struct Asked {
    Node& by;
    const char *path, *table, *list;
  };
  for (const auto& asked :
       {Asked{agent, "/v1/agent/heartbeat", "Heartbeat", "leases"}, Asked{agent, "/v1/agent/lease", "LeaseAsk", "relaxations"},
        Asked{client, "/v1/tokens", "TokenAsk", "actions"}, Asked{boss, "/v1/invitations", "Invite", "data_classes"},
        Asked{boss, "/v1/invitations", "Invite", "adapters"}}) {
    INFO(asked.table << '.' << asked.list);
    const auto answer = must(world.ask_bare(*asked.by.connection, post(asked.path, twice_the_same(asked.table, asked.list))));
    CHECK(answer.status == 400);
    const auto failure = must(wire::decode<wire::fb::FailureT>(answer.body));
    CHECK(failure.kind == "invalid_input");
    CHECK(failure.message.find(std::string(asked.table) + "." + asked.list) != std::string::npos);
  }
  REQUIRE(world.submit(client, 2));
  const auto grant = world.lease(agent, 1);
  CHECK(world.refusal(agent, post("/v1/agent/result", twice_the_same("LeaseResult", "shards"), grant.token)) ==
        Refusal{400, "message_repeats"});
  world.honest_work_goes_on();
}

TEST_CASE("who is not let in has nothing read of what it sends") {
  World world;
  const Bytes hostile = one_string_many_times("Heartbeat", "leases", 20'000, 100'000);
  // The hub's own CA signed it, but nobody of that name enrolled.
  Connection& unknown = world.connect(world.certified(world.fields("agent/a-nobody")));
  for (const char* path : {"/v1/agent/heartbeat", "/v1/agent/lease", "/v1/agent/result", "/v1/renew"})
    CHECK(world.refusal(unknown, post(path, hostile)) == Refusal{403, "agent_unknown"});
  Node agent = world.agent();
  CHECK(world.refusal(agent, post("/v1/agent/result", hostile)) == Refusal{401, "token_missing"});
  Node client = world.client();
  CHECK(world.refusal(client, post("/v1/agent/heartbeat", hostile)).status == 403);
  CHECK(world.refusal_bare(client, post("/v1/jobs/job-1/hold", hostile)) == Refusal{401, "token_missing"});
  world.honest_work_goes_on();
}

}  // namespace
}  // namespace forgepool::attacks
