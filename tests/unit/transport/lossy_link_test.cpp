// The QUIC core on bad networks, under virtual time.
#include "simulated_link.hpp"

#include "transport/stateless_packets.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

using namespace forgepool;
using namespace forgepool::test;
using namespace forgepool::transport;
using namespace std::chrono_literals;

namespace {

// Sends requests as streams become free, and checks that every answer is the echo.
bool exchange_all(SimulatedLink& link, std::uint32_t count, std::size_t bytes) {
  std::map<StreamId, std::uint32_t> asked;
  std::uint32_t next = 0, answered = 0;
  return link.run_until([&] {
    while (next < count && link.http_client->ready()) {
      const auto stream = link.http_client->submit(post("/", pattern(bytes, next)));
      if (!stream) break;
      asked.emplace(*stream, next++);
    }
    for (auto& [stream, response] : link.http_client->take_answered()) {
      REQUIRE(response);
      REQUIRE(response->body == pattern(bytes, asked.at(stream)));
      ++answered;
    }
    if (link.client->end()) FAIL(link.client->end()->error.message);
    return answered == count;
  });
}

}  // namespace

TEST_CASE("requests survive loss, reordering and duplication") {
  const Authority authority;
  const std::uint32_t seed = GENERATE(range(1u, 11u));
  CAPTURE(seed);
  SimulatedLink link(authority, SimulatedLink::honest(authority),
                     {.loss = 0.05, .duplication = 0.05, .reordering = 0.1, .seed = seed});
  CHECK(exchange_all(link, 100, 3000));
  CHECK(link.lost > 0);
}

TEST_CASE("a large body survives heavy loss") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {.loss = 0.02, .reordering = 0.05, .seed = 7});
  CHECK(exchange_all(link, 2, 3u << 20));
}

TEST_CASE("a handshake survives any single lost datagram") {
  const Authority authority;
  const std::size_t victim = GENERATE(range(0u, 12u));
  CAPTURE(victim);
  SimulatedLink link(authority, SimulatedLink::honest(authority), {});
  std::size_t seen = 0;
  link.tamper = [&](Bytes& datagram, bool) {
    if (seen++ == victim) datagram.assign(1, 0);  // As good as lost.
  };
  CHECK(exchange_all(link, 1, 100));
}

TEST_CASE("flipping any one bit of each of the first three datagrams does no more than losing them") {
  const Authority authority;
  const std::uint32_t seed = GENERATE(range(1u, 41u));
  CAPTURE(seed);
  SimulatedLink link(authority, SimulatedLink::honest(authority), {});
  std::mt19937 random(seed);
  std::size_t seen = 0;
  // A client that hears nothing sends again after 1, 3 and 7 seconds: the fourth try comes within the handshake timeout.
  link.tamper = [&](Bytes& datagram, bool) {
    if (seen++ < 3) datagram[random() % datagram.size()] ^= static_cast<std::uint8_t>(1u << (random() % 8));
  };
  CHECK(exchange_all(link, 1, 100));
}

TEST_CASE("truncated datagrams are lost datagrams") {
  const Authority authority;
  const std::uint32_t seed = GENERATE(range(1u, 21u));
  CAPTURE(seed);
  SimulatedLink link(authority, SimulatedLink::honest(authority), {});
  std::mt19937 random(seed);
  link.tamper = [&](Bytes& datagram, bool) {
    if (random() % 10 == 0) datagram.resize(random() % datagram.size());
  };
  CHECK(exchange_all(link, 30, 2000));
}

TEST_CASE("tampering with an established connection changes nothing that is received") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {});
  REQUIRE(exchange_all(link, 1, 10));
  std::mt19937 random(3);
  link.tamper = [&](Bytes& datagram, bool) {
    if (random() % 4 == 0) datagram[random() % datagram.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
  };
  CHECK(exchange_all(link, 100, 5000));
}

TEST_CASE("a connection goes on when its path becomes narrower, in both directions, beside small requests that arrive") {
  const Authority authority;
  const std::size_t path_mtu = GENERATE(1280u, 1240u);
  SimulatedLink link(authority, SimulatedLink::honest(authority), {}, {.max_datagram_bytes = 1452, .idle_timeout = 30s});
  REQUIRE(exchange_all(link, 20, 100'000));  // The search for a larger size is over by then.
  std::size_t largest = 0, too_large = 0;
  link.tamper = [&](Bytes& datagram, bool) {
    largest = std::max(largest, datagram.size());
    if (datagram.size() <= path_mtu - 28) return;  // IPv4 and UDP.
    ++too_large;
    datagram.clear();
  };
  link.client->keep_alive(true);
  const Time narrow_since = link.now;
  CHECK(exchange_all(link, 4, 1u << 20));
  CHECK(largest > path_mtu - 28);
  CHECK(link.now - narrow_since < 1min);
  const auto before = too_large;
  CHECK(exchange_all(link, 4, 1u << 20));
  CHECK(too_large == before);  // It has learned.
}

TEST_CASE("losses alone do not make a connection send smaller datagrams") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {.loss = 0.1, .seed = 5});
  REQUIRE(exchange_all(link, 20, 100'000));
  std::size_t largest = 0;
  link.tamper = [&](Bytes& datagram, bool) { largest = std::max(largest, datagram.size()); };
  CHECK(exchange_all(link, 4, 1u << 20));
  largest = 0;
  CHECK(exchange_all(link, 1, 100'000));
  CHECK(largest == 1452);
}

TEST_CASE("a client that hears nothing gives up at the handshake timeout") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {}, {.handshake_timeout = 10s});
  link.server_reachable = false;
  const Time start = link.now;
  CHECK(link.run_until([&] { return link.client->end().has_value(); }));
  CHECK(link.now - start == 10s);
  CHECK(link.client->end()->error.kind == ErrorKind::unavailable);
}

TEST_CASE("a server drops a handshake that is not finished in time, and says why") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {}, {.handshake_timeout = 10s});
  REQUIRE(link.run_until([&] { return link.server != nullptr; }));
  link.server_reachable = false;
  CHECK(link.run_until([&] { return link.server->end().has_value(); }));
  REQUIRE(link.server->end()->refusal);
  CHECK(link.server->end()->refusal->find("handshake timeout") != std::string::npos);
}

TEST_CASE("an idle connection ends at the idle timeout; one that is kept alive does not") {
  const Authority authority;
  const bool kept_alive = GENERATE(true, false);
  SimulatedLink link(authority, SimulatedLink::honest(authority), {}, {.idle_timeout = 30s});
  REQUIRE(exchange_all(link, 1, 10));
  link.client->keep_alive(kept_alive);
  CHECK(link.run_until([&] { return link.client->end().has_value(); }, 10min) == !kept_alive);
  if (!kept_alive) {
    CHECK(link.client->end()->error.kind == ErrorKind::unavailable);
    CHECK(link.run_until([&] { return link.server->finished(); }));
  } else {
    CHECK_FALSE(link.server->end());
  }
}

TEST_CASE("a response that takes a minute arrives while the connection is kept alive") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {.loss = 0.02, .seed = 5}, {.idle_timeout = 30s});
  std::optional<Time> answer_at;
  StreamId stream = -1;
  link.handler = [&](Http3Server::Arrived arrived) {
    stream = arrived.stream;
    answer_at = link.now + 60s;
  };
  REQUIRE(link.run_until([&] { return link.http_client->ready(); }));
  link.http_client->submit(get("/poll"));
  link.client->keep_alive(true);
  bool answered = false;
  CHECK(link.run_until([&] {
    if (answer_at && link.now >= *answer_at) link.http_server->respond(stream, {200, "text/plain", {}}), answer_at.reset();
    answered = answered || !link.http_client->take_answered().empty();
    return answered;
  }));
}

TEST_CASE("closing reaches the peer, and both ends finish") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {.loss = 0.3, .seed = 9});
  REQUIRE(exchange_all(link, 1, 10));
  link.server->close(link.now);
  REQUIRE(link.server->end());
  // The notice may be lost; whatever the client then sends brings another one.
  link.client->keep_alive(true);
  CHECK(link.run_until([&] { return link.client->end().has_value(); }));
  CHECK(link.client->end()->error.kind == ErrorKind::unavailable);
  CHECK(link.run_until([&] { return link.client->finished() && link.server->finished(); }));
}

TEST_CASE("a stateless reset ends a connection that the peer has forgotten; one made with another secret does not") {
  const Authority authority;
  QuicSettings settings;
  settings.reset_secret.fill(7);
  SimulatedLink link(authority, SimulatedLink::honest(authority), {}, settings);
  Bytes last;
  link.tamper = [&](Bytes& datagram, bool to_server) {
    if (to_server) last = datagram;
  };
  REQUIRE(exchange_all(link, 3, 5000));
  REQUIRE((last[0] & 0x80) == 0);  // A short header: the id that we gave the server stands behind the first byte.
  const ByteView id = ByteView(last).subspan(1, connection_id_bytes);
  const Path path{SocketAddress::parse("192.0.2.1", 1111).value(), SocketAddress::parse("192.0.2.2", 4433).value()};
  DatagramBuffer buffer;
  ResetSecret other;
  other.fill(8);
  std::size_t size = write_stateless_reset(buffer, other, id, 100);
  REQUIRE(size > 0);
  link.client->receive(ByteView(buffer).first(size), path, link.now);
  CHECK_FALSE(link.client->end());
  size = write_stateless_reset(buffer, settings.reset_secret, id, 100);
  link.client->receive(ByteView(buffer).first(size), path, link.now);
  REQUIRE(link.client->end());
  CHECK(link.client->end()->error.kind == ErrorKind::unavailable);
  CHECK(link.client->end()->error.message.find("restarted") != std::string::npos);
}

TEST_CASE("stateless answers are never larger than what caused them") {
  DatagramBuffer buffer;
  const Bytes id(connection_id_bytes, 1);
  for (std::size_t received = 1; received < 100; ++received) CHECK(write_stateless_reset(buffer, {}, id, received) < received);
  ngtcp2_version_cid version{};
  version.version = 0xff00001d;
  version.dcid = version.scid = id.data();
  version.dcidlen = version.scidlen = id.size();
  CHECK(write_version_negotiation(buffer, version, 1199) == 0);
  CHECK(write_version_negotiation(buffer, version, 1200) > 0);
}

TEST_CASE("a client whose server went silent notices at the idle timeout") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {}, {.idle_timeout = 30s});
  REQUIRE(exchange_all(link, 1, 10));
  link.tamper = [](Bytes& datagram, bool) { datagram.assign(1, 0); };  // As good as lost, both ways.
  link.client->keep_alive(true);
  const Time start = link.now;
  CHECK(link.run_until([&] { return link.client->end().has_value(); }, 5min));
  CHECK(link.now - start < 60s);
}
