#pragma once
/// How a token comes from a wider one: organization → project → job → lease, or one input, or one change. All tokens of a hub
/// are made so, from `authority_of`, which is everything that an organization can permit and which nobody holds.
#include "identity/token.hpp"

namespace forgepool::identity {

/// What the new token is to be for. What is empty stays as the parent has it.
struct Narrowing {
  std::string token_id;  ///< Always its own.
  std::string subject;   ///< Whom it is for, with `key_thumbprint`. Only if the parent has no holder yet.
  std::string key_thumbprint;
  Time now{};       ///< Whole seconds; it is good from then on,
  Duration life{};  ///< for at most that long, and never longer than the parent.
  std::string project;
  std::string job;
  LeaseId lease;
  std::vector<std::uint32_t> shards;
  std::optional<Digest> adapter;
  std::optional<Digest> blob;
  bool once = false;
  std::vector<std::string> actions;  ///< Empty: all of the parent's.
};

/// Everything in `organization` that these actions can be about, for no holder and without end: to be narrowed.
TokenClaims authority_of(std::string hub, std::string organization, std::vector<std::string> actions);

/// `denied` token_widened if it would be for anything that the parent is not for.
Result<TokenClaims> narrow(const TokenClaims& parent, const Narrowing& wish);

/// What a request is about, as far as its action knows it.
struct TokenUse {
  std::string_view action;
  std::string_view organization;
  std::string_view project;  ///< Whose job or input; empty where the action is about nobody's in particular.
  std::string_view job;      ///< Empty: all there are, or one that is still to be.
  std::optional<Digest> blob{};
};
/// `denied` with token_organization, token_project, token_job, token_blob, token_lease or token_action unless the token is for
/// this.
Status permits(const TokenClaims& claims, const TokenUse& use);

}  // namespace forgepool::identity
