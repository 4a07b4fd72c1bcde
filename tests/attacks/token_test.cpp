// Lease tokens: stolen, forged, bent, too early and too late.
#include "world.hpp"

#include "identity/key_id.hpp"
#include "identity/paseto.hpp"
#include "wire/json.hpp"

#include <catch2/generators/catch_generators.hpp>

using namespace forgepool;
using namespace forgepool::attacks;
using namespace std::chrono_literals;

namespace {

/// A job with a shard under lease to an agent.
struct Leased : World {
  Node thief = agent(), holder = agent(), owner = client();
  wire::fb::LeaseGrantT grant;
  Leased() {
    REQUIRE(submit(owner, 8)->status == 200);
    grant = lease(holder, 2);
    REQUIRE(ask(*holder.connection, fetch(grant, grant.token))->status == 200);
  }
  Refusal with(const std::string& token) { return refusal(holder, fetch(grant, token)); }
};

const Refusal malformed{401, "token_malformed"};

std::string footer_of(const PublicKey& key) {
  return json::canonicalize(json::Object{{"kid", identity::key_id(key)}});
}

}  // namespace

TEST_CASE("a stolen token is worth nothing from the connection of another key") {
  Leased world;
  CHECK(world.refusal(world.thief, fetch(world.grant, world.grant.token)) == Refusal{401, "token_holder"});
  CHECK(world.refusal(world.thief, result(world.report(world.thief, world.grant), world.grant.token)) ==
        Refusal{401, "token_holder"});
  world.honest_work_goes_on();
}

TEST_CASE("a token that somebody else signed names a key that is not trusted") {
  Leased world;
  const auto own_key = must(generate_key(KeyAlgorithm::ed25519));
  CHECK(world.with(must(identity::mint_token(*own_key, world.claims(world.holder, world.grant)))) == Refusal{401, "token_key"});
  world.honest_work_goes_on();
}

TEST_CASE("a token that somebody else signed under the name of the hub's key does not verify") {
  Leased world;
  const auto own_key = must(generate_key(KeyAlgorithm::ed25519));
  const auto honest = must(identity::verify_token(world.grant.token, world.identity.token_key->public_key()));
  const auto forged = must(identity::sign_token(*own_key, honest, footer_of(world.identity.token_key->public_key())));
  CHECK(world.with(forged) == Refusal{401, "token_signature"});
  world.honest_work_goes_on();
}

TEST_CASE("claims that were widened after signing do not verify") {
  Leased world;
  // Payload and signature are one base64url text: change the part before the signature.
  std::string token = world.grant.token;
  token[std::string("v4.public.").size() + 40] ^= 1;
  CHECK(world.with(token) == Refusal{401, "token_signature"});
  world.honest_work_goes_on();
}

TEST_CASE("tokens of other kinds are none") {
  Leased world;
  const std::string body = world.grant.token.substr(std::string("v4.public.").size());
  const std::string token =
      GENERATE_COPY("v4.local." + body, "v3.public." + body, "v2.public." + body, "v1.public." + body, "V4.public." + body,
                    std::string("eyJhbGciOiJub25lIn0.e30."), std::string("eyJhbGciOiJIUzI1NiJ9.e30.AAAA"),
                    std::string("v4.public."), std::string("v4.public..."), body);
  CAPTURE(token);
  CHECK(world.with(token) == malformed);
  CHECK(world.with("") == Refusal{401, "token_missing"});
  world.honest_work_goes_on();
}

TEST_CASE("games with the footer are seen") {
  Leased world;
  const std::string unsigned_part = world.grant.token.substr(0, world.grant.token.rfind('.'));
  const auto base64 = [](std::string_view text) { return to_base64url(as_bytes(text)); };
  const auto honest = footer_of(world.identity.token_key->public_key());
  CHECK(world.with(unsigned_part) == malformed);
  CHECK(world.with(unsigned_part + ".") == malformed);
  CHECK(world.with(unsigned_part + "." + base64(R"({"kid":"k4.pid.other"})")) == Refusal{401, "token_key"});
  CHECK(world.with(unsigned_part + "." + base64(R"({"alg":"none",)" + honest.substr(1))) == malformed);
  CHECK(world.with(unsigned_part + "." + base64(R"({"kid":"x",)" + honest.substr(1))) == malformed);  // Twice the same name.
  CHECK(world.with(world.grant.token + ".AAAA") == malformed);
  CHECK(world.with(unsigned_part + "." + base64(" " + honest)) == Refusal{401, "token_signature"});
  world.honest_work_goes_on();
}

TEST_CASE("a token that has run out is refused, but for the skew that clocks are allowed") {
  Leased world;
  auto claims = world.claims(world.holder, world.grant);
  claims.issued_at = claims.not_before = claims.issued_at - 4min;
  claims.expires_at = std::chrono::floor<std::chrono::seconds>(world.loop->now()) - 40s;
  CHECK(world.with(world.mint(claims)) == Refusal{401, "token_expired"});
  claims.expires_at += 25s;
  CHECK(world.with(world.mint(claims)) == Refusal{200, "accepted"});
  world.honest_work_goes_on();
}

TEST_CASE("a token that is not valid yet is refused, but for the skew that clocks are allowed") {
  Leased world;
  auto claims = world.claims(world.holder, world.grant);
  claims.not_before += 45s;
  CHECK(world.with(world.mint(claims)) == Refusal{401, "token_not_yet_valid"});
  claims.not_before -= 25s;
  CHECK(world.with(world.mint(claims)) == Refusal{200, "accepted"});
  world.honest_work_goes_on();
}

TEST_CASE("not even the hub's own key makes a token that lives longer than five minutes, or has claims of another shape") {
  Leased world;
  const auto& key = *world.identity.token_key;
  const auto honest = must(identity::verify_token(world.grant.token, key.public_key()));
  const auto bent = [&](std::string_view from, std::string_view to) {
    std::string payload = honest;
    const auto at = payload.find(from);
    REQUIRE(at != std::string::npos);
    payload.replace(at, from.size(), to);
    return must(identity::sign_token(key, payload, footer_of(key.public_key())));
  };
  const auto expiry = honest.substr(honest.find("\"exp\":\"") + 7, 4);
  CHECK(world.with(bent("\"exp\":\"" + expiry, "\"exp\":\"2999")) == malformed);
  CHECK(world.with(bent("\"v\":1", "\"v\":2")) == malformed);
  CHECK(world.with(bent("\"actions\":[", "\"admin\":true,\"actions\":[")) == malformed);
  CHECK(world.with(bent("\"shards\":[", "\"shards\":[-1,")) == malformed);
  CHECK(world.with(bent("\"cnf\":{", "\"cnf\":{\"x\":1,")) == malformed);
  world.honest_work_goes_on();
}

TEST_CASE("a token for another hub, or by another hub, is refused") {
  Leased world;
  auto claims = world.claims(world.holder, world.grant);
  claims.audience = "spiffe://elsewhere/hub";
  CHECK(world.with(world.mint(claims)) == Refusal{401, "token_audience"});
  claims = world.claims(world.holder, world.grant);
  claims.issuer = "spiffe://elsewhere/hub";
  CHECK(world.with(world.mint(claims)) == Refusal{401, "token_issuer"});
  world.honest_work_goes_on();
}

TEST_CASE("a token permits what it says and nothing else") {
  Leased world;
  auto claims = world.claims(world.holder, world.grant);
  claims.actions = {"fetch"};
  CHECK(world.refusal(world.holder, result(world.report(world.holder, world.grant), world.mint(claims))) ==
        Refusal{403, "token_action"});
  claims.actions = {"report"};
  CHECK(world.with(world.mint(claims)) == Refusal{403, "token_action"});
  world.honest_work_goes_on();
}

TEST_CASE("a token opens the blobs of its lease and no others") {
  Leased world;
  const Bytes secret = to_bytes("somebody's input");
  const std::string digest = sha256(secret).hex();
  REQUIRE(world.ask(*world.owner.connection, {"PUT", "/v1/blobs/" + digest, "", secret})->status == 204);
  CHECK(world.refusal(world.holder, get("/v1/agent/blob/" + digest, world.grant.token)) == Refusal{403, "blob_not_leased"});
  CHECK(world.refusal(world.holder, get("/v1/agent/blob/" + std::string(64, '0'), world.grant.token)) ==
        Refusal{403, "blob_not_leased"});
  world.honest_work_goes_on();
}

TEST_CASE("a token is good as long as its lease") {
  Leased world;
  REQUIRE(world.ask(*world.holder.connection, result(world.report(world.holder, world.grant), world.grant.token))->status ==
          200);
  CHECK(world.with(world.grant.token) == Refusal{403, "lease_unknown"});
  auto claims = world.claims(world.holder, world.grant);
  claims.lease = LeaseId("l-invented");
  CHECK(world.with(world.mint(claims)) == Refusal{403, "lease_unknown"});
  world.honest_work_goes_on();
}

TEST_CASE("another agent's lease stays closed to a token of one's own key") {
  Leased world;
  // Even if the hub's key had signed it.
  const auto claims = world.claims(world.thief, world.grant);
  CHECK(world.refusal(world.thief, fetch(world.grant, world.mint(claims))) == Refusal{403, "lease_unknown"});
  CHECK(world.refusal(world.thief, result(world.report(world.thief, world.grant), world.mint(claims))) ==
        Refusal{403, "lease_holder"});
  world.honest_work_goes_on();
}

TEST_CASE("tokens of any size and content are refused") {
  Leased world;
  CHECK(world.with("v4.public." + std::string(9000, 'A')) == malformed);
  CHECK(world.refusal(world.holder, fetch(world.grant, std::string(15'000, 'A'))) == malformed);
  std::string all;
  for (char c = '!'; c <= '~'; ++c) all += c;
  CHECK(world.with(all) == malformed);
  world.honest_work_goes_on();
}
