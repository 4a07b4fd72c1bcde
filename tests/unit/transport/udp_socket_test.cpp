// Sockets: batches, offloads, and a kernel that takes no more.
#include "../../conformance/transport/world.hpp"

#include "transport/udp_socket.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <sys/socket.h>
#include <unistd.h>

using namespace forgepool;
using namespace forgepool::test;
using namespace forgepool::transport;

namespace {
const auto buffers = std::make_shared<PacketBuffers>();
}

TEST_CASE("addresses are parsed strictly and written as people write them") {
  CHECK(SocketAddress::parse("127.0.0.1", 80)->str() == "127.0.0.1:80");
  CHECK(SocketAddress::parse("::1", 443)->str() == "[::1]:443");
  CHECK(SocketAddress::parse("0.0.0.0", 1)->is_wildcard());
  CHECK(SocketAddress::parse("::", 1)->is_wildcard());
  CHECK_FALSE(SocketAddress::parse("127.0.0.1", 1)->is_wildcard());
  CHECK(SocketAddress::parse("10.0.0.1", 1).value() == SocketAddress::parse("10.0.0.1", 1).value());
  CHECK_FALSE(SocketAddress::parse("10.0.0.1", 1).value() == SocketAddress::parse("10.0.0.1", 2).value());
  for (const char* text : {"", "localhost", "127.0.0.1:80", "1.2.3", "[::1]", "256.0.0.1", " 127.0.0.1"})
    CHECK(SocketAddress::parse(text, 1).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("a batch arrives datagram by datagram, with and without offloads") {
  const bool offload = GENERATE(true, false);
  const char* const host = GENERATE("127.0.0.1", "::1");
  CAPTURE(offload, host);
  const auto loop = make_event_loop();
  auto server = UdpSocket::bind(*loop, buffers, SocketAddress::parse(host, 0).value(), offload);
  if (!server) SKIP("no " << host << " on this machine");
  const auto client = UdpSocket::connect(*loop, buffers, (*server)->local(), offload).value();
  const Bytes sent = pattern(50 * 1200 + 77);
  Bytes received;
  std::vector<std::size_t> sizes;
  SocketAddress from;
  (*server)->watch(
      [&] {
        (*server)->receive([&](ByteView datagram, const SocketAddress& source, const SocketAddress& to) {
          received.insert(received.end(), datagram.begin(), datagram.end());
          sizes.push_back(datagram.size());
          from = source;
          CHECK(to == (*server)->local());
        });
        if (received.size() >= sent.size()) loop->stop();
      },
      {});
  client->send(sent, 1200, {}, {});
  REQUIRE(loop->run_for(std::chrono::seconds(30)));
  CHECK(received == sent);
  CHECK(sizes.size() == 51);
  CHECK(sizes.front() == 1200);
  CHECK(sizes.back() == 77);
  CHECK(from == client->local());
}

TEST_CASE("a socket bound to every address says which one was called, and answers from it") {
  const auto loop = make_event_loop();
  const auto server = UdpSocket::bind(*loop, buffers, SocketAddress::parse("0.0.0.0", 0).value(), true).value();
  const auto client =
      UdpSocket::connect(*loop, buffers, SocketAddress::parse("127.0.0.2", server->local().port()).value(), true).value();
  bool answered = false;
  server->watch(
      [&] {
        server->receive([&](ByteView datagram, const SocketAddress& from, const SocketAddress& to) {
          CHECK(to.str() == "127.0.0.2:" + std::to_string(server->local().port()));
          const Bytes copy(datagram.begin(), datagram.end());
          server->send(copy, copy.size(), from, to);
        });
      },
      {});
  client->watch(
      [&] { client->receive([&](ByteView, const SocketAddress&, const SocketAddress&) { answered = true, loop->stop(); }); },
      {});
  client->send(pattern(100), 100, {}, {});
  REQUIRE(loop->run_for(std::chrono::seconds(30)));
  CHECK(answered);  // A connected socket takes datagrams from the address it called, and no other.
}

TEST_CASE("what the kernel does not take is queued in order, up to a bound, and `drained` tells when it is gone") {
  const auto loop = make_event_loop();
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0);
  const auto socket = UdpSocket::adopt(*loop, buffers, ends[0]);
  bool drained = false;
  socket->watch([] {}, [&] { drained = true; });
  std::size_t sent = 0;
  for (; sent < 2000; ++sent) socket->send(Bytes(1000, static_cast<std::uint8_t>(sent)), 1000, {}, {});
  REQUIRE(socket->congested());
  std::size_t got = 0;
  std::uint8_t buffer[2000];
  auto reader = loop->watch(ends[1], Readiness::readable, [&] {
    for (;;) {
      const ssize_t size = recv(ends[1], buffer, sizeof buffer, 0);
      if (size < 0) break;
      REQUIRE(size == 1000);
      REQUIRE(buffer[0] == static_cast<std::uint8_t>(got));
      ++got;
    }
    if (got == sent) loop->stop();
  });
  loop->run_for(std::chrono::seconds(30));
  CHECK(got == sent);
  loop->post([&] { loop->stop(); });
  loop->run_for(std::chrono::seconds(30));
  CHECK(drained);
  CHECK_FALSE(socket->congested());

  reader.reset();

  // Beyond the bound it is lost, like any datagram; the queue does not grow.
  for (std::size_t i = 0; i < 2 * UdpSocket::max_queued_bytes / 1000; ++i) socket->send(Bytes(1000, 1), 1000, {}, {});
  std::size_t kept = 0;
  while (recv(ends[1], buffer, sizeof buffer, 0) > 0) ++kept;
  const auto rest = loop->watch(ends[1], Readiness::readable, [&] {
    while (recv(ends[1], buffer, sizeof buffer, 0) > 0) ++kept;
    if (!socket->congested()) loop->stop();
  });
  loop->run_for(std::chrono::seconds(30));
  CHECK(kept * 1000 <= UdpSocket::max_queued_bytes + 1'000'000);
  close(ends[1]);
}

TEST_CASE("a batch that is taken in part goes on where it stopped") {
  const auto loop = make_event_loop();
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0);
  const auto socket = UdpSocket::adopt(*loop, buffers, ends[0]);
  socket->watch([] {}, {});
  const Bytes sent = pattern(600 * 100 + 50);
  socket->send(sent, 100, {}, {});
  REQUIRE(socket->congested());
  Bytes received;
  const auto reader = loop->watch(ends[1], Readiness::readable, [&] {
    std::uint8_t buffer[200];
    for (ssize_t size; (size = recv(ends[1], buffer, sizeof buffer, 0)) > 0;)
      received.insert(received.end(), buffer, buffer + size);
    if (received.size() == sent.size()) loop->stop();
  });
  REQUIRE(loop->run_for(std::chrono::seconds(30)));
  CHECK(received == sent);
  close(ends[1]);
}

TEST_CASE("a batch that the kernel does not segment arrives all the same, and later ones are segmented again") {
  const auto loop = make_event_loop();
  const auto server = UdpSocket::bind(*loop, buffers, SocketAddress::parse("127.0.0.1", 0).value(), true).value();
  const auto client = UdpSocket::connect(*loop, buffers, server->local(), true).value();
  std::size_t datagrams = 0, expected = 0;
  server->watch(
      [&] {
        server->receive([&](ByteView, const SocketAddress&, const SocketAddress&) { ++datagrams; });
        if (datagrams == expected) loop->stop();
      },
      {});
  const auto send = [&](std::size_t count, std::size_t bytes) {
    expected += count;
    client->send(Bytes(count * bytes, 'x'), bytes, {}, {});
    REQUIRE(loop->run_for(std::chrono::seconds(30)));
    CHECK(datagrams == expected);
  };
  CHECK(client->segments());
  // More segments than any kernel takes in one call (EINVAL).
  send(150, 20);
  CHECK_FALSE(client->segments());
  send(5, 1200);
  CHECK(client->segments());
  // It fails again: two batches go one by one.
  send(150, 20);
  send(2, 1200);
  CHECK_FALSE(client->segments());
  send(1, 1200);  // A single datagram is no batch.
  CHECK_FALSE(client->segments());
  send(2, 1200);
  CHECK(client->segments());
  // A success forgives what was.
  send(5, 1200);
  send(150, 20);
  send(2, 1200);
  CHECK(client->segments());
}
