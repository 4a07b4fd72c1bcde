#pragma once
/// Who may do what with what: one table, default deny. Every request passes it before anything else looks at it, and again once
/// it is known whose the thing is that it is about.
#include <forgepool/ids.hpp>
#include <forgepool/transport.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace forgepool::hub {

/// The hub's operator is the operator of the hub's own organization.
enum class Role { anonymous, agent, client, operator_, hub_operator };
inline constexpr Role all_roles[] = {Role::anonymous, Role::agent, Role::client, Role::operator_, Role::hub_operator};
std::string_view to_string(Role role);

/// A peer as the hub knows it, from its SPIFFE id.
struct Caller {
  Role role = Role::anonymous;
  std::string name{};          ///< Agent id or client name.
  std::string project{};       ///< Of a client; empty: none.
  std::string organization{};  ///< Its trust domain.

  /// What things of this caller are marked with: an agent's id, a client's name, "<project>/", which all clients of the
  /// project share, or "/operator".
  std::string owner() const {
    if (role == Role::operator_ || role == Role::hub_operator) return "/operator";  // No client can be called so.
    return project.empty() ? name : project + "/";
  }
};

enum class Action {
  enrol,
  renew,
  take_token,
  read_health,
  read_log,
  read_log_hashes,
  cosign,
  take_lease,
  heartbeat,
  fetch_blob,
  report_result,
  upload_blob,
  submit_job,
  forecast_job,
  read_job,
  cancel_job,
  hold_job,
  erase_job,
  list_jobs,
  invite,
  list_agents,
  read_posture,
  drain_agent,
  hear_appeal,
  revoke,
  rotate_keys,
  read_revocation_list,
  list_organizations,
  revoke_organization,
};

/// How far a role's permission for an action reaches.
enum class Scope {
  none,          ///< Not at all.
  own,           ///< To what is marked as the caller's.
  organization,  ///< To everything of the caller's organization.
  hub,           ///< To everything.
};

/// What has to be shown with a request, beside the key of the connection (identity/token.hpp).
enum class Token {
  none,   ///< Nothing.
  any,    ///< A token that permits it.
  once,   ///< A token that permits it and is good for one change.
  lease,  ///< The token of a lease.
};

struct Rule {
  Action action;
  std::string_view name;  ///< As it stands after "may not".
  Token token;
  std::string_view permit;  ///< What the token has to permit.
  Scope anonymous, agent, client, operator_, hub_operator;

  Scope of(Role role) const;
};
/// The table. An action without a row is nobody's.
std::span<const Rule> rules();

/// The row of an action; one that permits nobody anything if there is none.
const Rule& rule_for(Action action);
/// What tokens that members of a role ask for may permit at most.
std::vector<std::string> permits_of(Role role);

std::string_view to_string(Action action);

/// What a request is about.
struct Resource {
  std::string_view organization;  ///< Trust domain.
  std::string_view owner;         ///< See Caller::owner. Empty: nobody's in particular.
};

/// Who the peer says it is by the SPIFFE id that the handshake established; anonymous if it is none of ours. `hub_domain` is
/// the trust domain of the hub's own organization.
Caller caller_of(const Peer& peer, std::string_view hub_domain);

/// denied, with a sentence, unless the role may do this with something. Whether with what it asks for is the next question.
Status authorize(const Caller& caller, Action action);
/// denied unless it may do this with this.
Status authorize(const Caller& caller, Action action, const Resource& resource);

}  // namespace forgepool::hub
