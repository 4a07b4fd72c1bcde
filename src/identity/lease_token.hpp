#pragma once
/// Lease tokens: what the hub gives an agent together with a lease, and the agent shows with every request about it.
///
/// A PASETO v4.public token with the registered claims iss, sub, aud, iat, nbf, exp, jti, with `cnf.jkt` (who shows it must
/// hold that key, so that a stolen token is useless elsewhere) and with
///
///     "fp": {"v": 1, "org": …, "project": …, "job": …, "lease": …,
///            "shards": [0, 1], "adapter": "sha256:…", "actions": ["fetch"]}
///
/// where org, project and job are pseudonyms made for one job. The footer is {"kid": <pin of the signing key>}.
#include <forgepool/digest.hpp>
#include <forgepool/ids.hpp>
#include <forgepool/keys.hpp>
#include <forgepool/time.hpp>

#include <string>
#include <vector>

namespace forgepool::identity {

inline constexpr Duration max_token_life = std::chrono::minutes(5);
inline constexpr std::size_t max_token_shards = 256;

struct LeaseClaims {
  std::string issuer;    ///< SPIFFE id of the hub.
  std::string subject;   ///< SPIFFE id of the agent.
  std::string audience;  ///< SPIFFE id of who is to accept it.
  std::string token_id;  ///< Unique; an id in the sense of ids.hpp.
  Time issued_at{};      ///< Whole seconds.
  Time not_before{};
  Time expires_at{};           ///< At most max_token_life after issued_at. Exclusive.
  std::string key_thumbprint;  ///< Of the agent's key: jwk_thumbprint.
  std::string organization;    ///< Pseudonyms; ids in the sense of ids.hpp.
  std::string project;
  std::string job;
  LeaseId lease;
  std::vector<std::uint32_t> shards;  ///< Ascending, at least one.
  Digest adapter;
  std::vector<std::string> actions;  ///< What it permits: "fetch", "report", …; at least one.

  friend bool operator==(const LeaseClaims&, const LeaseClaims&) = default;
};

/// invalid_input for claims that `check_lease_token` would refuse by their form.
Result<std::string> mint_lease_token(const Signer& key, const LeaseClaims& claims);

/// What the one who accepts a token expects of it.
struct TokenExpectation {
  std::string issuer;
  std::string audience;
  std::string key_thumbprint;  ///< Of the key that the peer has proved possession of.
  std::string action;
  Time now{};
  Duration max_skew = std::chrono::seconds(30);  ///< Allowed to the issuer's clock, both ways.
};

/// The claims, if all is as expected. `keys` are the trusted signing keys; the footer chooses. Kinds and codes
/// (crypto/reason.hpp): unauthenticated token_malformed, token_key, token_signature, token_issuer, token_audience,
/// token_not_yet_valid, token_expired, token_holder; denied token_action.
Result<LeaseClaims> check_lease_token(std::string_view token, const std::vector<PublicKey>& keys,
                                      const TokenExpectation& expected);

/// The claims of a token that one of `keys` signed, whoever holds it and whenever: for revoking it. Codes as above.
Result<LeaseClaims> read_lease_token(std::string_view token, const std::vector<PublicKey>& keys);

}  // namespace forgepool::identity
