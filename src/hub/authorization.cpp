#include "hub/authorization.hpp"

#include "identity/svid.hpp"

#include <algorithm>
#include <array>

namespace forgepool::hub {
namespace {

constexpr Scope no = Scope::none, own = Scope::own, org = Scope::organization, all = Scope::hub;

constexpr std::array table{
    //                                                                     anonymous agent client operator hub_operator
    Rule{Action::enrol, "enrol", /*                                     */ all, no, no, no, no},
    Rule{Action::renew, "renew a certificate", /*                       */ no, own, own, own, own},
    Rule{Action::read_health, "read health", /*                         */ no, no, org, org, org},
    Rule{Action::read_log, "read the log", /*                           */ no, no, org, org, org},
    Rule{Action::cosign, "cosign the log", /*                           */ no, no, org, org, org},
    Rule{Action::take_lease, "take a lease", /*                         */ no, own, no, no, no},
    Rule{Action::heartbeat, "send heartbeats", /*                       */ no, own, no, no, no},
    Rule{Action::fetch_blob, "fetch a blob", /*                         */ no, own, no, no, no},
    Rule{Action::report_result, "report a result", /*                   */ no, own, no, no, no},
    Rule{Action::upload_blob, "upload an input", /*                     */ no, no, own, own, own},
    Rule{Action::submit_job, "submit a job", /*                         */ no, no, own, own, own},
    Rule{Action::forecast_job, "ask what a job would come to", /*       */ no, no, own, own, own},
    Rule{Action::read_job, "read a job", /*                             */ no, no, own, org, org},
    Rule{Action::cancel_job, "cancel a job", /*                         */ no, no, own, org, org},
    Rule{Action::list_jobs, "list jobs", /*                             */ no, no, own, org, org},
    Rule{Action::invite, "invite", /*                                   */ no, no, no, org, org},
    Rule{Action::list_agents, "list agents", /*                         */ no, no, no, org, org},
    Rule{Action::drain_agent, "drain an agent", /*                      */ no, no, no, org, org},
    Rule{Action::hear_appeal, "end a quarantine", /*                    */ no, no, no, org, org},
    Rule{Action::revoke, "revoke", /*                                   */ no, no, no, org, org},
    Rule{Action::rotate_keys, "rotate keys", /*                         */ no, no, no, org, org},
    Rule{Action::read_revocation_list, "read the revocation list", /*  */ no, no, no, org, org},
    Rule{Action::list_organizations, "list organizations", /*           */ no, no, no, no, all},
    Rule{Action::revoke_organization, "revoke an organization", /*      */ no, no, no, no, all},
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
