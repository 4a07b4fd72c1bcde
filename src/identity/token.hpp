#pragma once
/// Tokens: what the hub gives somebody who has proved a key, to be shown with requests about jobs, inputs and leases. It adds
/// to the proof of the key, and replaces nothing.
///
/// A PASETO v4.public token with the registered claims iss, sub, aud, iat, nbf, exp, jti, with `cnf.jkt` (who shows it must
/// hold that key, so that a stolen token is useless elsewhere) and with
///
///     "fp": {"v": 1, "org": …, "project": …, "job": …, "lease": …, "shards": [0, 1], "adapter": "sha256:…",
///            "blob": "sha256:…", "once": true, "actions": ["fetch"]}
///
/// Each of project, job, lease and blob that is there makes it good for less; what a holder may do is `actions`. In tokens that
/// agents get, org, project and job are pseudonyms made for one job. The footer is {"kid": <pin of the signing key>}. Narrower
/// tokens come from wider ones by `narrow` (narrowing.hpp) alone.
#include <forgepool/digest.hpp>
#include <forgepool/ids.hpp>
#include <forgepool/keys.hpp>
#include <forgepool/time.hpp>

#include <optional>
#include <string>
#include <vector>

namespace forgepool::identity {

inline constexpr Duration max_token_life = std::chrono::minutes(5);
inline constexpr Duration max_token_skew = std::chrono::seconds(30);  ///< Allowed to the issuer's clock, both ways.
inline constexpr std::size_t max_token_shards = 256;

/// Actions that tokens permit.
namespace permit {
inline constexpr const char *fetch = "fetch", *report = "report";  // With a lease.
inline constexpr const char *upload = "upload", *submit = "submit", *forecast = "forecast", *read = "read", *cancel = "cancel",
                            *list = "list", *hold = "hold", *erase = "erase";
}  // namespace permit

struct TokenClaims {
  std::string issuer;    ///< SPIFFE id of the hub.
  std::string subject;   ///< SPIFFE id of the holder.
  std::string audience;  ///< SPIFFE id of who is to accept it.
  std::string token_id;  ///< Unique; an id in the sense of ids.hpp.
  Time issued_at{};      ///< Whole seconds.
  Time not_before{};
  Time expires_at{};                  ///< At most max_token_life after issued_at. Exclusive.
  std::string key_thumbprint;         ///< Of the holder's key: jwk_thumbprint.
  std::string organization;           ///< An id, as job and lease.
  std::string project;                ///< Whose jobs and inputs; empty: anybody's of the organization.
  std::string job;                    ///< Empty: any.
  LeaseId lease;                      ///< With its shards and adapter; empty: none.
  std::vector<std::uint32_t> shards;  ///< Ascending; none without a lease, at least one with one.
  std::optional<Digest> adapter;      ///< As `shards`.
  std::optional<Digest> blob;         ///< The only input; none: any.
  bool once = false;                  ///< Good for one change, and repetitions of the same request.
  std::vector<std::string> actions;   ///< What it permits: at least one.

  friend bool operator==(const TokenClaims&, const TokenClaims&) = default;
};

/// invalid_input for claims that `check_token` would refuse by their form.
Result<std::string> mint_token(const Signer& key, const TokenClaims& claims);

/// What the one who accepts a token expects of it.
struct TokenExpectation {
  std::string issuer;
  std::string audience;
  std::string key_thumbprint;  ///< Of the key that the peer has proved possession of.
  std::string action;
  Time now{};
  Duration max_skew = max_token_skew;
};

/// The claims, if all is as expected. `keys` are the trusted signing keys; the footer chooses. Kinds and codes
/// (crypto/reason.hpp): unauthenticated token_malformed, token_key, token_signature, token_issuer, token_audience,
/// token_not_yet_valid, token_expired, token_holder; denied token_action. What else the claims narrow it to is for the caller
/// to hold against the request.
Result<TokenClaims> check_token(std::string_view token, const std::vector<PublicKey>& keys, const TokenExpectation& expected);

/// The claims of a token that one of `keys` signed, whoever holds it and whenever: for revoking it. Codes as above.
Result<TokenClaims> read_token(std::string_view token, const std::vector<PublicKey>& keys);

}  // namespace forgepool::identity
