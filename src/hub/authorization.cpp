#include "hub/authorization.hpp"

#include <algorithm>
#include <array>

namespace forgepool::hub {
namespace {

constexpr unsigned bit(Role role) {
  return 1u << static_cast<unsigned>(role);
}

struct Rule {
  Action action;
  std::string_view name;
  unsigned roles;
};

constexpr unsigned customers = bit(Role::client) | bit(Role::operator_);

constexpr std::array rules{
    Rule{Action::enrol, "enrol", bit(Role::anonymous)},
    Rule{Action::read_health, "read health", customers},
    Rule{Action::read_log, "read the log", customers},
    Rule{Action::cosign, "cosign the log", customers},
    Rule{Action::take_lease, "take a lease", bit(Role::agent)},
    Rule{Action::heartbeat, "send heartbeats", bit(Role::agent)},
    Rule{Action::fetch_blob, "fetch a blob", bit(Role::agent)},
    Rule{Action::report_result, "report a result", bit(Role::agent)},
    Rule{Action::upload_blob, "upload an input", customers},
    Rule{Action::submit_job, "submit a job", customers},
    Rule{Action::forecast_job, "ask what a job would come to", customers},
    Rule{Action::read_job, "read a job", customers},
    Rule{Action::cancel_job, "cancel a job", customers},
    Rule{Action::list_jobs, "list jobs", customers},
    Rule{Action::invite, "invite", bit(Role::operator_)},
    Rule{Action::list_agents, "list agents", bit(Role::operator_)},
    Rule{Action::drain_agent, "drain an agent", bit(Role::operator_)},
    Rule{Action::hear_appeal, "end a quarantine", bit(Role::operator_)},
};

const Rule* rule_of(Action action) {
  const auto found = std::ranges::find(rules, action, &Rule::action);
  return found == rules.end() ? nullptr : &*found;
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::anonymous: return "a peer without identity";
    case Role::agent: return "an agent";
    case Role::client: return "a client";
    case Role::operator_: return "an operator";
  }
  return "nobody";
}

}  // namespace

std::string_view to_string(Action action) {
  const Rule* rule = rule_of(action);
  return rule ? rule->name : "do that";
}

Caller caller_of(const Peer& peer, std::string_view trust_domain) {
  std::string_view name = peer.name;
  const std::string prefix = "spiffe://" + std::string(trust_domain) + "/";
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  if (name == "operator") return {Role::operator_, "operator"};
  for (const auto& [path, role] : {std::pair{"agent/", Role::agent}, std::pair{"client/", Role::client}})
    if (name.starts_with(path) && is_valid_id(name.substr(std::string_view(path).size())))
      return {role, std::string(name.substr(std::string_view(path).size()))};
  return {};
}

Status authorize(const Caller& caller, Action action) {
  const Rule* rule = rule_of(action);
  if (rule && (rule->roles & bit(caller.role))) return {};
  return fail(ErrorKind::denied, std::string(to_string(caller.role)) + " may not " + std::string(to_string(action)));
}

}  // namespace forgepool::hub
