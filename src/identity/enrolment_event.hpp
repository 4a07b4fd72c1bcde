#pragma once
/// What the hub commits itself to in its ledger when an agent enrols: whose key that is, and what its join token attested.
/// Written by the hub, held against receipts and leases by auditors (src/audit/FORMAT.md, "Leaves").
#include "wire/json_reader.hpp"

#include <forgepool/scheduler.hpp>

namespace forgepool::identity {

/// Of each list of names that a join token attests.
inline constexpr std::size_t max_attested_names = 64;

/// What a join token attests of an agent: of `SchedulerAgent`, all but its id and what it says of itself.
json::Value attested_to_json(const SchedulerAgent& agent);
/// Of the member `attested`. Mistakes go to `outer`.
SchedulerAgent read_attested(json::ObjectReader& outer);

/// The content of an event of kind `enrolment`: RFC 8785 JSON.
std::string write_enrolment_event(const SchedulerAgent& agent, const Digest& key_pin);
struct EnrolmentEvent {
  SchedulerAgent agent;
  Digest key_pin;
};
/// All members; the caller finishes the reader.
EnrolmentEvent read_enrolment_event(json::ObjectReader& reader);

/// Of kind `renewal`: the same agent and key, with another certificate.
std::string write_renewal_event(const AgentId& agent, const Digest& key_pin, ByteView serial, Time expires_at);

}  // namespace forgepool::identity
