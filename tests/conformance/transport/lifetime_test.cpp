// Connections and listeners that end: refusals by others are in identity_test.cpp. Run on every backend.
#include "world.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

#define FOR_EACH_BACKEND                                            \
  const Backend backend = GENERATE(Backend::quic, Backend::memory); \
  CAPTURE(backend)

namespace {
RequestHandler keep(std::vector<Responder>& open) {
  return [&open](const Peer&, Request, Responder respond) { open.push_back(std::move(respond)); };
}
}  // namespace

TEST_CASE("when the listener goes, requests under way fail as unavailable, later ones too, and a new connection works") {
  FOR_EACH_BACKEND;
  World world(backend);
  std::vector<Responder> open;
  auto options = world.listen_options();
  options.handler = keep(open);
  auto listener = world.listen(options);
  const auto connection = world.connect(*listener);
  std::optional<Result<Response>> result;
  connection->send(get("/"), [&](Result<Response> response) { result = std::move(response); });
  world.run_until([&] { return !open.empty(); });
  const std::uint16_t port = listener->port();
  listener.reset();
  world.run_until([&] { return result.has_value(); });
  CHECK(result->error().kind == ErrorKind::unavailable);
  CHECK_FALSE(connection->usable());
  CHECK(world.exchange(*connection, get("/")).error().kind == ErrorKind::unavailable);
  open.front()({200, "text/plain", {}});  // Harmless.
  open.clear();

  options = world.listen_options();
  options.port = port;
  listener = world.listen(options);
  const auto again = world.connect(*listener);
  CHECK(world.exchange(*again, get("/"))->status == 200);
}

TEST_CASE("nobody listening is reported to the request as unavailable") {
  FOR_EACH_BACKEND;
  World world(backend);
  auto listener = world.listen(world.listen_options());
  const auto options = world.connect_options(*listener);
  listener.reset();
  const auto connection = world.connect(options);
  const auto result = world.exchange(*connection, get("/"));
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == ErrorKind::unavailable);
  CHECK_FALSE(connection->usable());
}

TEST_CASE("a responder called after its client is gone is harmless") {
  FOR_EACH_BACKEND;
  World world(backend);
  std::vector<Responder> open;
  auto options = world.listen_options();
  options.handler = keep(open);
  const auto listener = world.listen(options);
  auto connection = world.connect(*listener);
  connection->send(get("/"), [](Result<Response>) { FAIL("a callback of a destroyed connection ran"); });
  world.run_until([&] { return !open.empty(); });
  connection.reset();
  const auto other = world.connect(*listener);
  other->send(get("/"), [](Result<Response>) {});
  world.run_until([&] { return open.size() == 2; });  // By now the listener knows that the first client is gone.
  open.front()({200, "text/plain", pattern(100'000)});
  open.clear();
}

TEST_CASE("a connection destroyed with requests under way calls nobody back") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  for (int i = 0; i < 10; ++i) {
    auto connection = world.connect(*listener);
    for (int k = 0; k <= i; ++k) connection->send(post("/", pattern(10'000)), [](Result<Response>) { FAIL("called back"); });
    if (i % 2 == 1) connection->send(get("malformed"), [](Result<Response>) { FAIL("called back"); });
    connection.reset();
  }
  const auto connection = world.connect(*listener);
  CHECK(world.exchange(*connection, get("/"))->status == 200);
}

TEST_CASE("a connection may be destroyed inside its callback") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  auto connection = world.connect(*listener);
  int called = 0;
  for (int i = 0; i < 20; ++i)
    connection->send(get("/"), [&](Result<Response> response) {
      CHECK(response);
      ++called;
      connection.reset();
    });
  world.run_until([&] { return called > 0; });
  CHECK(called == 1);
}

TEST_CASE("a connection may be destroyed inside the callback of its failure") {
  FOR_EACH_BACKEND;
  World world(backend);
  auto listener = world.listen(world.listen_options());
  const auto options = world.connect_options(*listener);
  listener.reset();
  auto connection = world.connect(options);
  int called = 0;
  for (int i = 0; i < 5; ++i)
    connection->send(get("/"), [&](Result<Response> response) {
      CHECK_FALSE(response);
      ++called;
      connection.reset();
    });
  world.run_until([&] { return called > 0; });
  CHECK(called == 1);
}

TEST_CASE("a listener may be destroyed inside its handler, before or after the answer") {
  FOR_EACH_BACKEND;
  const bool answer_first = GENERATE(true, false);
  World world(backend);
  std::unique_ptr<Listener> listener;
  int handled = 0;
  auto options = world.listen_options();
  options.handler = [&](const Peer& peer, Request, Responder respond) {
    ++handled;
    const std::string name = peer.name;
    if (answer_first) respond({200, "text/plain", {}});
    listener.reset();
    if (!answer_first) respond({200, "text/plain", {}});
    CHECK(peer.name == name);
  };
  listener = world.listen(options);
  const auto connection = world.connect(*listener);
  std::size_t results = 0;
  for (int i = 0; i < 10; ++i) connection->send(get("/"), [&](Result<Response>) { ++results; });
  world.run_until([&] { return results == 10; });
  CHECK(handled == 1);
}

TEST_CASE("the transport may be destroyed before what it made") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  const auto connection = world.connect(*listener);
  world.hub_transport.reset();
  world.agent_transport.reset();
  CHECK(world.exchange(*connection, get("/"))->status == 200);
}

TEST_CASE("sending from inside callbacks works, and never calls back inside send") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  const auto connection = world.connect(*listener);
  int left = 200;
  bool inside_send = false;
  std::function<void(Result<Response>)> next = [&](Result<Response> response) {
    REQUIRE(response);
    CHECK_FALSE(inside_send);
    if (--left == 0) return;
    inside_send = true;
    connection->send(post("/", pattern(100)), next);
    inside_send = false;
  };
  inside_send = true;
  connection->send(get("/"), next);
  inside_send = false;
  world.run_until([&] { return left == 0; });
}

TEST_CASE("disconnecting a key closes its connections and no others") {
  FOR_EACH_BACKEND;
  World world(backend);
  std::vector<Responder> open;
  auto listen_options = world.listen_options();
  listen_options.handler = [&](const Peer&, Request request, Responder respond) {
    if (request.path == "/keep")
      open.push_back(std::move(respond));
    else
      respond({200, "text/plain", {}});
  };
  const auto listener = world.listen(listen_options);
  const auto first = world.connect(*listener), second = world.connect(*listener);
  auto options = world.connect_options(*listener);
  options.identity = world.authority.issue("other");
  const auto other = world.connect(options);
  CHECK(world.exchange(*other, get("/"))->status == 200);
  int failed = 0;
  for (const auto& connection : {&*first, &*second})
    connection->send(get("/keep"), [&](Result<Response> response) {
      CHECK(response.error().kind == ErrorKind::unavailable);
      ++failed;
    });
  world.run_until([&] { return open.size() == 2; });
  listener->disconnect([pin = pin_of(world.agent)](const Peer& peer) { return peer.key_pin == pin; });
  world.run_until([&] { return failed == 2; });
  CHECK_FALSE(first->usable());
  CHECK_FALSE(second->usable());
  CHECK(other->usable());
  CHECK(world.exchange(*other, get("/"))->status == 200);
}

TEST_CASE("a handler may disconnect the peer that it serves") {
  FOR_EACH_BACKEND;
  World world(backend);
  std::unique_ptr<Listener> listener;
  auto options = world.listen_options();
  options.handler = [&](const Peer& peer, Request, Responder respond) {
    listener->disconnect([pin = peer.key_pin](const Peer& other) { return other.key_pin == pin; });
    respond({200, "text/plain", {}});
  };
  listener = world.listen(options);
  const auto connection = world.connect(*listener);
  CHECK(world.exchange(*connection, get("/")).error().kind == ErrorKind::unavailable);
}

TEST_CASE("a listener that takes a new identity shows it to newcomers, and those who are there stay") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  const auto before = world.connect(*listener);
  CHECK(world.exchange(*before, get("/"))->status == 200);
  const auto next = world.authority.issue("hub");
  REQUIRE(listener->set_identity(next));
  CHECK(world.exchange(*before, get("/"))->status == 200);
  auto options = world.connect_options(*listener);
  options.check_peer = world.authority.check(pin_of(next));
  CHECK(world.exchange(*world.connect(options), get("/"))->status == 200);
  options.check_peer = world.authority.check(pin_of(world.hub));
  CHECK(world.exchange(*world.connect(options), get("/")).error().kind == ErrorKind::unauthenticated);

  CHECK(listener->set_identity({}).error().kind == ErrorKind::invalid_input);
  CHECK(listener->set_identity({next.certificate_chain, world.agent.key}).error().kind == ErrorKind::invalid_input);
  options.check_peer = world.authority.check(pin_of(next));
  CHECK(world.exchange(*world.connect(options), get("/"))->status == 200);
}

TEST_CASE("connections beyond the listener's limit are refused, and there is room again when others have gone") {
  FOR_EACH_BACKEND;
  World world(backend);
  auto options = world.listen_options();
  options.limits.max_connections = 2;
  const auto listener = world.listen(options);
  auto first = world.connect(*listener);
  const auto second = world.connect(*listener);
  CHECK(world.exchange(*first, get("/"))->status == 200);
  CHECK(world.exchange(*second, get("/"))->status == 200);
  const auto third = world.connect(*listener);
  CHECK(world.exchange(*third, get("/")).error().kind == ErrorKind::unavailable);
  CHECK(world.hub_log->has_refusal("max_connections"));
  first.reset();
  std::optional<Result<Response>> result;
  std::unique_ptr<Connection> later;
  world.run_until([&] {
    if (result && !*result) result.reset(), later.reset();
    if (!later) {
      later = world.connect(*listener);
      later->send(get("/"), [&](Result<Response> response) { result = std::move(response); });
    }
    return result && *result;
  });
  CHECK((*result)->status == 200);
}

TEST_CASE("an address in use and a malformed identity are reported when listening") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  auto options = world.listen_options();
  options.port = listener->port();
  CHECK(world.hub_transport->listen(options).error().kind == ErrorKind::unavailable);
  options = world.listen_options();
  options.identity.key = world.agent.key;
  CHECK(world.hub_transport->listen(options).error().kind == ErrorKind::invalid_input);
  options = world.listen_options();
  options.identity.certificate_chain = {to_bytes("no certificate")};
  CHECK(world.hub_transport->listen(options).error().kind == ErrorKind::invalid_input);
  options.identity.certificate_chain.clear();
  CHECK(world.hub_transport->listen(options).error().kind == ErrorKind::invalid_input);
  options = world.listen_options();
  options.handler = nullptr;
  CHECK(world.hub_transport->listen(options).error().kind == ErrorKind::invalid_input);
  auto connect_options = world.connect_options(*listener);
  connect_options.check_peer = nullptr;
  CHECK(world.agent_transport->connect(connect_options).error().kind == ErrorKind::invalid_input);
}
