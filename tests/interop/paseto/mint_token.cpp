// mint_token: prints as JSON what a hub would give an agent, with what the other implementation needs to check it.
#include "identity/key_id.hpp"
#include "identity/paseto.hpp"
#include "identity/token.hpp"
#include "wire/json.hpp"

#include <forgepool/event_loop.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace forgepool;

template <class T>
T need(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "mint_token: %s\n", result.error().message.c_str());
  std::exit(1);
}

identity::TokenClaims claims_at(Time now, const std::string& thumbprint) {
  identity::TokenClaims claims;
  claims.issuer = "spiffe://paseto.example/hub";
  claims.subject = "spiffe://paseto.example/agent/one";
  claims.audience = "spiffe://paseto.example/hub";
  claims.token_id = "token-1";
  claims.issued_at = claims.not_before = now;
  claims.expires_at = now + identity::max_token_life;
  claims.key_thumbprint = thumbprint;
  claims.organization = "o-1";
  claims.project = "p-1";
  claims.job = "w-1";
  claims.lease = LeaseId{"lease-1"};
  claims.shards = {0, 1, 7};
  claims.adapter = sha256("adapter");
  claims.actions = {"fetch", "report"};
  return claims;
}

}  // namespace

int main() {
  const auto now = std::chrono::floor<std::chrono::seconds>(make_event_loop()->now());
  const auto hub_key = need(generate_key(KeyAlgorithm::ed25519));
  const auto agent_key = need(generate_key(KeyAlgorithm::ecdsa_p256));
  const auto thumbprint = identity::jwk_thumbprint(agent_key->public_key());
  const auto token = need(identity::mint_token(*hub_key, claims_at(now, thumbprint)));
  const auto expired = need(identity::mint_token(*hub_key, claims_at(now - std::chrono::hours(1), thumbprint)));
  const auto asserted = need(identity::sign_token(*hub_key, R"({"data":"ä"})", "a footer", "an implicit assertion"));
  std::puts(json::canonicalize(json::Object{{"public_key_spki", to_base64(hub_key->public_key().spki)},
                                            {"agent_key_spki", to_base64(agent_key->public_key().spki)},
                                            {"thumbprint", thumbprint},
                                            {"key_id", identity::key_id(hub_key->public_key())},
                                            {"token", token},
                                            {"expired", expired},
                                            {"asserted", asserted}})
                .c_str());
}
