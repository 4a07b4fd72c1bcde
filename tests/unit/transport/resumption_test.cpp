// Resumed sessions: the TLS library does not ask the peer check again, so the connection has to.
#include "simulated_link.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace forgepool;
using namespace forgepool::test;
using namespace forgepool::transport;
using namespace std::chrono_literals;

namespace {

/// One server, and a client that connects to it again and again.
struct Resuming {
  Resuming() {
    ends = SimulatedLink::honest(authority);
    const auto server_check = ends.check_client, client_check = ends.check_server;
    ends.check_client = [this, server_check](const std::vector<Bytes>& chain, Time now) -> Result<std::string> {
      ++server_asked;
      if (client_revoked) return fail(ErrorKind::denied, "key_revoked: it was revoked");
      return server_check(chain, now);
    };
    ends.check_server = [this, client_check](const std::vector<Bytes>& chain, Time now) -> Result<std::string> {
      ++client_asked;
      if (server_revoked) return fail(ErrorKind::unauthenticated, "pin_mismatch: it is no longer pinned");
      return client_check(chain, now);
    };
    server = TlsContext::make(Role::server, ends.server, ends.check_client, {1h, nullptr, {}}).value();
  }

  /// Connects, makes a request if it can, and lets tickets arrive. `after` is added to the time of the first connection.
  std::unique_ptr<SimulatedLink> connect(Duration after = {}) {
    auto link = std::make_unique<SimulatedLink>(authority, ends, LinkFaults{}, QuicSettings{}, Http3Limits{}, after);
    link->use_server(server);
    link->use_client(TlsContext::make(Role::client, ends.client, ends.check_server, {1h, cache, "hub"}).value());
    bool asked = false;
    link->run_until(
        [&] {
          if (!asked && link->http_client->ready()) asked = link->http_client->submit(get("/")).has_value();
          for (auto& answered : link->http_client->take_answered()) status = answered.response ? answered.response->status : 0;
          return link->client->end().has_value();
        },
        2s);
    return link;
  }

  const Authority authority;
  SimulatedLink::Ends ends;
  std::shared_ptr<const TlsContext> server;
  const std::shared_ptr<SessionCache> cache = std::make_shared<SessionCache>();
  int server_asked = 0, client_asked = 0, status = 0;
  bool client_revoked = false, server_revoked = false;
};

}  // namespace

TEST_CASE("a resumed session is one that both peer checks saw again") {
  Resuming resuming;
  const auto first = resuming.connect();
  CHECK_FALSE(first->client->resumed());
  CHECK(resuming.status == 200);
  CHECK(resuming.server_asked == 1);
  CHECK(resuming.client_asked == 1);
  resuming.status = 0;
  const auto second = resuming.connect();
  CHECK(second->client->resumed());
  CHECK(second->server->resumed());
  CHECK(resuming.status == 200);
  CHECK(resuming.server_asked == 2);
  CHECK(resuming.client_asked == 2);
  CHECK(second->server->peer().name == first->server->peer().name);
  CHECK(second->server->peer().key_pin == pin_of(resuming.ends.client));
  CHECK(second->client->peer().key_pin == pin_of(resuming.ends.server));
}

TEST_CASE("a revocation ends resumption, too: the client gets nothing") {
  Resuming resuming;
  resuming.connect();
  resuming.client_revoked = true;
  resuming.status = 0;
  const auto second = resuming.connect();
  CHECK(second->server->resumed());
  CHECK_FALSE(second->server->established());
  REQUIRE(second->server->end());
  CHECK(second->server->end()->refusal == "key_revoked: it was revoked");
  CHECK(second->client->end()->error.kind == ErrorKind::unauthenticated);
  CHECK(resuming.status == 0);
}

TEST_CASE("a pin that changed ends resumption, too: no request leaves") {
  Resuming resuming;
  resuming.connect();
  resuming.server_revoked = true;
  resuming.status = 0;
  const auto second = resuming.connect();
  REQUIRE(second->client->end());
  CHECK(second->client->end()->refusal == "pin_mismatch: it is no longer pinned");
  CHECK(resuming.status == 0);
}

TEST_CASE("a certificate that ran out since ends resumption, too") {
  Resuming resuming;
  resuming.ends.client = resuming.authority.issue("agent", resuming.authority.now - 1h, resuming.authority.now + 10min);
  resuming.connect();
  const auto second = resuming.connect(20min);
  REQUIRE(second->server->end());
  REQUIRE(second->server->end()->refusal);
  CHECK(second->server->end()->refusal->find("certificate_expired") != std::string::npos);
}

TEST_CASE("a session is resumed once, within its life, and with the certificate that it was made with") {
  Resuming resuming;
  SECTION("once") {
    resuming.connect();
    REQUIRE(resuming.cache->take({"hub", sha256(resuming.ends.client.certificate_chain.front())}, resuming.authority.now));
    CHECK_FALSE(resuming.connect()->client->resumed());
  }
  SECTION("within its life") {
    resuming.connect();
    CHECK_FALSE(resuming.connect(2h)->client->resumed());
  }
  SECTION("with another certificate there is a whole handshake") {
    resuming.connect();
    resuming.ends.client = resuming.authority.issue("agent");
    CHECK_FALSE(resuming.connect()->client->resumed());
    CHECK(resuming.status == 200);
  }
  SECTION("not with a server that was restarted, whose tickets died with it") {
    resuming.connect();
    resuming.server =
        TlsContext::make(Role::server, resuming.ends.server, resuming.ends.check_client, {1h, nullptr, {}}).value();
    resuming.status = 0;
    CHECK_FALSE(resuming.connect()->client->resumed());
    CHECK(resuming.status == 200);
  }
}

TEST_CASE("there is no early data: a ticket does not allow any, and none is sent") {
  Resuming resuming;
  resuming.connect();
  const auto session =
      resuming.cache->take({"hub", sha256(resuming.ends.client.certificate_chain.front())}, resuming.authority.now);
  REQUIRE(session);
  CHECK(SSL_SESSION_early_data_capable(session.get()) == 0);
}
