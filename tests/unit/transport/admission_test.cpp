// Who finds a place at a listener: Retry, shares of addresses and peers, and peers that take their time.
#include "raw_streams.hpp"

#include "transport/listener_usage.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace forgepool::test;
using namespace forgepool::transport;
using namespace std::chrono_literals;

TEST_CASE("a client that is sent a Retry comes again with its token and gets in") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {});
  link.retry = true;
  CHECK(link.run_until([&] { return link.server && link.server->established(); }));
  CHECK(link.retries >= 1);  // The first flight with a hybrid key is two datagrams.
  CHECK(link.invalid_tokens == 0);
}

TEST_CASE("a Retry token is good for the address, the ids and the ten seconds that it was made for") {
  const ResetSecret secret{1}, other{2};
  const auto here = SocketAddress::parse("192.0.2.1", 1000).value();
  const Time now = std::chrono::system_clock::now();
  ngtcp2_pkt_hd first{};
  first.version = NGTCP2_PROTO_VER_V1;
  first.dcid.datalen = first.scid.datalen = 16;
  first.dcid.data[0] = 1;
  DatagramBuffer out;
  const auto size = write_retry(out, secret, first, here, now);
  REQUIRE(size > 0);
  // The new id is the Retry's source id; the token stands between it and the 16 bytes of integrity tag.
  const std::size_t id_at = 6 + first.scid.datalen + 1;
  ngtcp2_pkt_hd second = first;
  second.dcid.datalen = out[id_at - 1];
  std::copy_n(out.begin() + id_at, second.dcid.datalen, second.dcid.data);
  Bytes token(out.begin() + static_cast<std::ptrdiff_t>(id_at + second.dcid.datalen),
              out.begin() + static_cast<std::ptrdiff_t>(size - 16));
  second.token = token.data();
  second.tokenlen = token.size();
  using enum RetryToken::Verdict;
  const auto good = check_retry_token(secret, second, here, now + 9s);
  REQUIRE(good.verdict == valid);
  CHECK(ngtcp2_cid_eq(&good.original_id, &first.dcid));
  CHECK(check_retry_token(secret, first, here, now).verdict == none);
  CHECK(check_retry_token(secret, second, here, now + 11s).verdict == invalid);
  CHECK(check_retry_token(secret, second, SocketAddress::parse("192.0.2.9", 1000).value(), now).verdict == invalid);
  CHECK(check_retry_token(secret, second, SocketAddress::parse("192.0.2.1", 1001).value(), now).verdict == invalid);
  CHECK(check_retry_token(other, second, here, now).verdict == invalid);
  for (auto& byte : token) {
    byte ^= 1;
    CHECK(check_retry_token(secret, second, here, now).verdict == invalid);
    byte ^= 1;
  }
  second.dcid.data[0] ^= 1;
  CHECK(check_retry_token(secret, second, here, now).verdict == invalid);
}

TEST_CASE("a listener under load asks newcomers to prove their address, and serves them") {
  World world(Backend::quic);
  auto options = world.listen_options();
  options.limits.retry_above_handshakes = 0;
  const auto listener = world.listen(options);
  const auto connection = world.connect(*listener);
  CHECK(world.exchange(*connection, get("/"))->status == 200);
}

TEST_CASE("an address has its share of connections and handshakes, and a site of IPv6 addresses is one") {
  TransportLimits limits;
  limits.max_connections = 5;
  limits.max_connections_per_address = 3;
  limits.max_handshakes_per_address = 2;
  ListenerUsage usage(limits);
  const auto at = [](const char* address) { return SocketAddress::parse(address, 9).value(); };
  CHECK_FALSE(usage.begin(at("2001:db8::1")));
  CHECK_FALSE(usage.begin(at("2001:db8::2")));
  CHECK(usage.begin(at("2001:db8::3"))->starts_with("max_handshakes_per_address"));
  CHECK_FALSE(usage.begin(at("2001:db8:0:1::3")));
  usage.handshake_over(at("2001:db8::7"));
  CHECK_FALSE(usage.begin(at("2001:db8::3")));
  usage.handshake_over(at("2001:db8::1"));
  CHECK(usage.begin(at("2001:db8::4"))->starts_with("max_connections_per_address"));
  CHECK_FALSE(usage.begin(at("192.0.2.1")));
  CHECK(usage.begin(at("::ffff:192.0.2.2"))->starts_with("max_connections: "));
  usage.end(at("2001:db8::1"));
  CHECK_FALSE(usage.begin(at("192.0.2.2")));
}

TEST_CASE("a peer has its share of connections") {
  World world(Backend::quic);
  auto options = world.listen_options();
  options.limits.max_connections_per_peer = 2;
  const auto listener = world.listen(options);
  auto first = world.connect(*listener);
  const auto second = world.connect(*listener), third = world.connect(*listener);
  CHECK(world.exchange(*first, get("/"))->status == 200);
  CHECK(world.exchange(*second, get("/"))->status == 200);
  CHECK(world.exchange(*third, get("/")).error().kind == ErrorKind::unavailable);
  CHECK(world.hub_log->has_refusal("max_connections_per_peer"));
  first.reset();
  CHECK(world.exchange(*second, get("/"))->status == 200);  // By then the listener has heard that the first is gone.
  const auto again = world.connect(*listener);
  CHECK(world.exchange(*again, get("/"))->status == 200);
}

TEST_CASE("a rate lets a second's worth through at once, then one after the other") {
  RequestRate rate(10);
  Time now = std::chrono::system_clock::now();
  for (int i = 0; i < 10; ++i) CHECK(rate.take(now));
  CHECK_FALSE(rate.take(now));
  CHECK(rate.next() > now);
  CHECK(rate.next() <= now + 101ms);
  CHECK(rate.take(rate.next()));
  int taken = 0;
  for (const Time end = now + 10s; now < end; now += 1ms) taken += rate.take(now);
  CHECK(taken >= 98);
  CHECK(taken <= 100);
}

TEST_CASE("a peer that asks faster than it may is slowed down, and gets every answer") {
  World world(Backend::quic);
  auto options = world.listen_options();
  options.limits.max_requests_per_second = 200;
  const auto listener = world.listen(options);
  const auto connection = world.connect(*listener);
  int answered = 0;
  const Time start = world.loop->now();
  for (int i = 0; i < 300; ++i)
    connection->send(get("/"), [&](Result<Response> response) { answered += response && response->status == 200; });
  world.run_until([&] { return answered == 300; });
  CHECK(world.loop->now() - start >= 400ms);
}

TEST_CASE("a request that does not arrive in time is answered 408, and a peer that keeps its stream open then is cut off") {
  RawClient client({.request_timeout = 5s});
  const StreamId stream = client.raw.request(request_headers({{"content-length", "100"}}), false);
  const Time start = client.link.now;
  CHECK(client.link.run_until([&] { return !client.raw.answers[stream].empty(); }, 30s));
  CHECK(client.link.now - start >= 5s);
  CHECK(to_text(client.raw.answers[stream]).find("in time") != std::string::npos);
  CHECK(client.arrived_requests.empty());
  CHECK(client.link.server->established());
}

TEST_CASE("a stream on which not even a header arrives does not stay open") {
  RawClient client({.request_timeout = 5s});
  const StreamId stream = client.raw.request({0x01}, false);
  CHECK(client.link.run_until([&] { return !client.raw.answers[stream].empty() || client.link.server->end(); }, 30s));
}

TEST_CASE("a body that comes slowly but steadily is taken") {
  RawClient client({.request_timeout = 5s});
  const Bytes body(512u << 10, 'x');
  const StreamId stream = client.raw.request(request_headers({{"content-length", std::to_string(body.size())}}), false);
  // 64 KiB every second and a half: more than the five seconds, and enough.
  for (int i = 0; i < 8; ++i) {
    client.raw.append(stream, i == 0 ? frame_head(data_type, body.size()) : Bytes{}, i == 7);
    client.raw.append(stream, Bytes(64u << 10, 'x'), i == 7);
    client.link.run_until([] { return false; }, 900ms);
  }
  CHECK(client.arrived_requests.size() == 1);
}

TEST_CASE("a peer that does not take its response holds it for a bounded time") {
  RawClient client({.request_timeout = 5s});
  client.raw.read = false;  // No flow-control credit is given back.
  client.big_answers = true;
  client.raw.request(request_headers());
  CHECK(client.link.run_until([&] { return client.arrived_requests.size() == 1; }, 30s));
  CHECK(client.link.http_server->used_bytes() > (2u << 20));
  client.link.run_until([&] { return client.link.http_server->used_bytes() == 0 || client.link.server->end(); }, 60s);
  CHECK((client.link.http_server->used_bytes() == 0 || client.link.server->end()));
}

TEST_CASE("what a peer holds is bounded from the first byte on, over all its connections, and what is whole is served") {
  const Http3Limits limits{.max_held_bytes = 1u << 20, .refuse_above_bytes = 2u << 20};
  RawClient first(limits), second(limits);
  REQUIRE(first.link.run_until([&] { return first.link.server->established(); }));
  REQUIRE(second.link.run_until([&] { return second.link.server->established(); }));
  const auto held = std::make_shared<HeldBytes>();
  first.link.http_server->hold_with(held);
  second.link.http_server->hold_with(held);
  // A hundred bodies of 100 KiB on each, every one without its last byte.
  std::vector<StreamId> streams;
  for (RawClient* const client : {&first, &second}) {
    for (int i = 0; i < 100; ++i)
      streams.push_back(client->raw.request(request_headers({{"content-length", std::to_string((100u << 10) + 1)}}) +
                                                frame_head(data_type, (100u << 10) + 1) + Bytes(100u << 10, 'x'),
                                            false));
    std::size_t most = 0;
    client->link.run_until(
        [&] {
          most = std::max(most, held->bytes);
          return false;
        },
        3s);
    CHECK(most > (1u << 20));
    CHECK(most <= (2u << 20));
  }
  int refused = 0;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    auto& answers = (i < 100 ? first : second).raw.answers;
    refused += to_text(answers[streams[i]]).find("hold more") != std::string::npos;
  }
  CHECK(refused > 100);
  // The oldest of each connection is still wanted.
  first.raw.append(streams[0], Bytes(1, 'x'), true);
  CHECK(first.link.run_until([&] { return !first.arrived_requests.empty(); }, 30s));
}

TEST_CASE("a client whose address changes goes on; one that only claims to be elsewhere changes nothing") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {});
  REQUIRE(link.run_until([&] { return link.server && link.server->established() && link.http_client->ready(); }));
  link.run_until([] { return false; }, 500ms);
  const auto home = link.server->remote();
  const auto ask = [&] {
    const auto stream = link.http_client->submit(get("/"));
    REQUIRE(stream);
    return link.run_until([&] { return !link.http_client->take_answered().empty(); }, 20s);
  };
  SECTION("it moves") {
    link.client_seen_at(SocketAddress::parse("198.51.100.7", 7777).value());
    CHECK(ask());
    link.run_until([] { return false; }, 3s);
    CHECK(link.server->remote() == SocketAddress::parse("198.51.100.7", 7777).value());
    CHECK(ask());
  }
  SECTION("somebody forwards its packets from elsewhere, and does not answer the challenge") {
    link.client_seen_at(SocketAddress::parse("198.51.100.7", 7777).value());
    link.elsewhere_reachable = false;
    link.http_client->submit(get("/"));
    link.run_until([] { return false; }, 50ms);
    CHECK(link.server->remote() == home);
    // What went there unproved is at most three times what came from there (RFC 9000, section 8).
    CHECK(link.bytes_to_elsewhere <= 3 * link.bytes_from_elsewhere);
    link.client_seen_at(home);
    CHECK(ask());
    CHECK(link.server->remote() == home);
  }
}
