#pragma once
/// Who may do what: one table, default deny. Every request passes it before anything else looks at it.
#include <forgepool/ids.hpp>
#include <forgepool/transport.hpp>

#include <string>
#include <string_view>

namespace forgepool::hub {

enum class Role { anonymous, agent, client, operator_ };

/// A peer as the hub knows it, from its SPIFFE id.
struct Caller {
  Role role = Role::anonymous;
  std::string name;  ///< agent id or client name
};

enum class Action {
  enrol,
  read_health,
  read_log,
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
  list_jobs,
  invite,
  list_agents,
  drain_agent,
  hear_appeal,
};

std::string_view to_string(Action action);

/// `trust_domain` is the hub's; a peer of another one, or with a path that is none of ours, is anonymous.
Caller caller_of(const Peer& peer, std::string_view trust_domain);

/// denied, with a sentence, unless the table allows it. Whether the caller owns the resource (its lease, its job) is for the
/// handler.
Status authorize(const Caller& caller, Action action);

}  // namespace forgepool::hub
