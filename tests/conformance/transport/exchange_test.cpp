// Requests and responses: what arrives, in what number, and what the limits do. Run on every backend.
#include "world.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <set>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

#define FOR_EACH_BACKEND                                            \
  const Backend backend = GENERATE(Backend::quic, Backend::memory); \
  CAPTURE(backend)

TEST_CASE("a request reaches the handler as it was sent, and its response comes back") {
  FOR_EACH_BACKEND;
  World world(backend);
  std::optional<Request> seen;
  std::optional<Peer> from;
  auto options = world.listen_options();
  options.handler = [&](const Peer& peer, Request request, Responder respond) {
    seen = request;
    from = peer;
    respond({201, "text/plain", to_bytes("done")});
  };
  const auto listener = world.listen(options);
  const auto connection = world.connect(*listener);
  CHECK(connection->usable());
  const auto response = world.exchange(*connection, {"PUT", "/v1/jobs?wait=1&x=%20", "v4.public.token", to_bytes("body")});
  REQUIRE(response);
  CHECK(response->status == 201);
  CHECK(response->content_type == "text/plain");
  CHECK(to_text(response->body) == "done");
  REQUIRE(seen);
  CHECK(seen->method == "PUT");
  CHECK(seen->path == "/v1/jobs?wait=1&x=%20");
  CHECK(seen->authorization == "v4.public.token");
  CHECK(to_text(seen->body) == "body");
  CHECK(from->name == "spiffe://test/agent");
  CHECK(from->key_pin == pin_of(world.agent));
  CHECK(from->certificate == world.agent.certificate_chain.front());
  CHECK_FALSE(from->address.empty());
}

TEST_CASE("requests and responses without a body are fine, and errors of the handler are ordinary responses") {
  FOR_EACH_BACKEND;
  World world(backend);
  auto options = world.listen_options();
  options.handler = [](const Peer&, Request request, Responder respond) {
    respond({request.path == "/missing" ? 404 : 204, "text/plain", {}});
  };
  const auto listener = world.listen(options);
  const auto connection = world.connect(*listener);
  CHECK(world.exchange(*connection, get("/"))->status == 204);
  CHECK(world.exchange(*connection, get("/missing"))->status == 404);
}

TEST_CASE("hundreds of requests on one connection are answered each with its own response") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  const auto connection = world.connect(*listener);
  constexpr std::uint32_t count = 1000;
  std::set<std::uint32_t> answered;
  for (std::uint32_t i = 0; i < count; ++i) {
    connection->send(post("/" + std::to_string(i), pattern(i % 700, i)), [&answered, i](Result<Response> response) {
      REQUIRE(response);
      REQUIRE(response->body == pattern(i % 700, i));
      CHECK(answered.insert(i).second);
    });
  }
  world.run_until([&] { return answered.size() == count; });
}

TEST_CASE("bodies of eight megabytes pass both ways, several at once") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  const auto connection = world.connect(*listener);
  int answered = 0;
  for (std::uint32_t i = 0; i < 3; ++i)
    connection->send(post("/echo", pattern(8u << 20, i)), [&answered, i](Result<Response> response) {
      REQUIRE(response);
      REQUIRE(response->body == pattern(8u << 20, i));
      ++answered;
    });
  world.run_until([&] { return answered == 3; });
}

TEST_CASE("a body above the listener's limit is answered 413 without the handler, and the connection lives on") {
  FOR_EACH_BACKEND;
  World world(backend);
  int handled = 0;
  auto options = world.listen_options();
  options.limits.max_request_bytes = 100'000;
  options.handler = [&](const Peer&, Request request, Responder respond) {
    ++handled;
    respond({200, "text/plain", std::move(request.body)});
  };
  const auto listener = world.listen(options);
  const auto connection = world.connect(*listener);
  CHECK(world.exchange(*connection, post("/", pattern(100'001)))->status == 413);
  CHECK(world.exchange(*connection, post("/", pattern(20u << 20)))->status == 413);
  CHECK(handled == 0);
  CHECK(world.exchange(*connection, post("/", pattern(100'000)))->body.size() == 100'000);
  CHECK(handled == 1);
}

TEST_CASE("a body above the sender's own limit is not sent") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  auto options = world.connect_options(*listener);
  options.limits.max_request_bytes = 1000;
  const auto connection = world.connect(options);
  CHECK(world.exchange(*connection, post("/", pattern(1001))).error().kind == ErrorKind::too_large);
  CHECK(world.exchange(*connection, post("/", pattern(1000)))->status == 200);
}

TEST_CASE("a response above the limit fails the request with too_large, and the connection lives on") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  auto options = world.connect_options(*listener);
  options.limits.max_response_bytes = 100'000;
  const auto connection = world.connect(options);
  const auto refused = world.exchange(*connection, post("/", pattern(100'001)));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::too_large);
  CHECK(refused.error().message.find("100000") != std::string::npos);
  CHECK(world.exchange(*connection, post("/", pattern(5u << 20))).error().kind == ErrorKind::too_large);
  CHECK(world.exchange(*connection, post("/", pattern(100'000)))->body.size() == 100'000);
}

TEST_CASE("headers above the listener's limit are answered 431") {
  FOR_EACH_BACKEND;
  World world(backend);
  auto options = world.listen_options();
  options.limits.max_header_bytes = 2000;
  const auto listener = world.listen(options);
  const auto connection = world.connect(*listener);
  CHECK(world.exchange(*connection, get("/", std::string(3000, 'a')))->status == 431);
  CHECK(world.exchange(*connection, get("/" + std::string(50'000, 'p')))->status == 431);
  CHECK(world.exchange(*connection, get("/", std::string(1000, 'a')))->status == 200);
}

TEST_CASE("only GET, PUT and POST reach the handler") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  const auto connection = world.connect(*listener);
  for (const char* method : {"DELETE", "HEAD", "PATCH", "OPTIONS"})
    CHECK(world.exchange(*connection, call(method, "/"))->status == 405);
  for (const char* method : {"GET", "PUT", "POST"}) CHECK(world.exchange(*connection, call(method, "/"))->status == 200);
}

TEST_CASE("what cannot stand in a header is refused before it is sent") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  const auto connection = world.connect(*listener);
  for (const Request& request : {call("get", "/"), call("", "/"), get("no-slash"), get("/a b"), get("/a\r\nx: y"), get("/\x80"),
                                 get("/", "a b"), get("/", "a\nb")}) {
    CAPTURE(request.method, request.path, request.authorization);
    CHECK(world.exchange(*connection, request).error().kind == ErrorKind::invalid_input);
  }
}

TEST_CASE("a handler's response that cannot be sent becomes a 500") {
  FOR_EACH_BACKEND;
  World world(backend);
  auto options = world.listen_options();
  options.handler = [](const Peer&, Request request, Responder respond) {
    if (request.path == "/status")
      respond({99, "text/plain", {}});
    else
      respond({200, "text/plain\r\nset-cookie: x", {}});
  };
  const auto listener = world.listen(options);
  const auto connection = world.connect(*listener);
  CHECK(world.exchange(*connection, get("/status"))->status == 500);
  CHECK(world.exchange(*connection, get("/type"))->status == 500);
}

TEST_CASE("a dropped responder answers 500, and only its first answer counts") {
  FOR_EACH_BACKEND;
  World world(backend);
  Responder kept;
  auto options = world.listen_options();
  options.handler = [&](const Peer&, Request request, Responder respond) {
    if (request.path == "/keep") kept = respond;
    if (request.path == "/twice") {
      respond({200, "text/plain", to_bytes("first")});
      respond({200, "text/plain", to_bytes("second")});
    }
  };
  const auto listener = world.listen(options);
  const auto connection = world.connect(*listener);
  CHECK(world.exchange(*connection, get("/drop"))->status == 500);
  CHECK(to_text(world.exchange(*connection, get("/twice"))->body) == "first");
  std::optional<Result<Response>> late;
  connection->send(get("/keep"), [&](Result<Response> response) { late = std::move(response); });
  world.run_until([&] { return kept != nullptr; });
  CHECK(world.exchange(*connection, get("/drop"))->status == 500);  // Others are not held up.
  CHECK_FALSE(late);
  kept = nullptr;
  world.run_until([&] { return late.has_value(); });
  CHECK((*late)->status == 500);
}

TEST_CASE("a request may be answered long after the idle timeout") {
  FOR_EACH_BACKEND;
  World world(backend);
  std::unique_ptr<Subscription> timer;
  auto options = world.listen_options();
  options.limits.idle_timeout = 300ms;
  options.handler = [&](const Peer&, Request, Responder respond) {
    timer = world.loop->after(1200ms, [respond] { respond({200, "text/plain", to_bytes("at last")}); });
  };
  const auto listener = world.listen(options);
  const auto connection = world.connect(*listener);
  const auto response = world.exchange(*connection, get("/poll"));
  REQUIRE(response);
  CHECK(to_text(response->body) == "at last");
}

TEST_CASE("no more requests than agreed are in the handler at once, whichever side asks for fewer") {
  FOR_EACH_BACKEND;
  const bool listener_decides = GENERATE(true, false);
  World world(backend);
  std::vector<Responder> open;
  std::size_t most = 0, handled = 0, answered = 0;
  auto options = world.listen_options();
  options.handler = [&](const Peer&, Request, Responder respond) {
    open.push_back(std::move(respond));
    most = std::max(most, open.size());
    ++handled;
  };
  if (listener_decides) options.limits.max_concurrent_requests = 4;
  const auto listener = world.listen(options);
  auto connect_options = world.connect_options(*listener);
  if (!listener_decides) connect_options.limits.max_concurrent_requests = 4;
  const auto connection = world.connect(connect_options);
  for (int i = 0; i < 30; ++i) connection->send(get("/"), [&](Result<Response> response) { answered += response.has_value(); });
  for (std::size_t done = 0; done < 30; ++done) {
    world.run_until([&] { return !open.empty(); });
    const auto respond = open.back();
    open.pop_back();
    respond({204, "text/plain", {}});
  }
  world.run_until([&] { return answered == 30; });
  CHECK(most <= 4);
  CHECK(handled == 30);
}
