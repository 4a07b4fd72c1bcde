#include "identity/narrowing.hpp"

#include "crypto/reason.hpp"

#include <algorithm>

namespace forgepool::identity {
namespace {

Status widened(std::string_view what) {
  return refuse(ErrorKind::denied, "token_widened",
                "a token cannot be made for another " + std::string(what) + " than the one it comes from");
}

/// Takes over what is wished for where the parent leaves it open. False if the parent is for something else.
template <class T>
bool confine(T& value, const T& wish) {
  const T open{};
  if (wish == open || wish == value) return true;
  if (value != open) return false;
  value = wish;
  return true;
}

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

}  // namespace

TokenClaims authority_of(std::string hub, std::string organization, std::vector<std::string> actions) {
  TokenClaims claims;
  claims.issuer = claims.audience = std::move(hub);
  claims.organization = std::move(organization);
  claims.actions = std::move(actions);
  claims.issued_at = claims.not_before = Time::min();
  claims.expires_at = Time::max();
  return claims;
}

Result<TokenClaims> narrow(const TokenClaims& parent, const Narrowing& wish) {
  // What is good for one change must not become good for several.
  if (parent.once) return refuse(ErrorKind::denied, "token_widened", "no token comes from one that is good for one change");
  TokenClaims claims = parent;
  claims.token_id = wish.token_id;
  if (!confine(claims.subject, wish.subject) || !confine(claims.key_thumbprint, wish.key_thumbprint))
    return fail(widened("holder").error());
  if (!confine(claims.project, wish.project)) return fail(widened("project").error());
  if (!confine(claims.job, wish.job)) return fail(widened("job").error());
  if (!confine(claims.lease, wish.lease) || !confine(claims.shards, wish.shards) || !confine(claims.adapter, wish.adapter))
    return fail(widened("lease").error());
  if (!confine(claims.blob, wish.blob)) return fail(widened("input").error());
  claims.once = parent.once || wish.once;
  if (!wish.actions.empty()) {
    for (const auto& action : wish.actions)
      if (!contains(parent.actions, action)) return fail(widened("action").error());
    claims.actions = wish.actions;
  }
  claims.issued_at = wish.now;
  claims.not_before = std::max(parent.not_before, wish.now);
  claims.expires_at = std::min(parent.expires_at, wish.now + std::min(wish.life, max_token_life));
  if (claims.expires_at <= claims.issued_at)
    return refuse(ErrorKind::unauthenticated, "token_expired", "the token that it is to come from has run out");
  return claims;
}

Status permits(const TokenClaims& claims, const TokenUse& use) {
  const auto refuse_use = [](std::string_view code, std::string_view message) {
    return refuse(ErrorKind::denied, code, message);
  };
  if (!contains(claims.actions, use.action))
    return refuse_use("token_action", "the token does not permit \"" + std::string(use.action) + "\"");
  if (claims.organization != use.organization) return refuse_use("token_organization", "the token is for another organization");
  if (!claims.project.empty() && claims.project != use.project)
    return refuse_use("token_project", "the token is for another project");
  if (!claims.job.empty() && claims.job != use.job)
    return refuse_use("token_job", "the token is for one job, and not for this");
  if (claims.blob && claims.blob != use.blob) return refuse_use("token_blob", "the token is for one input, and not for this");
  if (!claims.lease.empty()) return refuse_use("token_lease", "the token is for what belongs to a lease");
  return {};
}

}  // namespace forgepool::identity
