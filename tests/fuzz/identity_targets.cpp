// Tokens, certificates, requests and signed statements.
#include "targets.hpp"

#include "../unit/audit/story.hpp"

#include "crypto/x509.hpp"
#include "identity/dsse.hpp"
#include "identity/join_token.hpp"
#include "identity/key_id.hpp"
#include "identity/svid.hpp"
#include "identity/token.hpp"

#include <algorithm>

namespace forgepool::fuzz {
namespace {

using testing::Story;

/// Of an agent's lease, or of a client for one upload.
std::string some_token(const Signer& key, const identity::TokenExpectation& expected, bool leased) {
  identity::TokenClaims claims;
  claims.issuer = expected.issuer;
  claims.subject = "spiffe://pool/agent/a";
  claims.audience = expected.audience;
  claims.token_id = "t-1";
  claims.issued_at = claims.not_before = expected.now;
  claims.expires_at = claims.issued_at + identity::max_token_life;
  claims.key_thumbprint = expected.key_thumbprint;
  claims.organization = "w-1";
  if (leased) {
    claims.project = claims.job = "w-1";
    claims.lease = LeaseId("l-1");
    claims.shards = {0, 7};
    claims.adapter = sha256("an adapter");
  } else {
    claims.project = "apollo/";
    claims.blob = sha256("an input");
    claims.once = true;
  }
  claims.actions = {"fetch", "report"};
  return identity::mint_token(key, claims).value();
}

Target token_target() {
  const auto key = generate_key(KeyAlgorithm::ed25519).value();
  identity::TokenExpectation expected;
  expected.issuer = expected.audience = "spiffe://pool/hub";
  expected.key_thumbprint = identity::jwk_thumbprint(generate_key(KeyAlgorithm::ecdsa_p256).value()->public_key());
  expected.action = "fetch";
  expected.now = testing::story_time();
  const std::vector<Bytes> seeds{to_bytes(some_token(*key, expected, true)), to_bytes(some_token(*key, expected, false))};
  return {"token", seeds, [=](ByteView input) {
            const bool accepted = identity::check_token(as_text(input), {key->public_key()}, expected).has_value();
            const Bytes token(input.begin(), input.end());
            hold(!accepted || std::find(seeds.begin(), seeds.end(), token) != seeds.end(),
                 "only the tokens that were signed are accepted");
            return accepted;
          }};
}

Target certificate_target(const Story& story) {
  std::vector<Bytes> seeds;
  for (const auto& [name, agent] : story.agents) seeds.push_back(agent.identity.certificate_chain.front());
  seeds.push_back(story.hub.tls.certificate_chain.front());
  const auto ca = parse_certificate(story.hub.ca_certificate).value();
  return {"certificate", seeds, [=, trust_domain = story.hub.trust_domain](ByteView input) {
            const Bytes der(input.begin(), input.end());
            auto parsed = parse_certificate(der);
            if (!parsed) return false;
            hold(parsed->der == der, "a certificate is its bytes");
            const bool original = std::find(seeds.begin(), seeds.end(), der) != seeds.end();
            hold(original || !is_signed_by(*parsed, ca.key), "a changed certificate is not the CA's");
            (void)identity::check_svid_profile(std::move(*parsed));
            return true;
          }};
}

}  // namespace

std::vector<Target> identity_targets() {
  Story story;
  story.tell();
  const wire::Bundle bundle = story.bundle();
  std::vector<Target> targets;
  targets.push_back(token_target());
  targets.push_back({"join_token", {to_bytes(identity::make_join_token(story.hub.pin()).text())}, [](ByteView input) {
                       const auto token = identity::parse_join_token(as_text(input));
                       hold(!token || token->text() == as_text(input), "a join token has one form");
                       return token.has_value();
                     }});
  targets.push_back(
      {"spiffe_id",
       {to_bytes("spiffe://pool.example/agent/a-1"), to_bytes("spiffe://pool.example/hub"), to_bytes("spiffe://p/client/c")},
       [](ByteView input) {
         const auto id = identity::parse_spiffe_id(as_text(input));
         hold(!id || id->uri() == as_text(input), "an id has one form");
         return id.has_value();
       }});
  targets.push_back(certificate_target(story));
  targets.push_back({"certificate_pem", {to_bytes(certificate_to_pem(story.hub.ca_certificate))}, [](ByteView input) {
                       return certificate_chain_from_pem(as_text(input)).has_value();
                     }});
  const auto requester = generate_key(KeyAlgorithm::ecdsa_p256).value();
  targets.push_back({"certificate_request",
                     {make_certificate_request(*requester).value(), make_certificate_request(*requester, "name").value()},
                     [pin = requester->public_key().pin()](ByteView input) {
                       const auto request = parse_certificate_request(input);
                       hold(!request || request->key.pin() == pin, "no request in the name of another key");
                       return request.has_value();
                     }});
  std::vector<Bytes> envelopes, receipts, verdicts;
  for (const auto& receipt : bundle.receipts) {
    envelopes.push_back(to_bytes(receipt.envelope));
    receipts.push_back(identity::parse_envelope(receipt.envelope)->payload);
  }
  for (const auto& verdict : bundle.verdicts) verdicts.push_back(identity::parse_envelope(verdict.envelope)->payload);
  targets.push_back(
      {"envelope", envelopes, [](ByteView input) { return identity::parse_envelope(as_text(input)).has_value(); }});
  targets.push_back({"receipt", receipts, [](ByteView input) {
                       const auto receipt = identity::parse_receipt(as_text(input));
                       hold(!receipt || identity::write_receipt(*receipt) == std::string(as_text(input)),
                            "what is read is exactly what is written");
                       return receipt.has_value();
                     }});
  targets.push_back({"verdict", verdicts, [](ByteView input) {
                       const auto verdict = identity::parse_verdict(as_text(input));
                       hold(!verdict || identity::write_verdict(*verdict) == std::string(as_text(input)),
                            "what is read is exactly what is written");
                       return verdict.has_value();
                     }});
  return targets;
}

}  // namespace forgepool::fuzz
