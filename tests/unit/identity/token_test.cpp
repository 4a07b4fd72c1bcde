#include "identity/token.hpp"
#include "crypto/keys.hpp"
#include "crypto/reason.hpp"
#include "hostile.hpp"
#include "identity/key_id.hpp"
#include "identity/paseto.hpp"
#include "wire/json.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace forgepool::identity;
using namespace std::chrono_literals;

namespace {

const Time now = *from_rfc3339("2026-01-31T08:15:00Z");

struct Fixture {
  std::shared_ptr<Signer> hub_key = *generate_key(KeyAlgorithm::ed25519);
  std::shared_ptr<Signer> agent_key = *generate_key(KeyAlgorithm::ecdsa_p256);
  std::vector<PublicKey> trusted{hub_key->public_key()};

  TokenClaims claims() const {
    TokenClaims claims;
    claims.issuer = claims.audience = "spiffe://pool.example/hub";
    claims.subject = "spiffe://pool.example/agent/a-1";
    claims.token_id = "t-1";
    claims.issued_at = claims.not_before = now;
    claims.expires_at = now + 5min;
    claims.key_thumbprint = jwk_thumbprint(agent_key->public_key());
    claims.organization = "o-x";
    claims.project = "p-x";
    claims.job = "w-x";
    claims.lease = LeaseId("l-1");
    claims.shards = {0, 7, 4'294'967'295};
    claims.adapter = sha256("adapter");
    claims.actions = {"fetch", "report"};
    return claims;
  }
  TokenExpectation expectation() const {
    return {"spiffe://pool.example/hub", "spiffe://pool.example/hub", jwk_thumbprint(agent_key->public_key()), "fetch",
            now + 1min};
  }
  std::string token() const { return *mint_token(*hub_key, claims()); }
  std::string code(std::string_view token, const TokenExpectation& expected) const {
    const auto result = check_token(token, trusted, expected);
    return result ? "accepted" : std::string(reason_code(result.error()));
  }
  /// Signs any payload with the right key and footer.
  std::string signed_payload(std::string_view payload) const {
    return *sign_token(*hub_key, payload, json::canonicalize(json::Object{{"kid", key_id(hub_key->public_key())}}));
  }
};

}  // namespace

TEST_CASE("a lease token gives back the claims it was minted with") {
  const Fixture f;
  CHECK(check_token(f.token(), f.trusted, f.expectation()) == f.claims());
}

TEST_CASE("a lease token has the registered claims as other PASETO libraries expect them") {
  const Fixture f;
  const auto payload = *json::parse(*verify_token(f.token(), f.hub_key->public_key()), 8192);
  const auto& object = *payload.as_object();
  CHECK(*object.find("iss")->as_string() == "spiffe://pool.example/hub");
  CHECK(*object.find("exp")->as_string() == "2026-01-31T08:20:00Z");
  CHECK(*object.find("cnf")->as_object()->find("jkt")->as_string() == jwk_thumbprint(f.agent_key->public_key()));
  CHECK(*token_footer(f.token()) == "{\"kid\":\"" + to_base64(f.hub_key->public_key().pin().bytes) + "\"}");
}

TEST_CASE("the thumbprint is that of RFC 7638 and RFC 8037") {
  // RFC 8037 appendix A.3.
  const auto ed25519 =
      *public_key_from_raw(KeyAlgorithm::ed25519, *from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
  CHECK(jwk_thumbprint(ed25519) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  // The P-256 key of RFC 7515 appendix A.3.
  Bytes raw{4};
  for (const char* coordinate :
       {"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}) {
    const auto bytes = *from_base64url(coordinate);
    raw.insert(raw.end(), bytes.begin(), bytes.end());
  }
  const auto p256 = *public_key_from_raw(KeyAlgorithm::ecdsa_p256, raw);
  CHECK(
      jwk_thumbprint(p256) ==
      to_base64url(
          sha256(
              R"({"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})")
              .bytes));
}

TEST_CASE("each way in which a lease token is not as expected has its own code") {
  const Fixture f;
  const auto with = [&](auto change) {
    auto expected = f.expectation();
    change(expected);
    return f.code(f.token(), expected);
  };
  CHECK(with([](auto&) {}) == "accepted");
  CHECK(with([](auto& e) { e.issuer = "spiffe://other.example/hub"; }) == "token_issuer");
  CHECK(with([](auto& e) { e.audience = "spiffe://pool.example/store"; }) == "token_audience");
  CHECK(with([](auto& e) { e.key_thumbprint = jwk_thumbprint((*generate_key(KeyAlgorithm::ecdsa_p256))->public_key()); }) ==
        "token_holder");
  CHECK(with([](auto& e) { e.action = "submit"; }) == "token_action");
  CHECK(check_token(f.token(), {}, f.expectation()).error().kind == ErrorKind::unauthenticated);
  CHECK(reason_code(check_token(f.token(), {}, f.expectation()).error()) == "token_key");
  CHECK(reason_code(check_token(f.token(), {(*generate_key(KeyAlgorithm::ed25519))->public_key()}, f.expectation()).error()) ==
        "token_key");
}

TEST_CASE("a lease token is good for its time and the allowed difference of clocks, and no longer") {
  const Fixture f;
  const auto at = [&](Time time) {
    auto expected = f.expectation();
    expected.now = time;
    return f.code(f.token(), expected);
  };
  CHECK(at(now - 30s) == "accepted");
  CHECK(at(now - 30s - 1ns) == "token_not_yet_valid");
  CHECK(at(now + 5min + 30s - 1ns) == "accepted");
  CHECK(at(now + 5min + 30s) == "token_expired");
}

TEST_CASE("claims that could not be accepted are not minted") {
  const Fixture f;
  const auto minted = [&](auto change) {
    auto claims = f.claims();
    change(claims);
    return mint_token(*f.hub_key, claims).has_value();
  };
  CHECK(minted([](auto&) {}));
  CHECK_FALSE(minted([](auto& c) { c.expires_at += 1s; }));
  CHECK_FALSE(minted([](auto& c) { c.expires_at = c.issued_at; }));
  CHECK_FALSE(minted([](auto& c) { c.shards = {}; }));
  CHECK_FALSE(minted([](auto& c) { c.shards = {3, 3}; }));
  CHECK_FALSE(minted([](auto& c) { c.shards.assign(max_token_shards + 1, 0); }));
  CHECK_FALSE(minted([](auto& c) { c.actions = {}; }));
  CHECK_FALSE(minted([](auto& c) { c.job = "with space"; }));
  CHECK_FALSE(minted([](auto& c) { c.key_thumbprint = "short"; }));
  CHECK_FALSE(minted([](auto& c) { c.issuer.clear(); }));
  CHECK_FALSE(mint_token(*f.agent_key, f.claims()));
}

TEST_CASE("no damaged lease token is accepted") {
  const Fixture f;
  test::for_each_damage(f.token(), [&](const std::string& damaged) { return f.code(damaged, f.expectation()) != "accepted"; });
}

TEST_CASE("a rightly signed token with other claims than ours is refused") {
  const Fixture f;
  const std::string good = *verify_token(f.token(), f.hub_key->public_key());
  CHECK(f.code(f.signed_payload(good), f.expectation()) == "accepted");
  CHECK(f.code(f.signed_payload("{}"), f.expectation()) == "token_malformed");
  CHECK(f.code(f.signed_payload("not json"), f.expectation()) == "token_malformed");
  CHECK(f.code(f.signed_payload("{\"x\":1," + good.substr(1)), f.expectation()) == "token_malformed");
  for (const char* year : {"1600", "1678", "2261", "2262", "9999"}) {
    std::string far = good;
    far.replace(far.find("\"exp\":\"2026") + 7, 4, year);
    CHECK(f.code(f.signed_payload(far), f.expectation()) == "token_malformed");
  }
  std::string version = good;
  version.replace(version.find("\"v\":1"), 5, "\"v\":2");
  CHECK(f.code(f.signed_payload(version), f.expectation()) == "token_malformed");
  CHECK(f.code(*sign_token(*f.hub_key, good), f.expectation()) == "token_malformed");
  CHECK(f.code(*sign_token(*f.hub_key, good, "{\"kid\":1}"), f.expectation()) == "token_malformed");
  // The kid names our key, but somebody else signed.
  const auto stranger = *generate_key(KeyAlgorithm::ed25519);
  CHECK(f.code(*sign_token(*stranger, good, *token_footer(f.token())), f.expectation()) == "token_signature");
}
