// Agents that report failures: of others' programs, of their own sandboxes, alone and together, over real sockets.
#include "world.hpp"

using namespace forgepool;
using namespace forgepool::attacks;

namespace {

using Kind = SandboxOutcome::Kind;

struct Failing : World {
  Node first = agent(), second = agent(), third = agent(), owner = client();

  /// Two shards; so many agents must agree on each.
  std::string submit_job(int replicas) {
    const auto submitted =
        must(ask(*owner.connection,
                 post("/v1/jobs", to_bytes(R"({"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":2},)"
                                           R"("policy":{"verify":"full","replicas":)" +
                                           std::to_string(replicas) + "}}"))));
    REQUIRE(submitted.status == 200);
    return must(wire::decode<wire::fb::JobStatusT>(submitted.body)).job;
  }
  wire::fb::JobStatusT status(const std::string& job) {
    return must(wire::decode<wire::fb::JobStatusT>(must(ask(*owner.connection, get("/v1/jobs/" + job))).body));
  }
  /// What the agent is given; nothing if there is nothing.
  std::optional<wire::fb::LeaseGrantT> take(Node& agent) {
    wire::fb::LeaseAskT ask_for;
    ask_for.max_shards = 2;
    const auto response = must(ask(*agent.connection, post("/v1/agent/lease", wire::encode(ask_for))));
    if (response.status == 204) return std::nullopt;
    return must(wire::decode<wire::fb::LeaseGrantT>(response.body));
  }
  /// Takes all it is given, and says of every shard that it ended like this.
  std::size_t claim(Node& agent, Kind kind, int code) {
    std::size_t shards = 0;
    for (auto grant = take(agent); grant; grant = take(agent)) {
      auto report = World::report(agent, *grant);
      auto receipt = World::receipt(agent, *grant);
      for (std::size_t i = 0; i < report.shards.size(); ++i) {
        report.shards[i]->outcome = to_string(kind);
        report.shards[i]->code = code;
        report.shards[i]->output.clear();
        receipt.shards[i].outcome = {kind, code, ""};
        receipt.shards[i].output.reset();
      }
      report.receipt = sign(receipt, *agent.credentials.identity.key);
      REQUIRE(refusal(agent, result(report, grant->token)) == Refusal{200, "accepted"});
      shards += report.shards.size();
    }
    return shards;
  }
  std::size_t work(Node& agent) {
    std::size_t shards = 0;
    for (auto grant = take(agent); grant; grant = take(agent)) {
      REQUIRE(refusal(agent, result(World::report(agent, *grant), grant->token)) == Refusal{200, "accepted"});
      shards += grant->shards.size();
    }
    return shards;
  }
};

}  // namespace

TEST_CASE("an agent that could not begin its shards, again and again, fails no job and gets no work for a while") {
  Failing world;
  const auto job = world.submit_job(1);
  CHECK(world.claim(world.first, Kind::setup_failed, 0) > 0);
  CHECK(world.claim(world.first, Kind::setup_failed, 0) == 0);  // It pauses.
  CHECK(world.status(job).state == "running");
  CHECK(world.claim(world.second, Kind::cancelled, 0) > 0);
  CHECK(world.status(job).state == "running");
  CHECK(world.status(job).reasons.front()->code == "cannot_begin");
  world.work(world.third);
  CHECK(world.status(job).state == "done");
}

TEST_CASE("one agent's claims that shards fail end no job where two must agree") {
  Failing world;
  const auto job = world.submit_job(2);
  CHECK(world.claim(world.first, Kind::exited, 7) == 2);
  CHECK(world.status(job).state == "running");
  world.work(world.second);
  CHECK(world.work(world.third) == 2);
  const auto status = world.status(job);
  CHECK(status.state == "done");
  CHECK(status.quarantined.empty());  // It lost what it had earned: so far, that is all.
  CHECK(world.log->mentions("1 of 3"));
}

TEST_CASE("a program that fails everywhere fails its job by the word of as many as must agree, and nobody else is asked") {
  Failing world;
  const auto job = world.submit_job(2);
  CHECK(world.claim(world.first, Kind::out_of_memory, 0) == 2);
  CHECK(world.claim(world.second, Kind::out_of_memory, 0) > 0);
  const auto status = world.status(job);
  CHECK(status.state == "failed");
  CHECK(status.failure.find("ran out of memory (full 2 of 2)") != std::string::npos);
  CHECK_FALSE(world.take(world.third));
  world.honest_work_goes_on();
}
