// TLS: versions, protocols and keys that must not get through.
#include "simulated_link.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace forgepool;
using namespace forgepool::test;
using namespace forgepool::transport;
using namespace std::chrono_literals;

TEST_CASE("no context speaks anything but TLS 1.3 or takes early data, and none resumes sessions unless told to") {
  const Authority authority;
  for (const Role role : {Role::client, Role::server}) {
    const auto context = TlsContext::make(role, authority.issue("x"), authority.check()).value();
    CHECK(SSL_CTX_get_min_proto_version(context->native()) == TLS1_3_VERSION);
    CHECK(SSL_CTX_get_max_proto_version(context->native()) == TLS1_3_VERSION);
    CHECK((SSL_CTX_get_options(context->native()) & SSL_OP_NO_TICKET) != 0);
    CHECK(SSL_CTX_get_session_cache_mode(context->native()) == SSL_SESS_CACHE_OFF);
    const bssl::UniquePtr<SSL> session(SSL_new(context->native()));
    CHECK(SSL_early_data_accepted(session.get()) == 0);
  }
}

TEST_CASE("keys are agreed on with the final post-quantum hybrid where the library has it, else with X25519") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {});
  REQUIRE(link.run_until([&] { return link.server && link.server->established(); }));
#ifdef OPENSSL_IS_AWSLC
  constexpr std::uint16_t expected = 0x11ec;
#else
  constexpr std::uint16_t expected = 29;
#endif
  CHECK(link.server->key_agreement() == expected);
  CHECK(link.client->key_agreement() == expected);
}

TEST_CASE("peers that do not offer HTTP/3 are refused with the reason") {
  const Authority authority;
  auto ends = SimulatedLink::honest(authority);
  SimulatedLink link(authority, ends, {});
  const auto other = TlsContext::make(Role::client, ends.client, ends.check_server).value();
  static constexpr std::uint8_t protocol[] = {3, 'f', 'o', 'o'};
  SSL_CTX_set_alpn_protos(other->native(), protocol, sizeof protocol);
  const Path path{SocketAddress::parse("192.0.2.1", 1111).value(), SocketAddress::parse("192.0.2.2", 4433).value()};
  link.client = QuicConnection::connect(other, {}, path, link.now).value();
  CHECK(link.run_until([&] { return link.client->end().has_value(); }));
  CHECK(link.client->end()->error.kind == ErrorKind::unauthenticated);
  REQUIRE(link.server->end());
  REQUIRE(link.server->end()->refusal);
  CHECK(link.server->end()->refusal->find("HTTP/3") != std::string::npos);
}

TEST_CASE("a certificate shown by someone without its key proves nothing") {
  const Authority authority;
  // Signs with its own key, whatever certificate it shows.
  struct Impostor final : Signer {
    PublicKey claimed;
    std::shared_ptr<Signer> own = generate_key(KeyAlgorithm::ecdsa_p256).value();
    const PublicKey& public_key() const override { return claimed; }
    Result<Bytes> sign(ByteView message) const override { return own->sign(message); }
  };
  auto ends = SimulatedLink::honest(authority);
  const bool client_lies = GENERATE(true, false);
  auto& liar = client_lies ? ends.client : ends.server;
  const auto impostor = std::make_shared<Impostor>();
  impostor->claimed = liar.key->public_key();
  liar.key = impostor;
  SimulatedLink link(authority, ends, {});
  CHECK(link.run_until([&] { return link.client->end() && link.server->end(); }));
  CHECK(link.client->end()->error.kind == ErrorKind::unauthenticated);
  CHECK((client_lies ? link.server : link.client)->end()->refusal);
}

TEST_CASE("a key whose home fails ends the handshake, and nothing else") {
  const Authority authority;
  struct Broken final : Signer {
    PublicKey claimed;
    const PublicKey& public_key() const override { return claimed; }
    Result<Bytes> sign(ByteView) const override { return fail(ErrorKind::unavailable, "the token was pulled out"); }
  };
  auto ends = SimulatedLink::honest(authority);
  const auto broken = std::make_shared<Broken>();
  broken->claimed = ends.client.key->public_key();
  ends.client.key = broken;
  SimulatedLink link(authority, ends, {});
  CHECK(link.run_until([&] { return link.client->end().has_value(); }));
}

TEST_CASE("the time at which a certificate is judged is the connection's, not the machine's") {
  const Authority authority;
  SimulatedLink link(authority, SimulatedLink::honest(authority), {}, {}, {},
                     24h * 30);  // The certificates have expired by then.
  CHECK(link.run_until([&] { return link.client->end().has_value(); }));
  REQUIRE(link.client->end()->refusal);
  CHECK(link.client->end()->refusal->find("certificate_expired") != std::string::npos);
}
