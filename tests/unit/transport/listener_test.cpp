// A QUIC listener on a real socket, and datagrams from strangers.
#include "../../conformance/transport/world.hpp"

#include "transport/udp_socket.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>

using namespace forgepool;
using namespace forgepool::test;
using namespace forgepool::transport;
using namespace std::chrono_literals;

namespace {

/// Someone who sends anything to a listener and keeps the answers.
struct Stranger {
  Stranger(World& world, std::uint16_t port)
      : socket(UdpSocket::connect(*world.loop, std::make_shared<PacketBuffers>(),
                                  SocketAddress::parse("127.0.0.1", port).value(), true)
                   .value()) {
    socket->watch(
        [this] { socket->receive([this](ByteView bytes, auto&, auto&) { answers.emplace_back(bytes.begin(), bytes.end()); }); },
        {});
  }
  void send(const Bytes& datagram) { socket->send(datagram, datagram.size(), {}, {}); }

  std::unique_ptr<UdpSocket> socket;
  std::vector<Bytes> answers;
};

}  // namespace

TEST_CASE("garbage does not disturb a listener") {
  World world(Backend::quic);
  const auto listener = world.listen(world.listen_options());
  const auto connection = world.connect(*listener);
  CHECK(world.exchange(*connection, get("/"))->status == 200);
  Stranger stranger(world, listener->port());
  std::mt19937 random(11);
  for (int i = 0; i < 3000; ++i) {
    Bytes bytes(1 + random() % 1400);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    if (i % 3 == 0 && bytes.size() > 5)
      bytes[0] |= 0xc0, bytes[1] = bytes[2] = bytes[3] = 0, bytes[4] = 1;  // Looks like QUIC version 1.
    stranger.send(bytes);
    if (i % 100 == 0) CHECK(world.exchange(*connection, post("/", pattern(1000)))->status == 200);
  }
  for (const auto& answer : stranger.answers) CHECK(answer.size() <= 1200);
  CHECK(world.exchange(*connection, get("/"))->status == 200);
  const auto other = world.connect(*listener);
  CHECK(world.exchange(*other, get("/"))->status == 200);
}

TEST_CASE("a QUIC version that nobody speaks is answered with the one that we speak") {
  World world(Backend::quic);
  const auto listener = world.listen(world.listen_options());
  Stranger stranger(world, listener->port());
  Bytes packet(1200, 0);
  packet[0] = 0xc0;
  packet[1] = 0xba, packet[2] = 0xba, packet[3] = 0xba, packet[4] = 0xba;
  packet[5] = 8;  // Destination id, 8 bytes of 0x11.
  std::fill_n(packet.begin() + 6, 8, std::uint8_t{0x11});
  packet[14] = 4;  // Source id, 4 bytes of 0x22.
  std::fill_n(packet.begin() + 15, 4, std::uint8_t{0x22});
  stranger.send(packet);
  world.run_until([&] { return !stranger.answers.empty(); });
  const Bytes& answer = stranger.answers.front();
  REQUIRE(answer.size() >= 5 + 1 + 4 + 1 + 8 + 4);
  CHECK(Bytes(answer.begin() + 1, answer.begin() + 5) == Bytes{0, 0, 0, 0});  // Version negotiation.
  CHECK(Bytes(answer.begin() + 5, answer.begin() + 10) == Bytes{4, 0x22, 0x22, 0x22, 0x22});
  CHECK(Bytes(answer.end() - 4, answer.end()) == Bytes{0, 0, 0, 1});
}

TEST_CASE("a packet of a forgotten connection is answered with a shorter stateless reset") {
  World world(Backend::quic);
  const auto listener = world.listen(world.listen_options());
  Stranger stranger(world, listener->port());
  Bytes packet = pattern(60);
  packet[0] = 0x40;
  stranger.send(packet);
  world.run_until([&] { return !stranger.answers.empty(); });
  CHECK(stranger.answers.front().size() < packet.size());
  CHECK((stranger.answers.front()[0] & 0xc0) == 0x40);
}

TEST_CASE("datagrams of other sizes, and kernels without offloads, carry the same") {
  const bool offload = GENERATE(true, false);
  const std::size_t size = GENERATE(std::size_t{1200}, std::size_t{1452}, std::size_t{8952}, std::size_t{65507});
  CAPTURE(offload, size);
  QuicTransportOptions options;
  options.offload = offload;
  options.max_datagram_bytes = size;
  World world(Backend::quic, options);
  const auto listener = world.listen(world.listen_options());
  const auto connection = world.connect(*listener);
  const auto response = world.exchange(*connection, post("/", pattern(3u << 20)));
  REQUIRE(response);
  CHECK(response->body == pattern(3u << 20));
}

TEST_CASE("a listener on every address serves each of them") {
  World world(Backend::quic);
  auto options = world.listen_options();
  options.address = "0.0.0.0";
  const auto listener = world.listen(options);
  for (const char* address : {"127.0.0.1", "127.0.0.2", "127.9.9.9"}) {
    auto connect_options = world.connect_options(*listener);
    connect_options.address = address;
    const auto connection = world.connect(connect_options);
    CHECK(world.exchange(*connection, get("/"))->status == 200);
  }
}

TEST_CASE("IPv6 works like IPv4") {
  World world(Backend::quic);
  auto options = world.listen_options();
  options.address = "::1";
  auto listener = world.hub_transport->listen(options);
  if (!listener) SKIP("no IPv6 on this machine");
  auto connect_options = world.connect_options(**listener);
  connect_options.address = "::1";
  const auto connection = world.connect(connect_options);
  CHECK(world.exchange(*connection, get("/"))->status == 200);
}

TEST_CASE("names are not looked up") {
  World world(Backend::quic);
  auto options = world.listen_options();
  options.address = "localhost";
  CHECK(world.hub_transport->listen(options).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("dozens of connections at once each get their own answers") {
  World world(Backend::quic);
  auto listen_options = world.listen_options();
  listen_options.limits.max_connections_per_peer = 60;
  const auto listener = world.listen(listen_options);
  std::vector<std::unique_ptr<Connection>> connections;
  std::size_t answered = 0;
  for (std::uint32_t i = 0; i < 60; ++i) {
    connections.push_back(world.connect(*listener));
    for (std::uint32_t k = 0; k < 5; ++k)
      connections.back()->send(post("/", pattern(20'000, i * 5 + k)), [&, i, k](Result<Response> response) {
        REQUIRE(response);
        CHECK(response->body == pattern(20'000, i * 5 + k));
        ++answered;
      });
  }
  world.run_until([&] { return answered == 300; });
}
