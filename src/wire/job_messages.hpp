#pragma once
/// Jobs on the wire: the client's view (forgepool/job.hpp) as messages and back. Foreign messages are checked on the way in.
#include "wire/messages.hpp"

#include <forgepool/invitation.hpp>
#include <forgepool/job.hpp>

namespace forgepool::wire {

fb::JobStatusT to_wire(const JobStatus& status);
Result<JobStatus> from_wire(const fb::JobStatusT& message);

fb::ExplanationT to_wire(const JobExplanation& explanation);
Result<JobExplanation> from_wire(const fb::ExplanationT& message);

fb::ForecastT to_wire(const JobForecast& forecast);
Result<JobForecast> from_wire(const fb::ForecastT& message);

fb::InviteT to_wire(const Invitation& invitation);
/// What it says is for `HubCore::invite` to check.
Invitation from_wire(const fb::InviteT& message);
fb::OrganizationInfoT to_wire(const OrganizationSummary& organization);
OrganizationSummary from_wire(const fb::OrganizationInfoT& message);

fb::AgentInfoT to_wire(const AgentSummary& agent);
Result<AgentSummary> from_wire(const fb::AgentInfoT& message);

}  // namespace forgepool::wire
