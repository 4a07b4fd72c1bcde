#include "identity/token.hpp"

#include "crypto/reason.hpp"
#include "identity/key_id.hpp"
#include "identity/paseto.hpp"
#include "wire/json_reader.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::identity {
namespace {

constexpr int version = 1;
constexpr std::size_t max_name_bytes = 512;
constexpr std::size_t max_actions = 16;

json::Array strings(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

std::string payload_of(const TokenClaims& claims) {
  json::Object fp{{"v", version}, {"org", claims.organization}, {"actions", strings(claims.actions)}};
  if (!claims.project.empty()) fp.set("project", claims.project);
  if (!claims.job.empty()) fp.set("job", claims.job);
  if (!claims.lease.empty()) fp.set("lease", claims.lease.str());
  if (!claims.shards.empty()) fp.set("shards", json::Array(claims.shards.begin(), claims.shards.end()));
  if (claims.adapter) fp.set("adapter", claims.adapter->str());
  if (claims.blob) fp.set("blob", claims.blob->str());
  if (claims.once) fp.set("once", true);
  return json::canonicalize(json::Object{{"iss", claims.issuer},
                                         {"sub", claims.subject},
                                         {"aud", claims.audience},
                                         {"iat", to_rfc3339(claims.issued_at)},
                                         {"nbf", to_rfc3339(claims.not_before)},
                                         {"exp", to_rfc3339(claims.expires_at)},
                                         {"jti", claims.token_id},
                                         {"cnf", json::Object{{"jkt", claims.key_thumbprint}}},
                                         {"fp", std::move(fp)}});
}

Time read_time(json::ObjectReader& reader, std::string_view key) {
  const auto time = from_rfc3339(reader.string(key, 40));
  if (!time) reader.refuse(key, time.error().message);
  return time.value_or(Time{});
}

std::vector<std::uint32_t> read_shards(json::ObjectReader& reader) {
  std::vector<std::uint32_t> shards;
  const auto* list = reader.array("shards", 1, max_token_shards);
  for (const auto& item : list ? *list : json::Array{}) {
    const auto* number = item.as_integer();
    if (!number || *number < 0 || *number > 0xffff'ffff || (!shards.empty() && *number <= shards.back())) {
      reader.refuse("shards", "expected ascending shard indices");
      return {};
    }
    shards.push_back(static_cast<std::uint32_t>(*number));
  }
  return shards;
}

Status read_scope(const json::Value& value, TokenClaims* claims) {
  json::ObjectReader reader(value, "/fp");
  // What is left out is meant to be: an empty name or a false would be a second spelling.
  const auto present = [&](std::string_view key) { return reader.has(key); };
  reader.integer("v", version, version);
  claims->organization = reader.id("org");
  if (present("project")) claims->project = reader.string("project", max_name_bytes, {}, 1);
  if (present("job")) claims->job = reader.id("job");
  if (present("blob")) claims->blob = reader.digest("blob");
  if (present("once") && !(claims->once = reader.boolean("once"))) reader.refuse("once", "expected true, or nothing");
  if (present("lease") || present("shards") || present("adapter")) {
    claims->lease = LeaseId(reader.id("lease"));
    claims->shards = read_shards(reader);
    claims->adapter = reader.digest("adapter");
    if (claims->job.empty()) reader.refuse("job", "expected the job of the lease");
  }
  claims->actions = reader.ids("actions", max_actions);
  if (claims->actions.empty()) reader.refuse("actions", "expected at least one");
  return reader.finish();
}

Result<TokenClaims> read_claims(std::string_view payload) {
  const auto value = json::parse(payload, max_token_bytes);
  if (!value) return fail(value.error());
  TokenClaims claims;
  json::ObjectReader reader(*value, "");
  claims.issuer = reader.string("iss", max_name_bytes, {}, 1);
  claims.subject = reader.string("sub", max_name_bytes, {}, 1);
  claims.audience = reader.string("aud", max_name_bytes, {}, 1);
  claims.token_id = reader.id("jti");
  claims.issued_at = read_time(reader, "iat");
  claims.not_before = read_time(reader, "nbf");
  claims.expires_at = read_time(reader, "exp");
  if (const auto* value_of_cnf = reader.object("cnf")) {
    json::ObjectReader cnf(*value_of_cnf, reader.pointer("cnf"));
    claims.key_thumbprint = cnf.string("jkt", 43, {}, 43);
    if (auto status = cnf.finish(); !status) reader.refuse(status.error());
  }
  if (const auto* fp = reader.object("fp"))
    if (auto status = read_scope(*fp, &claims); !status) reader.refuse(status.error());
  if (claims.expires_at <= claims.issued_at || claims.expires_at > claims.issued_at + max_token_life)
    reader.refuse("exp", "expected a time within 5 minutes after iat");
  if (auto status = reader.finish(); !status) return fail(status.error());
  return claims;
}

Result<const PublicKey*> choose_key(std::string_view token, const std::vector<PublicKey>& keys) {
  const auto footer = token_footer(token);
  if (!footer) return refuse(ErrorKind::unauthenticated, "token_malformed", footer.error().message);
  const auto value = json::parse(*footer, 1024);
  if (!value) return refuse(ErrorKind::unauthenticated, "token_malformed", "the token's footer is not JSON with a kid");
  json::ObjectReader reader(*value, "");
  const std::string kid = reader.string("kid", 64, {}, 1);
  if (!reader.finish()) return refuse(ErrorKind::unauthenticated, "token_malformed", "the token's footer is not {\"kid\": …}");
  for (const auto& key : keys)
    if (key_id(key) == kid) return &key;
  return refuse(ErrorKind::unauthenticated, "token_key",
                "the token is signed with a key that is not trusted here (was it issued by another hub?)");
}

Status check_expectation(const TokenClaims& claims, const TokenExpectation& expected) {
  const auto refuse_token = [](std::string_view code, std::string message) {
    return refuse(ErrorKind::unauthenticated, code, message);
  };
  if (claims.issuer != expected.issuer)
    return refuse_token("token_issuer", "the token was issued by somebody else than " + expected.issuer);
  if (claims.audience != expected.audience)
    return refuse_token("token_audience", "the token is for somebody else than " + expected.audience);
  if (expected.now + expected.max_skew < std::max(claims.not_before, claims.issued_at))
    return refuse_token("token_not_yet_valid", fmt::format("the token is valid from {}, and it is {}",
                                                           to_rfc3339(claims.not_before), to_rfc3339(expected.now)));
  if (expected.now - expected.max_skew >= claims.expires_at)
    return refuse_token("token_expired", fmt::format("the token expired at {}, and it is {}: ask for a fresh one",
                                                     to_rfc3339(claims.expires_at), to_rfc3339(expected.now)));
  if (claims.key_thumbprint != expected.key_thumbprint)
    return refuse_token("token_holder",
                        "the token belongs to the holder of another key than the one this connection was made with");
  if (std::ranges::find(claims.actions, expected.action) == claims.actions.end())
    return refuse(ErrorKind::denied, "token_action", "the token does not permit \"" + expected.action + "\"");
  return {};
}

}  // namespace

Result<std::string> mint_token(const Signer& key, const TokenClaims& claims) {
  const std::string payload = payload_of(claims);
  if (auto read = read_claims(payload); !read)
    return fail(read.error().kind, "the token's claims are not valid: " + read.error().message);
  return sign_token(key, payload, json::canonicalize(json::Object{{"kid", key_id(key.public_key())}}));
}

Result<TokenClaims> read_token(std::string_view token, const std::vector<PublicKey>& keys) {
  const auto key = choose_key(token, keys);
  if (!key) return fail(key.error());
  const auto payload = verify_token(token, **key);
  if (!payload) return refuse(ErrorKind::unauthenticated, "token_signature", payload.error().message);
  auto claims = read_claims(*payload);
  if (!claims) return refuse(ErrorKind::unauthenticated, "token_malformed", claims.error().message);
  return claims;
}

Result<TokenClaims> check_token(std::string_view token, const std::vector<PublicKey>& keys, const TokenExpectation& expected) {
  auto claims = read_token(token, keys);
  if (!claims) return fail(claims.error());
  if (auto status = check_expectation(*claims, expected); !status) return fail(status.error());
  return claims;
}

}  // namespace forgepool::identity
