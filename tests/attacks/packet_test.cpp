// Below HTTP: datagrams from strangers, forged addresses, Retry, and connections that move.
#include "raw_peer.hpp"

#include "transport/stateless_packets.hpp"

#include <catch2/catch_get_random_seed.hpp>

#include <random>

using namespace forgepool;
using namespace forgepool::attacks;
using namespace std::chrono_literals;

namespace {

bool is_long_header(const Bytes& datagram, unsigned type) {
  return !datagram.empty() && (datagram[0] & 0x80) != 0 && ((datagram[0] >> 4) & 3) == type;
}
bool is_retry(const Bytes& datagram) {
  return is_long_header(datagram, 3);
}

/// As many handshakes that nobody goes on with that the next newcomer must prove its address.
std::vector<std::unique_ptr<Stranger>> crowd(World& world) {
  std::vector<std::unique_ptr<Stranger>> strangers;
  for (int i = 0; i < 70; ++i) {
    strangers.push_back(std::make_unique<Stranger>(world, world.hub->port()));
    strangers.back()->send(first_datagram(world));
    world.run_for(1ms);
  }
  return strangers;
}

}  // namespace

TEST_CASE("garbage by the thousand disturbs nobody") {
  World world;
  std::mt19937 random(Catch::getSeed());
  for (const auto port : {world.hub->port(), world.hub->enrolment_port()}) {
    Stranger stranger(world, port);
    for (int i = 0; i < 2000; ++i) {
      Bytes bytes(1 + random() % 1400);
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
      if (i % 2 == 0 && bytes.size() > 5)
        bytes[0] |= 0xc0, bytes[1] = bytes[2] = bytes[3] = 0, bytes[4] = 1;  // QUIC version 1, it says.
      stranger.send(bytes);
      if (i % 100 == 0) world.run_for(1ms);
    }
    CHECK(stranger.received_bytes <= stranger.sent_bytes);
  }
  world.honest_work_goes_on();
}

TEST_CASE("an address that was not proved gets at most three times what came from it") {
  World world;
  Stranger stranger(world, world.hub->port());
  stranger.send(first_datagram(world));
  // The hub repeats itself while nobody answers.
  world.run_for(1500ms);
  CHECK(stranger.received_bytes > 0);
  CHECK(stranger.received_bytes <= 3 * stranger.sent_bytes);
  world.honest_work_goes_on();
}

TEST_CASE("under load a newcomer has to prove its address, which costs the hub a packet; who does gets in") {
  World world;
  const auto strangers = crowd(world);
  Stranger newcomer(world, world.hub->port());
  newcomer.send(first_datagram(world));
  world.run_until([&] { return !newcomer.answers.empty(); });
  CHECK(is_retry(newcomer.answers.front()));
  CHECK(newcomer.received_bytes < newcomer.sent_bytes / 4);
  world.honest_work_goes_on();
}

TEST_CASE("a token that was made up, or for another address, does not get past a Retry") {
  World world;
  const auto strangers = crowd(world);
  // A first packet with a token in it: the hub's own from one address, sent from another.
  Stranger one(world, world.hub->port()), two(world, world.hub->port());
  const Bytes plain = first_datagram(world);
  one.send(plain);
  world.run_until([&] { return !one.answers.empty(); });
  const Bytes& retry = one.answers.front();
  REQUIRE(is_retry(retry));
  const std::size_t id_size = retry[5 + 1 + retry[5]], id_at = 6u + retry[5] + 1, token_at = id_at + id_size,
                    token_size = retry.size() - 16 - token_at;
  // version … destination id (the new one) … source id … token. What follows need not be readable: the token is looked at
  // first.
  Bytes forged = {0xc3, 0, 0, 0, 1, static_cast<std::uint8_t>(id_size)};
  forged.insert(forged.end(), retry.begin() + static_cast<std::ptrdiff_t>(id_at),
                retry.begin() + static_cast<std::ptrdiff_t>(token_at));
  forged.push_back(8);
  forged.insert(forged.end(), 8, 0x22);
  test::put_number(forged, token_size);
  forged.insert(forged.end(), retry.begin() + static_cast<std::ptrdiff_t>(token_at),
                retry.begin() + static_cast<std::ptrdiff_t>(token_at + token_size));
  test::put_number(forged, 1000);
  forged.resize(1200, 0x55);
  two.send(forged);
  world.run_until([&] { return !two.answers.empty(); });
  CHECK(is_long_header(two.answers.front(), 0));  // An Initial that closes: INVALID_TOKEN.
  const auto reasons = world.log->refused_peers();
  REQUIRE(!reasons.empty());
  CHECK(reasons.back().starts_with("retry_token: "));
  world.honest_work_goes_on();
}

TEST_CASE("handshakes that nobody goes on with hold a bounded number of places and little memory") {
  World world;
  const auto before = resident_bytes();
  std::vector<std::unique_ptr<Stranger>> strangers;
  for (int i = 0; i < 200; ++i) {
    strangers.push_back(std::make_unique<Stranger>(world, world.hub->port()));
    for (int k = 0; k < 5; ++k) strangers.back()->send(first_datagram(world));
    if (i % 20 == 0) world.run_for(2ms);
  }
  world.run_for(20ms);
  std::size_t retries = 0;
  for (const auto& stranger : strangers)
    for (const auto& answer : stranger->answers) retries += is_retry(answer);
  CHECK(retries >= 500);
  CHECK(resident_bytes() < before + (64u << 20));
  world.honest_work_goes_on();
}

TEST_CASE("early data reaches nobody: there is none, replayed or not") {
  World world;
  Stranger stranger(world, world.hub->port());
  Bytes initial = first_datagram(world);
  stranger.send(initial);
  world.run_until([&] { return !stranger.answers.empty(); });
  const auto records = world.log->records();
  // A packet of the type 0-RTT for the same connection, over and over.
  Bytes early = {0xd3, 0, 0, 0, 1};
  early.insert(early.end(), initial.begin() + 5, initial.begin() + 5 + 1 + initial[5] + 1 + initial[6u + initial[5]]);
  test::put_number(early, 1000);
  early.resize(1200, 0x33);
  for (int i = 0; i < 20; ++i) stranger.send(early);
  world.run_for(20ms);
  CHECK(world.log->records() == records);
  world.honest_work_goes_on();
}

TEST_CASE("other versions of QUIC are told which one there is") {
  World world;
  Stranger stranger(world, world.hub->port());
  Bytes packet = first_datagram(world);
  packet[1] = packet[2] = packet[3] = packet[4] = 0xba;
  stranger.send(packet);
  world.run_until([&] { return !stranger.answers.empty(); });
  CHECK(Bytes(stranger.answers.front().begin() + 1, stranger.answers.front().begin() + 5) == Bytes{0, 0, 0, 0});
  CHECK(stranger.answers.front().size() < packet.size());
  world.honest_work_goes_on();
}

TEST_CASE("a connection whose address changes goes on, and its token with it") {
  World world;
  Node agent = world.agent();
  RawPeer peer(world, agent.credentials.identity, world.hub->port());
  const auto asks = [&] {
    const auto stream = peer.streams->request(
        test::frame(test::headers_type,
                    test::fields({{":method", "GET"}, {":scheme", "https"}, {":authority", "hub"}, {":path", "/nowhere"}})));
    return peer.run_until([&] { return !peer.streams->answers[stream].empty(); });
  };
  CHECK(asks());
  peer.move();
  CHECK(asks());
  CHECK(asks());
  world.honest_work_goes_on();
}

TEST_CASE("packets that are copied and sent from elsewhere draw nothing there and change nothing") {
  World world;
  Node agent = world.agent();
  RawPeer peer(world, agent.credentials.identity, world.hub->port());
  const auto asks = [&] {
    const auto stream = peer.streams->request(
        test::frame(test::headers_type,
                    test::fields({{":method", "GET"}, {":scheme", "https"}, {":authority", "hub"}, {":path", "/nowhere"}})));
    return peer.run_until([&] { return !peer.streams->answers[stream].empty(); });
  };
  CHECK(asks());
  const auto records = world.log->records();
  peer.replay_from_elsewhere();
  world.run_for(30ms);
  std::size_t replayed = 0;
  for (const auto& datagram : peer.sent) replayed += datagram.size();
  CHECK(peer.received_elsewhere <= 3 * replayed);
  CHECK(world.log->records() == records);  // No request a second time.
  CHECK(asks());
  world.honest_work_goes_on();
}

TEST_CASE("a client that does not speak HTTP/3 is refused") {
  World world;
  Node agent = world.agent();
  const auto tls =
      must(transport::TlsContext::make(transport::Role::client, agent.credentials.identity,
                                       [](const std::vector<Bytes>&, Time) -> Result<std::string> { return std::string(); }));
  static constexpr std::uint8_t protocol[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(tls->native(), protocol, sizeof protocol);
  const auto address = must(transport::SocketAddress::parse("127.0.0.1", world.hub->port()));
  Stranger wire(world, world.hub->port());
  const auto quic = must(transport::QuicConnection::connect(tls, {}, {wire.socket->local(), address}, world.loop->now()));
  Bytes buffer(65536);
  world.run_until([&] {
    for (const auto& answer : std::exchange(wire.answers, {}))
      quic->receive(answer, {wire.socket->local(), address}, world.loop->now());
    for (;;) {
      const auto batch = quic->produce(buffer, world.loop->now());
      if (batch.bytes == 0) break;
      wire.socket->send(ByteView(buffer).first(batch.bytes), batch.segment_bytes, {}, {});
    }
    return quic->end().has_value();
  });
  CHECK(quic->end()->error.kind == ErrorKind::unauthenticated);
  CHECK(world.log->refused_peers() == std::vector<std::string>{"it does not speak HTTP/3 (ALPN h3)"});
  world.honest_work_goes_on();
}
