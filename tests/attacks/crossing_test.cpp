// Over the lines between clients, roles and names.
#include "world.hpp"

#include <catch2/generators/catch_generators.hpp>

using namespace forgepool;
using namespace forgepool::attacks;

namespace {

struct Two : World {
  Node alice = client("alice"), mallory = client("mallory");
  std::string job = must(wire::decode<wire::fb::JobStatusT>(must(submit(alice, 2, "alices-job")).body)).job;
};

}  // namespace

TEST_CASE("another client's job looks like one that does not exist") {
  Two world;
  for (const std::string part : {"", "/result", "/bundle", "/explain", "?wait_ms=0"}) {
    CHECK(world.refusal(world.mallory, get("/v1/jobs/" + world.job + part)) == Refusal{404, "job_unknown"});
    const auto theirs = world.ask(*world.mallory.connection, get("/v1/jobs/" + world.job + part));
    const auto none = world.ask(*world.mallory.connection, get("/v1/jobs/alices-jab" + part));
    CHECK(theirs->body.size() == none->body.size());
  }
  world.honest_work_goes_on();
}

TEST_CASE("lists hold one's own jobs only") {
  Two world;
  const auto list = must(wire::decode<wire::fb::JobListT>(must(world.ask(*world.mallory.connection, get("/v1/jobs"))).body));
  CHECK(list.jobs.empty());
  world.honest_work_goes_on();
}

TEST_CASE("an id that somebody else took is a conflict, and says nothing about it") {
  Two world;
  const auto taken = must(world.submit(world.mallory, 2, "alices-job"));
  CHECK(taken.status == 409);
  CHECK(must(wire::decode<wire::fb::FailureT>(taken.body)).message.find("alice\"") == std::string::npos);
  world.honest_work_goes_on();
}

TEST_CASE("ids with paths, escapes and controls in them are no ids") {
  Two world;
  const std::string id = GENERATE(as<std::string>(), "..", "../alices-job", "..%2falices-job", "alices-job%00", "./alices-job",
                                  "alices-job/../alices-job", "%61lices-job", "alices-job%0a", "*", "", "-", "a b", "<script>",
                                  "$(id)", "';drop table state;--");
  CAPTURE(id);
  std::string path = "/v1/jobs/" + id;
  for (auto& c : path)
    if (c == ' ') c = '+';
  const auto refusal = world.refusal(world.mallory, get(path));
  CHECK((refusal == Refusal{400, "invalid_input"} || refusal == Refusal{404, "job_unknown"} ||
         refusal == Refusal{404, "endpoint_unknown"}));
  world.honest_work_goes_on();
}

TEST_CASE("digests with paths in them are no digests") {
  Two world;
  Node agent = world.agent();
  const auto grant = world.lease(agent);
  const std::vector<std::string> digests = {"../state",
                                            "sha256:..",
                                            "sha512:" + std::string(128, '0'),
                                            std::string(63, '0'),
                                            std::string(64, 'F'),
                                            std::string(63, '0') + "g",
                                            "sha256:sha256:" + std::string(64, '0'),
                                            ""};
  for (const std::string& digest : digests) {
    CAPTURE(digest);
    CHECK(world.refusal(agent, get("/v1/agent/blob/" + digest, grant.token)).status == 400);
    CHECK(world.ask(*world.mallory.connection, {"PUT", "/v1/blobs/" + digest, "", Bytes{1}})->status == 400);
  }
  world.honest_work_goes_on();
}

TEST_CASE("an input under another's digest is refused") {
  Two world;
  CHECK(world.ask(*world.mallory.connection, {"PUT", "/v1/blobs/" + sha256(Bytes{1}).hex(), "", Bytes{2}})->status == 400);
  world.honest_work_goes_on();
}

TEST_CASE("agents are no clients, clients no agents, and neither is an operator") {
  Two world;
  Node agent = world.agent();
  const Refusal denied{403, "denied"};
  for (const char* path :
       {"/v1/jobs", "/healthz", "/tile/entries/000.p/1", "/v1/agents", "/v1/jobs/alices-job", "/v1/jobs/alices-job/bundle"})
    CHECK(world.refusal(agent, get(path)) == denied);
  CHECK(world.refusal(agent, post("/v1/jobs", to_bytes("{}"))) == denied);
  CHECK(world.refusal(agent, post("/v1/invitations", {})) == denied);
  CHECK(world.refusal(agent, {"PUT", "/v1/blobs/" + sha256(Bytes{1}).hex(), "", Bytes{1}}) == denied);
  CHECK(world.refusal(world.mallory, post("/v1/agent/lease", wire::encode(wire::fb::LeaseAskT()))) == denied);
  CHECK(world.refusal(world.mallory, post("/v1/agent/heartbeat", wire::encode(wire::fb::HeartbeatT()))) == denied);
  CHECK(world.refusal(world.mallory, get("/v1/agent/blob/" + sha256(Bytes{1}).hex())) == denied);
  CHECK(world.refusal(world.mallory, get("/v1/agents")) == denied);
  wire::fb::InviteT invite;
  invite.role = "agent";
  invite.uses = invite.ttl_s = 1;
  CHECK(world.refusal(world.mallory, post("/v1/invitations", wire::encode(invite))) == denied);
  world.honest_work_goes_on();
}

TEST_CASE("names that would write into logs get nowhere") {
  Two world;
  const std::string contract =
      R"({"ctx":{"job_id":"x\n2026 ERROR forged\u001b[2J"},"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":1}})";
  CHECK(world.ask(*world.mallory.connection, post("/v1/jobs", to_bytes(contract)))->status == 400);
  CHECK(world.refusal(world.mallory, get("/v1/jobs/x%0a2026%20ERROR%20forged")).status == 400);
  // The transport does not even send a raw line break; http3_test.cpp does, past it.
  CHECK(world.ask(*world.mallory.connection, get("/v1/jobs/x\ny")).error().kind == ErrorKind::invalid_input);
  world.honest_work_goes_on();
}
