/// Lease tokens: minted with a grant and each heartbeat, checked with every request about a lease.
#include "crypto/reason.hpp"
#include "crypto/x509.hpp"
#include "hub/hub_core.hpp"
#include "identity/key_id.hpp"
#include "identity/lease_token.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

std::string hub_name(const HubIdentity& identity) {
  return "spiffe://" + identity.trust_domain + "/hub";
}

}  // namespace

Result<PublicKey> HubCore::key_of(const Peer& peer) const {
  const auto certificate = parse_certificate(peer.certificate);
  if (!certificate)
    return fail(ErrorKind::unauthenticated, "the peer's certificate cannot be read: " + certificate.error().message);
  return certificate->key;
}

std::string HubCore::mint_token(const Peer& peer, const Lease& lease, const Job& job, Time now) {
  const auto key = key_of(peer);
  if (!key) return {};  // The handshake proved this key: it cannot fail to parse.
  identity::LeaseClaims claims;
  claims.issuer = claims.audience = hub_name(parts_.identity);
  claims.subject = peer.name;
  claims.token_id = fresh_id("t-");
  claims.issued_at = claims.not_before = std::chrono::floor<std::chrono::seconds>(now);
  claims.expires_at = claims.issued_at +
                      std::chrono::floor<std::chrono::seconds>(std::min(parts_.options.token_life, identity::max_token_life));
  claims.key_thumbprint = identity::jwk_thumbprint(*key);
  claims.organization = claims.project = claims.job = job.pseudonym;
  claims.lease = lease.id;
  claims.shards = lease.shards;
  claims.adapter = job.adapter->digest();
  claims.actions = {"fetch", "report"};
  const auto token = identity::mint_lease_token(*parts_.identity.token_key, claims);
  if (!token) {
    parts_.log.write(LogLevel::error, "token_not_minted", {{"lease", lease.id.str()}, {"reason", token.error().message}});
    return {};
  }
  return *token;
}

Result<LeaseId> HubCore::check_token(const std::string& token, const Peer& peer, std::string_view action, Time now) const {
  const auto key = key_of(peer);
  if (!key) return fail(key.error());
  identity::TokenExpectation expected;
  expected.issuer = expected.audience = hub_name(parts_.identity);
  expected.key_thumbprint = identity::jwk_thumbprint(*key);
  expected.action = action;
  expected.now = now;
  auto claims = identity::check_lease_token(token, token_keys(now), expected);
  if (!claims) return fail(claims.error());
  if (revocations_.contains({"token", claims->token_id}))
    return refuse(ErrorKind::unauthenticated, "token_revoked", "this token was revoked");
  return claims->lease;
}

}  // namespace forgepool::hub
