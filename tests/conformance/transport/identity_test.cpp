// Who may connect to whom, and what the refusing side writes down. Run on every backend.
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

/// Connects, sends, and expects to be refused; returns the error's message.
std::string refused(World& world, const ConnectOptions& options) {
  const auto connection = world.connect(options);
  const auto result = world.exchange(*connection, get("/"));
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == ErrorKind::unauthenticated);
  CHECK_FALSE(connection->usable());
  return result.error().message;
}

}  // namespace

TEST_CASE("every pair of key algorithms gets to know each other") {
  FOR_EACH_BACKEND;
  const auto hub_algorithm = GENERATE(KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519);
  const auto agent_algorithm = GENERATE(KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519);
  World world(backend);
  auto listen_options = world.listen_options();
  listen_options.identity = world.authority.issue("hub", hub_algorithm);
  const auto listener = world.listen(listen_options);
  auto options = world.connect_options(*listener);
  options.identity = world.authority.issue("agent", agent_algorithm);
  options.check_peer = world.authority.check(pin_of(listen_options.identity));
  const auto connection = world.connect(options);
  CHECK(world.exchange(*connection, get("/"))->status == 200);
}

TEST_CASE("a client that the listener's check turns down never reaches the handler; the reason stays in the listener's log") {
  FOR_EACH_BACKEND;
  World world(backend);
  auto listen_options = world.listen_options();
  listen_options.check_peer = [](const std::vector<Bytes>&, Time) -> Result<std::string> {
    return fail(ErrorKind::denied, "this key was revoked yesterday");
  };
  listen_options.handler = [](const Peer&, Request, Responder) { FAIL("a refused peer reached the handler"); };
  const auto listener = world.listen(listen_options);
  const std::string message = refused(world, world.connect_options(*listener));
  CHECK(message.find("yesterday") == std::string::npos);
  CHECK(message.find("refused this node") != std::string::npos);
  CHECK(world.hub_log->refusals() == std::vector<std::string>{"this key was revoked yesterday"});
  CHECK(world.agent_log->refusals().empty());
}

TEST_CASE("a listener that the client's check turns down gets no request; the reason is in the client's log") {
  FOR_EACH_BACKEND;
  World world(backend);
  auto listen_options = world.listen_options();
  listen_options.handler = [](const Peer&, Request, Responder) { FAIL("a request reached a refused listener"); };
  const auto listener = world.listen(listen_options);
  auto options = world.connect_options(*listener);
  options.check_peer = world.authority.check(pin_of(world.agent));
  CHECK(refused(world, options).find("its key does not match the pin") != std::string::npos);
  CHECK(world.agent_log->refusals() == std::vector<std::string>{"its key does not match the pin"});
}

TEST_CASE("a client without a certificate is refused where one is required") {
  FOR_EACH_BACKEND;
  World world(backend);
  const auto listener = world.listen(world.listen_options());
  auto options = world.connect_options(*listener);
  options.identity = {};
  refused(world, options);
  CHECK(world.hub_log->refusals() == std::vector<std::string>{"it showed no certificate"});
}

TEST_CASE("a listener without a check serves clients without a certificate, who are nobody") {
  FOR_EACH_BACKEND;
  const bool with_certificate = GENERATE(true, false);
  World world(backend);
  std::optional<Peer> seen;
  auto listen_options = world.listen_options();
  listen_options.check_peer = nullptr;
  listen_options.handler = [&](const Peer& peer, Request, Responder respond) {
    seen = peer;
    respond({200, "text/plain", {}});
  };
  const auto listener = world.listen(listen_options);
  auto options = world.connect_options(*listener);
  if (!with_certificate) options.identity = {};
  const auto connection = world.connect(options);
  CHECK(world.exchange(*connection, get("/"))->status == 200);
  REQUIRE(seen);
  CHECK(seen->name.empty());
  CHECK(seen->certificate.empty());
  CHECK(seen->key_pin == Digest{});
}

TEST_CASE("certificates out of their validity are refused on both sides, with the reason in the log") {
  FOR_EACH_BACKEND;
  World world(backend);
  const Time now = world.authority.now;
  const auto expired = world.authority.issue("old", now - 48h, now - 1h),
             early = world.authority.issue("early", now + 1h, now + 48h);
  {
    const auto listener = world.listen(world.listen_options());
    auto options = world.connect_options(*listener);
    options.identity = expired;
    refused(world, options);
    CHECK(world.hub_log->has_refusal("certificate_expired"));
    options.identity = early;
    refused(world, options);
    CHECK(world.hub_log->has_refusal("certificate_not_yet_valid"));
  }
  auto listen_options = world.listen_options();
  listen_options.identity = expired;
  const auto listener = world.listen(listen_options);
  auto options = world.connect_options(*listener);
  options.check_peer = world.authority.check();
  refused(world, options);
  CHECK(world.agent_log->has_refusal("certificate_expired"));
}

TEST_CASE("a certificate of another authority is refused") {
  FOR_EACH_BACKEND;
  World world(backend);
  const Authority stranger;
  const auto listener = world.listen(world.listen_options());
  auto options = world.connect_options(*listener);
  options.identity = stranger.issue("agent");
  refused(world, options);
  CHECK(world.hub_log->refusals().size() == 1);
}

TEST_CASE("a check that throws refuses") {
  FOR_EACH_BACKEND;
  World world(backend);
  auto listen_options = world.listen_options();
  listen_options.check_peer = [](const std::vector<Bytes>&, Time) -> Result<std::string> {
    throw std::runtime_error("no database");
  };
  const auto listener = world.listen(listen_options);
  refused(world, world.connect_options(*listener));
  CHECK(world.hub_log->has_refusal("no database"));
}

TEST_CASE("the check is asked on every connection, so that a revocation holds for the next one") {
  FOR_EACH_BACKEND;
  World world(backend);
  bool revoked = false;
  int asked = 0;
  auto listen_options = world.listen_options();
  listen_options.check_peer = [&](const std::vector<Bytes>&, Time) -> Result<std::string> {
    ++asked;
    if (revoked) return fail(ErrorKind::denied, "revoked");
    return "agent";
  };
  const auto listener = world.listen(listen_options);
  {
    const auto connection = world.connect(*listener);
    CHECK(world.exchange(*connection, get("/"))->status == 200);
  }
  {
    const auto connection = world.connect(*listener);
    CHECK(world.exchange(*connection, get("/"))->status == 200);
  }
  CHECK(asked == 2);
  revoked = true;
  refused(world, world.connect_options(*listener));
  CHECK(world.hub_log->has_refusal("revoked"));
}

TEST_CASE("the identities' chains arrive whole, leaf first") {
  FOR_EACH_BACKEND;
  World world(backend);
  std::vector<Bytes> seen;
  auto listen_options = world.listen_options();
  listen_options.check_peer = [&](const std::vector<Bytes>& chain, Time) -> Result<std::string> {
    seen = chain;
    return "agent";
  };
  const auto listener = world.listen(listen_options);
  auto options = world.connect_options(*listener);
  options.identity.certificate_chain.push_back(world.hub.certificate_chain.front());
  const auto connection = world.connect(options);
  CHECK(world.exchange(*connection, get("/"))->status == 200);
  CHECK(seen == options.identity.certificate_chain);
}
