// HTTP/3 and FlatBuffers by somebody who means no good.
#include "raw_peer.hpp"

#include <catch2/catch_get_random_seed.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>

using namespace forgepool;
using namespace forgepool::attacks;
using test::data_type, test::fields, test::frame, test::headers_type, test::operator+;
using transport::StreamId;
using namespace std::chrono_literals;

namespace {

struct Raw : World {
  Node agent_node = agent();
  RawPeer peer{*this, agent_node.credentials.identity, hub->port()};

  /// What the hub answers on a fresh stream; empty if it ended the connection.
  std::string answer(const Bytes& bytes, bool fin = true) {
    const StreamId stream = peer.streams->request(bytes, fin);
    // The transport's own answers are lines of text.
    peer.run_until([&] {
      return to_text(peer.streams->answers[stream]).ends_with('\n') || peer.streams->closed_with.contains(stream) ||
             peer.quic->end();
    });
    return to_text(peer.streams->answers[stream]);
  }
};

Bytes headers(std::vector<std::pair<std::string, std::string>> more, const std::string& method = "POST",
              const std::string& path = "/v1/agent/lease") {
  std::vector<std::pair<std::string, std::string>> list = {
      {":method", method}, {":scheme", "https"}, {":authority", "hub"}, {":path", path}};
  list.insert(list.end(), more.begin(), more.end());
  return frame(headers_type, fields(list));
}

}  // namespace

TEST_CASE("header bombs are answered 431") {
  Raw world;
  SECTION("one large field") {
    CHECK(world.answer(headers({{"x", std::string(20'000, 'a')}})).find("larger than the limit") != std::string::npos);
  }
  SECTION("many small fields") {
    std::vector<std::pair<std::string, std::string>> many(2000, {"x", "y"});
    CHECK(world.answer(headers(many)).find("larger than the limit") != std::string::npos);
  }
  world.honest_work_goes_on();
}

TEST_CASE("compression state that nobody offered ends the connection") {
  Raw world;
  world.peer.streams->control({0x02, 0x3f, 0xe1, 0xff, 0x03});  // The encoder stream: a table of 64 KiB, please.
  CHECK(world.peer.run_until([&] { return world.peer.quic->end().has_value(); }));
  world.honest_work_goes_on();
}

TEST_CASE("frames out of order end the connection and reach no handler") {
  Raw world;
  const Bytes bytes = GENERATE(frame(data_type, {1, 2, 3}), frame(4, {}), frame(7, {0}), frame(0x0d, {0}),
                               frame(headers_type, {0xff, 0xff, 0xff}), frame(2, {}), frame(headers_type, {0, 0, 0x80}));
  world.peer.streams->request(bytes);
  CHECK(world.peer.run_until([&] { return world.peer.quic->end().has_value(); }));
  world.honest_work_goes_on();
}

TEST_CASE("a body that is announced as endless is answered 413 at once") {
  Raw world;
  CHECK(world.answer(headers({{"content-length", "109951162777600"}}), false).find("larger than the limit") !=
        std::string::npos);
  world.honest_work_goes_on();
}

TEST_CASE("methods that there are not are answered 405") {
  Raw world;
  for (const char* method : {"DELETE", "TRACE", "PATCH", "OPTIONS", "BREW"})
    CHECK(world.answer(headers({}, method)).find("Use GET") != std::string::npos);
  world.honest_work_goes_on();
}

TEST_CASE("line breaks in a path or a token never reach the hub") {
  Raw world;
  world.answer(headers({}, "GET", "/v1/jobs/x\r\n2026 ERROR forged"));
  world.answer(headers({{"authorization", "Bearer a\r\nx: y"}}));
  world.answer(headers({{"authorization", std::string("Bearer a\0b", 10)}}));
  CHECK_FALSE(world.log->has_control_characters());
  CHECK_FALSE(world.log->mentions("forged"));
  world.honest_work_goes_on();
}

TEST_CASE("a peer gets as many streams as it may have at once and no more, however many it wants") {
  Raw world;
  while (world.peer.quic->streams_left() > 0) world.peer.streams->request(headers({{"content-length", "10"}}), false);
  CHECK(world.peer.streams->sending.size() == 256);
  world.peer.run_until([] { return false; }, 200ms);
  CHECK(world.peer.quic->streams_left() == 0);
  world.honest_work_goes_on();
}

TEST_CASE("streams that are opened and abandoned as fast as can be do not keep the hub busy") {
  Raw world;
  const auto before = resident_bytes();
  int abandoned = 0;
  while (abandoned < 5000 && !world.peer.quic->end()) {
    for (int i = 0; i < 100 && world.peer.quic->streams_left() > 0; ++i, ++abandoned) {
      const auto stream = world.peer.streams->request(headers({{"content-length", "10"}}), false);
      world.peer.run_until([] { return true; }, 1ms);
      world.peer.quic->stop_writing(stream, 0x10c);
      world.peer.quic->stop_reading(stream, 0x10c);
    }
    world.peer.run_until([&] { return world.peer.quic->streams_left() > 0 || world.peer.quic->end(); }, 1s);
  }
  CHECK(resident_bytes() < before + (64u << 20));
  world.honest_work_goes_on();
}

TEST_CASE("many who send slowly and say little cost no more than their share") {
  Raw world;
  const auto before = resident_bytes();
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(std::make_unique<RawPeer>(world, world.agent_node.credentials.identity, world.hub->port()));
    for (int k = 0; k < 50; ++k)
      peers.back()->streams->request(headers({{"content-length", "60000000"}}) + frame(data_type, Bytes(100)), false);
    peers.back()->run_until([] { return false; }, 5ms);
  }
  world.honest_work_goes_on();
  CHECK(resident_bytes() < before + (128u << 20));
}

TEST_CASE("one key has as many connections as it may have and no more") {
  World world;
  Node agent = world.agent();
  std::vector<Connection*> connections;
  int refused = 0;
  for (int i = 0; i < 40; ++i) {
    auto& connection = world.connect(agent.credentials.identity);
    refused += !world.ask(connection, post("/v1/agent/heartbeat", wire::encode(wire::fb::HeartbeatT())));
  }
  CHECK(refused >= 8);
  const auto reasons = world.log->refused_peers();
  CHECK(reasons.back().starts_with("max_connections_per_peer: "));
  world.honest_work_goes_on();
}

TEST_CASE("a truncated message is refused wherever it was cut") {
  World world;
  Node agent = world.agent(), client = world.client();
  REQUIRE(world.submit(client)->status == 200);
  const auto grant = world.lease(agent);
  const Bytes whole = wire::encode(world.report(agent, grant));
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 16) {
    const auto refusal = world.refusal(
        agent, post("/v1/agent/result", Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)), grant.token));
    CHECK(refusal == Refusal{400, "message_malformed"});
  }
  CHECK(world.refusal(agent, post("/v1/agent/result", whole, grant.token)) == Refusal{200, "accepted"});
  world.honest_work_goes_on();
}

TEST_CASE("a message with any bytes changed is refused or harmless, and never an error of the hub's") {
  World world;
  Node agent = world.agent(), client = world.client();
  REQUIRE(world.submit(client, 500)->status == 200);
  std::mt19937 random(Catch::getSeed());
  for (int round = 0; round < 300; ++round) {
    wire::fb::LeaseAskT ask_for;
    ask_for.max_shards = 1;
    ask_for.wait_ms = 0;
    wire::fb::HeartbeatT heartbeat;
    heartbeat.leases = {"l-one", "l-two"};
    wire::fb::LeaseResultT report;
    report.lease = "l-one";
    report.receipt = "{}";
    const std::pair<const char*, Bytes> messages[] = {{"/v1/agent/lease", wire::encode(ask_for)},
                                                      {"/v1/agent/heartbeat", wire::encode(heartbeat)},
                                                      {"/v1/agent/result", wire::encode(report)}};
    auto [path, bytes] = messages[round % 3];
    for (auto edits = 1 + random() % 6; edits > 0; --edits) {
      auto& byte = bytes[random() % bytes.size()];
      byte = random() % 3 == 0 ? 0xff : static_cast<std::uint8_t>(random());
    }
    const auto refusal = world.refusal(agent, post(path, bytes, "x"));
    CHECK(refusal.status >= 200);
    CHECK(refusal.status < 500);
  }
  world.honest_work_goes_on();
}

TEST_CASE("a message that claims to hold more than it has, or nests without end, is refused") {
  World world;
  Node agent = world.agent();
  Bytes bomb(1u << 20, 0);
  for (std::size_t i = 0; i + 4 <= bomb.size(); i += 4) bomb[i] = 4;  // Every offset points to the next.
  CHECK(world.refusal(agent, post("/v1/agent/heartbeat", bomb)) == Refusal{400, "message_malformed"});
  CHECK(world.refusal(agent, post("/v1/agent/heartbeat", Bytes(1u << 20, 0xff))) == Refusal{400, "message_malformed"});
  CHECK(world.refusal(agent, post("/v1/agent/heartbeat", Bytes(8, 0))) == Refusal{400, "message_malformed"});
  world.honest_work_goes_on();
}

TEST_CASE("contracts made to hurt are refused") {
  World world;
  Node client = world.client();
  const auto refused = [&](const std::string& contract, int status) {
    CHECK(world.ask(*client.connection, post("/v1/jobs", to_bytes(contract)))->status == status);
  };
  refused(std::string(200'000, '['), 400);
  refused("{\"op\":" + std::string(100'000, '{') + "}", 400);
  refused(R"({"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":1e999}})", 400);
  refused(R"({"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":1},"args":{"shards":2}})", 400);
  refused(R"({"op":{"name":"../noop","version":"1","profile":"noop.v1"},"args":{"shards":1}})", 400);
  refused(R"({"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":999999999}})", 400);
  world.honest_work_goes_on();
}
