#include "hub/authorization.hpp"

#include "identity/svid.hpp"
#include "identity/token.hpp"

#include <algorithm>
#include <array>

namespace forgepool::hub {
namespace {

constexpr Token none = Token::none, any = Token::any, once = Token::once, leased = Token::lease;
constexpr Scope no = Scope::none, own = Scope::own, org = Scope::organization, all = Scope::hub;

constexpr std::array table{
    // who asks:                                                                                         anonymous, agent,
    // client, operator, hub_operator
    Rule{Action::enrol, "enrol", none, "", /*                                                         */ all, no, no, no, no},
    Rule{Action::renew, "renew a certificate", none, "", /*                                           */ no, own, own, own,
         own},
    Rule{Action::take_token, "ask for a token", none, "", /*                                          */ no, no, own, own, own},
    Rule{Action::read_health, "read health", none, "", /*                                             */ no, no, org, org, org},
    Rule{Action::read_log, "read the log", none, "", /*                                               */ no, no, org, org, org},
    Rule{Action::read_log_hashes, "read the log's hashes", none, "", /*                               */ no, org, org, org,
         org},
    Rule{Action::cosign, "cosign the log", none, "", /*                                               */ no, no, org, org, org},
    Rule{Action::take_lease, "take a lease", none, "", /*                                             */ no, own, no, no, no},
    Rule{Action::heartbeat, "send heartbeats", none, "", /*                                           */ no, own, no, no, no},
    Rule{Action::fetch_blob, "fetch a blob", leased, identity::permit::fetch, /*                      */ no, own, no, no, no},
    Rule{Action::report_result, "report a result", leased, identity::permit::report, /*               */ no, own, no, no, no},
    Rule{Action::upload_blob, "upload an input", once, identity::permit::upload, /*                   */ no, no, own, own, own},
    Rule{Action::submit_job, "submit a job", once, identity::permit::submit, /*                       */ no, no, own, own, own},
    Rule{Action::forecast_job, "ask what a job would come to", any, identity::permit::forecast, /*    */ no, no, own, own, own},
    Rule{Action::read_job, "read a job", any, identity::permit::read, /*                              */ no, no, own, org, org},
    Rule{Action::cancel_job, "cancel a job", once, identity::permit::cancel, /*                       */ no, no, own, org, org},
    Rule{Action::hold_job, "hold a job", once, identity::permit::hold, /*                             */ no, no, own, org, org},
    Rule{Action::erase_job, "erase a job", once, identity::permit::erase, /*                          */ no, no, own, org, org},
    Rule{Action::list_jobs, "list jobs", any, identity::permit::list, /*                              */ no, no, own, org, org},
    Rule{Action::invite, "invite", none, "", /*                                                       */ no, no, no, org, org},
    Rule{Action::list_agents, "list agents", none, "", /*                                             */ no, no, no, org, org},
    Rule{Action::read_posture, "read the posture", none, "", /*                                       */ no, no, no, org, org},
    Rule{Action::drain_agent, "drain an agent", none, "", /*                                          */ no, no, no, org, org},
    Rule{Action::hear_appeal, "end a quarantine", none, "", /*                                        */ no, no, no, org, org},
    Rule{Action::revoke, "revoke", none, "", /*                                                       */ no, no, no, org, org},
    Rule{Action::rotate_keys, "rotate keys", none, "", /*                                             */ no, no, no, org, org},
    Rule{Action::read_revocation_list, "read the revocation list", none, "", /*                       */ no, no, no, org, org},
    Rule{Action::list_organizations, "list organizations", none, "", /*                               */ no, no, no, no, all},
    Rule{Action::revoke_organization, "revoke an organization", none, "", /*                          */ no, no, no, no, all},
};

const Rule* rule_of(Action action) {
  const auto found = std::ranges::find(table, action, &Rule::action);
  return found == table.end() ? nullptr : &*found;
}

Status refused(const Caller& caller, Action action) {
  return fail(ErrorKind::denied, std::string(to_string(caller.role)) + " may not " + std::string(to_string(action)));
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::anonymous: return "a peer without identity";
    case Role::agent: return "an agent";
    case Role::client: return "a client";
    case Role::operator_: return "an operator";
    case Role::hub_operator: return "the hub's operator";
  }
  return "nobody";
}

Scope Rule::of(Role role) const {
  switch (role) {
    case Role::anonymous: return anonymous;
    case Role::agent: return agent;
    case Role::client: return client;
    case Role::operator_: return operator_;
    case Role::hub_operator: return hub_operator;
  }
  return Scope::none;
}

std::span<const Rule> rules() {
  return table;
}

const Rule& rule_for(Action action) {
  static constexpr Rule nobodys{Action::enrol, "do that", none, "", no, no, no, no, no};
  const Rule* rule = rule_of(action);
  return rule ? *rule : nobodys;
}

std::vector<std::string> permits_of(Role role) {
  std::vector<std::string> permits;
  for (const auto& rule : table)
    if ((rule.token == any || rule.token == once) && rule.of(role) != Scope::none) permits.emplace_back(rule.permit);
  return permits;
}

std::string_view to_string(Action action) {
  const Rule* rule = rule_of(action);
  return rule ? rule->name : "do that";
}

Caller caller_of(const Peer& peer, std::string_view hub_domain) {
  const auto id = identity::parse_spiffe_id(peer.name);
  if (!id) return {};
  switch (id->role) {
    case identity::NodeRole::hub: return {};
    case identity::NodeRole::agent: return {Role::agent, id->name, "", id->trust_domain};
    case identity::NodeRole::client: return {Role::client, id->name, id->project, id->trust_domain};
    case identity::NodeRole::operator_:
#if FORGEPOOL_MUTANT == 6  // For tests/simulation: the operator of any organization is taken for the hub's.
      hub_domain = id->trust_domain;
#endif
      return {id->trust_domain == hub_domain ? Role::hub_operator : Role::operator_, "operator", "", id->trust_domain};
  }
  return {};
}

Status authorize(const Caller& caller, Action action) {
  const Rule* rule = rule_of(action);
  if (rule && rule->of(caller.role) != Scope::none) return {};
  return refused(caller, action);
}

Status authorize(const Caller& caller, Action action, const Resource& resource) {
  const Rule* rule = rule_of(action);
  switch (rule ? rule->of(caller.role) : Scope::none) {
    case Scope::hub: return {};
    case Scope::organization:
      if (resource.organization == caller.organization) return {};
      break;
    case Scope::own:
      if (resource.organization == caller.organization && !resource.owner.empty() && resource.owner == caller.owner())
        return {};
      break;
    case Scope::none: break;
  }
  return refused(caller, action);
}

}  // namespace forgepool::hub
