// A client that passed the handshake and then says what no HTTP/3 client should.
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include "raw_streams.hpp"

using namespace forgepool;
using namespace forgepool::test;
using namespace forgepool::transport;

TEST_CASE("a hand-made request is understood") {
  RawClient attack;
  const StreamId stream = attack.raw.request(request_headers({{"content-length", "2"}}) + frame(data_type, {'h', 'i'}));
  attack.settle();
  REQUIRE(attack.arrived_requests.size() == 1);
  CHECK(attack.arrived_requests[0].path == "/x");
  CHECK(to_text(attack.arrived_requests[0].body) == "hi");
  CHECK_FALSE(attack.raw.answers[stream].empty());
  CHECK_FALSE(attack.link.server->end());
}

TEST_CASE("malformed requests never reach the handler") {
  using List = std::vector<std::pair<std::string, std::string>>;
  const auto headers = [](const List& list) { return frame(headers_type, fields(list)); };
  const List good = {{":method", "GET"}, {":scheme", "https"}, {":authority", "hub"}, {":path", "/"}};
  const auto with = [&](std::pair<std::string, std::string> field) {
    List list = good;
    list.push_back(std::move(field));
    return headers(list);
  };
  const Bytes request = GENERATE_COPY(
      headers({}), headers({{":method", "GET"}}), headers({{":method", "GET"}, {":scheme", "https"}, {":authority", "hub"}}),
      headers({{":method", "GET"}, {":scheme", "https"}, {":path", ""}, {":authority", "hub"}}),
      headers({{":method", "GET"}, {":scheme", "ftp"}, {":path", "no-slash"}, {":authority", "hub"}}),
      headers({{":method", "GET"}, {":scheme", "https"}, {":path", "no-slash"}, {":authority", "hub"}}),
      headers({{"x", "before"}, {":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "hub"}}),
      with({":path", "/twice"}), with({":status", "200"}), with({"Upper", "x"}), with({"connection", "close"}),
      with({"transfer-encoding", "chunked"}), with({"content-length", "-1"}), with({"content-length", "99999999999999999999"}),
      headers(good) + headers(good) + headers(good), frame(data_type, {1, 2, 3}), frame(data_type, {1}) + headers(good),
      with({"content-length", "5"}) + frame(data_type, {1}), with({"content-length", "1"}) + frame(data_type, {1, 2}),
      frame(headers_type, {0xff, 0xff, 0xff, 0xff}), frame(headers_type, {0, 0, 0x80}), frame(headers_type, {5, 0x80, 0x10}),
      frame(3, {0}), frame(4, {}), frame(5, {0}), frame(7, {0}), frame(13, {0}), frame(2, {}), frame(6, {}));
  CAPTURE(to_hex(request));
  RawClient attack;
  attack.raw.request(request);
  attack.settle();
  CHECK(attack.arrived_requests.empty());
}

TEST_CASE("a value that could be taken for something else does not reach the handler") {
  const std::string value =
      GENERATE(std::string("Bearer a\0b", 10), std::string("Bearer a\r\nx: y"), std::string("Bearer a\x7f"));
  RawClient attack;
  attack.raw.request(request_headers({{"authorization", value}}));
  attack.settle();
  for (const auto& request : attack.arrived_requests) CHECK(request.authorization.empty());
}

TEST_CASE("random bytes on a request stream never reach the handler") {
  const std::uint32_t seed = GENERATE(range(1u, 60u));
  CAPTURE(seed);
  RawClient attack;
  std::mt19937 random(seed);
  for (int i = 0; i < 5; ++i) {
    Bytes bytes(random() % 400);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    attack.raw.request(std::move(bytes), random() % 2 == 0);
  }
  attack.settle();
  CHECK(attack.arrived_requests.empty());
}

TEST_CASE("a mutated request is refused or understood, and never crashes") {
  const std::uint32_t seed = GENERATE(range(1u, 100u));
  CAPTURE(seed);
  RawClient attack;
  std::mt19937 random(seed);
  Bytes bytes = request_headers({{"content-length", "300"}, {"authorization", "Bearer abc"}}) + frame(data_type, Bytes(300, 7));
  for (unsigned i = 0; i <= seed % 4; ++i) bytes[random() % 120] ^= static_cast<std::uint8_t>(1u << (random() % 8));
  attack.raw.request(std::move(bytes));
  attack.settle();
  CHECK(attack.arrived_requests.size() <= 1);
}

TEST_CASE("random bytes on control streams end the connection at worst") {
  const std::uint32_t seed = GENERATE(range(1u, 60u));
  CAPTURE(seed);
  RawClient attack;
  std::mt19937 random(seed);
  for (std::uint8_t type = 0; type < 6; ++type) {
    Bytes bytes = {type};
    for (std::size_t i = random() % 100; i > 0; --i) bytes.push_back(static_cast<std::uint8_t>(random()));
    attack.raw.control(std::move(bytes));
  }
  attack.settle();
  CHECK(attack.arrived_requests.empty());
}

TEST_CASE("a header section that never ends is cut off") {
  RawClient attack({.max_header_bytes = 4096});
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 2000; ++i) many.emplace_back("h" + std::to_string(i), std::string(20, 'v'));
  const StreamId stream = attack.raw.request(request_headers(many));
  attack.settle();
  CHECK(attack.arrived_requests.empty());
  CHECK_FALSE(attack.raw.answers[stream].empty());  // 431
  CHECK_FALSE(attack.link.server->end());
}

TEST_CASE("trailers are dropped, and count against the headers' limit") {
  RawClient attack({.max_header_bytes = 4096});
  attack.raw.request(request_headers() + frame(data_type, {1}) + frame(headers_type, fields({{"x-checksum", "1"}})));
  attack.settle();
  CHECK(attack.arrived_requests.size() == 1);
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 200; ++i) many.emplace_back("t" + std::to_string(i), "v");
  attack.raw.request(request_headers() + frame(data_type, {1}) + frame(headers_type, fields(many)));
  attack.settle();
  CHECK(attack.arrived_requests.size() == 1);
}

TEST_CASE("abandoning requests as soon as they are made does not multiply the handlers at work") {
  const Authority authority;
  QuicSettings settings;
  settings.max_streams = 8;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {}, settings);
  RawStreams raw(*link.client);
  link.use_streams(raw);
  std::vector<StreamId> at_work;
  link.handler = [&](Http3Server::Arrived arrived) { at_work.push_back(arrived.stream); };
  REQUIRE(link.run_until([&] { return raw.is_started; }));
  std::size_t made = 0;
  const auto flood = [&] {
    for (auto& [stream, sending] : raw.sending)
      if (sending.done) link.client->stop_reading(stream, 0x10c);
    while (link.client->streams_left() > 0 && made < 1000) raw.request(request_headers()), ++made;
    return false;
  };
  link.run_until(flood, std::chrono::seconds(20));
  CHECK(at_work.size() == 8);
  for (const StreamId stream : std::exchange(at_work, {})) link.http_server->respond(stream, {200, "text/plain", {}});
  link.run_until(flood, std::chrono::seconds(20));
  CHECK(at_work.size() == 8);  // As many again, and no more.
}

TEST_CASE("incomplete bodies of many requests are held up to the budget, and yet each gets done") {
  const Authority authority;
  QuicSettings settings;
  settings.window_bytes = 1u << 20;
  const Http3Limits limits{.max_body_bytes = 4u << 20, .max_held_bytes = 5u << 20};
  SimulatedLink link(authority, SimulatedLink::honest(authority), {.delay = std::chrono::milliseconds(1)}, settings, limits);
  std::size_t handled = 0, answered = 0;
  link.handler = [&](Http3Server::Arrived arrived) {
    ++handled;
    CHECK(arrived.request.body.size() == 4u << 20);
    link.http_server->respond(arrived.stream, {200, "text/plain", {}});
  };
  REQUIRE(link.run_until([&] { return link.http_client->ready(); }));
  for (std::uint32_t i = 0; i < 12; ++i) REQUIRE(link.http_client->submit(post("/", pattern(4u << 20, i))));
  CHECK(link.run_until([&] {
    answered += link.http_client->take_answered().size();
    return answered == 12;
  }));
  CHECK(handled == 12);
}
