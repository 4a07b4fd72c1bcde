/// Tokens: minted for clients that ask, with each job, grant and heartbeat, and checked with every request about a job, an
/// input or a lease.
#include "crypto/digest.hpp"
#include "crypto/reason.hpp"
#include "crypto/x509.hpp"
#include "hub/hub_core.hpp"
#include "identity/key_id.hpp"
#include "identity/narrowing.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

std::string hub_name(const HubIdentity& identity) {
  return "spiffe://" + identity.trust_domain + "/hub";
}

/// Two requests with this digest ask for the same.
Digest request_digest(const Request& request) {
  // No method or path has a line break in it.
  return Sha256().update(request.method + "\n" + request.path + "\n").update(request.body).finish();
}

}  // namespace

Result<PublicKey> HubCore::key_of(const Peer& peer) const {
  const auto certificate = parse_certificate(peer.certificate);
  if (!certificate)
    return fail(ErrorKind::unauthenticated, "the peer's certificate cannot be read: " + certificate.error().message);
  return certificate->key;
}

Result<std::string> HubCore::mint(const identity::TokenClaims& parent, identity::Narrowing wish, const Peer& holder, Time now) {
  const auto key = key_of(holder);
  if (!key) return fail(key.error());
  wish.token_id = fresh_id("t-");
  wish.subject = holder.name;
  wish.key_thumbprint = identity::jwk_thumbprint(*key);
  wish.now = std::chrono::floor<std::chrono::seconds>(steady(now));
  wish.life = std::chrono::floor<std::chrono::seconds>(parts_.options.token_life);
  const auto claims = identity::narrow(parent, wish);
  if (!claims) return fail(claims.error());
  auto token = identity::mint_token(*parts_.identity.token_key, *claims);
  if (token) {
    std::string permits;
    for (const auto& action : claims->actions) permits += (permits.empty() ? "" : " ") + action;
    parts_.log.write(LogLevel::debug, "token_minted",
                     {{"peer", holder.name}, {"token", claims->token_id}, {"permits", std::move(permits)}});
  } else
    parts_.log.write(LogLevel::error, "token_not_minted", {{"peer", holder.name}, {"reason", token.error().message}});
  return token;
}

identity::TokenClaims HubCore::authority_of(const Caller& caller) const {
  auto authority = identity::authority_of(hub_name(parts_.identity), parts_.identity.trust_domain, permits_of(caller.role));
  // A client's reaches to what is its project's; an operator's to everything of its organization.
  if (caller.role == Role::client) authority.project = caller.owner();
  return authority;
}

Result<identity::TokenClaims> HubCore::check_token(const std::string& token, const Peer& peer, std::string_view action,
                                                   Time now) const {
  if (token.empty()) return refuse(ErrorKind::unauthenticated, "token_missing", "this needs a token (authorization: Bearer …)");
  const auto key = key_of(peer);
  if (!key) return fail(key.error());
  identity::TokenExpectation expected;
  expected.issuer = expected.audience = hub_name(parts_.identity);
  expected.key_thumbprint = identity::jwk_thumbprint(*key);
  expected.action = action;
  expected.now = steady(now);  // They are ours alone, made and checked: whoever sets the clock ends none.
  auto claims = identity::check_token(token, token_keys(now), expected);
  if (claims && revocations_.contains({"token", claims->token_id}))
    return refuse(ErrorKind::unauthenticated, "token_revoked", "this token was revoked");
  return claims;
}

// --- clients and operators -------------------------------------------------------------------------------------------

Result<wire::fb::TokenGrantT> HubCore::give_token(const Caller& caller, const Peer& peer, const wire::fb::TokenAskT& ask,
                                                  const std::string& parent, Time now) {
  if (ask.actions.empty()) return fail(ErrorKind::invalid_input, "actions: expected at least one");
  auto authority = authority_of(caller);
  if (!parent.empty()) {
    // Shown to come from one that permits the first of them; `narrow` looks at the others.
    auto shown = check_token(parent, peer, ask.actions.front(), now);
    if (!shown) return fail(shown.error());
    authority = std::move(*shown);
  }
  identity::Narrowing wish;
  wish.actions = ask.actions;
  wish.once = ask.once;
  if (!ask.job.empty()) {
    const auto job = JobId::parse(ask.job);
    if (!job) return fail(job.error());
    wish.job = job->str();
  }
  if (ask.blob) wish.blob = wire::from_wire(*ask.blob);
  auto token = mint(authority, std::move(wish), peer, now);
  if (!token) return fail(token.error());
  wire::fb::TokenGrantT grant;
  grant.token = std::move(*token);
  grant.life_ms = token_life_ms();
  return grant;
}

std::uint64_t HubCore::token_life_ms() const {
  return static_cast<std::uint64_t>(std::min(parts_.options.token_life, identity::max_token_life) /
                                    std::chrono::milliseconds(1));
}

Result<std::string> HubCore::job_token(const Caller& caller, const Peer& peer, const JobId& job, Time now) {
  identity::Narrowing wish;
  wish.job = job.str();
  wish.actions = {identity::permit::read, identity::permit::cancel};
  return mint(authority_of(caller), std::move(wish), peer, now);
}

Result<Ticket> HubCore::check_permit(const Caller& caller, const Peer& peer, const Rule& rule, const Request& request,
                                     const Subject& subject, Time now) {
  const auto claims = check_token(request.authorization, peer, rule.permit, now);
  if (!claims) return fail(claims.error());
  const std::string owner = caller.owner();
  const identity::TokenUse use{rule.permit, parts_.identity.trust_domain, owner, subject.job, subject.blob};
  if (const auto permitted = identity::permits(*claims, use); !permitted) return fail(permitted.error());
  if (rule.token != Token::once) return Ticket{};
  if (!claims->once)
    return refuse(ErrorKind::denied, "token_not_once", "what changes something needs a token that is good for one change");
  Ticket ticket{claims->token_id, request_digest(request), claims->expires_at + identity::max_token_skew, owner};
  used_tokens_.forget(now, effects_);
  if (const auto used = used_tokens_.look_up(ticket); !used) return fail(used.error());
  return ticket;
}

// --- agents ----------------------------------------------------------------------------------------------------------

std::string HubCore::mint_lease_token(const Peer& peer, const Lease& lease, const Job& job, Time now) {
  // The organization's authority over this one job, under the only name that agents know it by.
  auto authority =
      identity::authority_of(hub_name(parts_.identity), job.pseudonym, {identity::permit::fetch, identity::permit::report});
  identity::Narrowing wish;
  wish.project = wish.job = job.pseudonym;
  wish.lease = lease.id;
  for (const auto index : lease.shards) wish.shards.push_back(job.running->plan.shards.at(index).index);  // As the grant says.
  wish.adapter = job.adapter->digest();
  // The handshake proved the key, and the hub made the rest: there is nothing that it could fail for.
  return mint(authority, std::move(wish), peer, now).value_or("");
}

Result<LeaseId> HubCore::leased_by(const std::string& token, const Peer& peer, std::string_view action, Time now) const {
  return check_token(token, peer, action, now).map([](const identity::TokenClaims& claims) { return claims.lease; });
}

}  // namespace forgepool::hub
