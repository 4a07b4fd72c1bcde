#include "wire/job_messages.hpp"

#include "base/checked_arithmetic.hpp"

#include <algorithm>

namespace forgepool {

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::running: return "running";
    case JobState::done: return "done";
    case JobState::failed: return "failed";
    case JobState::cancelled: return "cancelled";
  }
  return "failed";
}

}  // namespace forgepool

namespace forgepool::wire {
namespace {

std::vector<std::unique_ptr<fb::WaitT>> to_wire(const std::vector<WaitReason>& reasons) {
  std::vector<std::unique_ptr<fb::WaitT>> messages;
  for (const auto& reason : reasons) {
    auto one = std::make_unique<fb::WaitT>();
    one->code = reason.code;
    one->text = reason.text;
    one->agents = reason.agents;
    one->unblock = reason.unblock;
    messages.push_back(std::move(one));
  }
  return messages;
}

std::vector<WaitReason> from_wire(const std::vector<std::unique_ptr<fb::WaitT>>& messages) {
  std::vector<WaitReason> reasons;
  for (const auto& one : messages) reasons.push_back({one->code, one->text, one->agents, one->unblock});
  return reasons;
}

}  // namespace

fb::JobStatusT to_wire(const JobStatus& status) {
  fb::JobStatusT message;
  message.job = status.id.str();
  message.contract = to_wire_ptr(status.contract);
  message.state = to_string(status.state);
  message.version = status.version;
  message.shards = status.shards;
  message.accepted = status.accepted;
  message.executions = status.executions;
  message.agents = status.agents;
  message.leased = status.leased;
  message.waiting = status.waiting;
  message.reasons = to_wire(status.reasons);
  for (const auto& caught : status.caught) {
    auto one = std::make_unique<fb::CaughtT>();
    one->agent = caught.agent.str();
    one->shard = caught.shard;
    one->returned = to_wire_ptr(caught.returned);
    one->accepted = to_wire_ptr(caught.accepted);
    one->reason = caught.reason;
    message.quarantined.push_back(std::move(one));
  }
  message.failure = status.failure;
  if (status.result) message.result = to_wire_ptr(*status.result);
  message.elapsed_ms = status.elapsed_ms;
  message.error_bound = status.error_bound;
  message.expected_wrong = status.expected_wrong;
  message.adversary_fraction = status.adversary.fraction;
  message.adversary_collusion = status.adversary.collusion;
  message.overturned = status.overturned;
  message.held = status.held;
  message.results_deleted = status.results_deleted;
  return message;
}

Result<JobStatus> from_wire(const fb::JobStatusT& message) {
  JobStatus status;
  auto id = JobId::parse(message.job);
  if (!id) return fail(id.error());
  status.id = std::move(*id);
  status.contract = from_wire(*message.contract);
  if (message.state == "running")
    status.state = JobState::running;
  else if (message.state == "done")
    status.state = JobState::done;
  else if (message.state == "failed")
    status.state = JobState::failed;
  else if (message.state == "cancelled")
    status.state = JobState::cancelled;
  else
    return fail(ErrorKind::invalid_input, "unknown state of a job");
  status.version = message.version;
  status.shards = message.shards;
  status.accepted = message.accepted;
  status.executions = message.executions;
  status.agents = message.agents;
  status.leased = message.leased;
  status.waiting = message.waiting;
  status.reasons = from_wire(message.reasons);
  for (const auto& caught : message.quarantined) {
    auto agent = AgentId::parse(caught->agent);
    if (!agent) return fail(agent.error());
    status.caught.push_back(
        {std::move(*agent), caught->shard, from_wire(*caught->returned), from_wire(*caught->accepted), caught->reason});
  }
  status.failure = message.failure;
  if (message.result) status.result = from_wire(*message.result);
  status.elapsed_ms = message.elapsed_ms;
  status.error_bound = message.error_bound;
  status.expected_wrong = message.expected_wrong;
  status.adversary = {message.adversary_fraction, message.adversary_collusion};
  status.overturned = message.overturned;
  status.held = message.held;
  status.results_deleted = message.results_deleted;
  return status;
}

fb::ExplanationT to_wire(const JobExplanation& explanation) {
  fb::ExplanationT message;
  message.status = std::make_unique<fb::JobStatusT>(to_wire(explanation.status));
  for (const auto& shard : explanation.shards) {
    auto one = std::make_unique<fb::ShardExplanationT>();
    one->index = shard.index;
    one->text = shard.text;
    one->reasons = to_wire(shard.reasons);
    message.shards.push_back(std::move(one));
  }
  return message;
}

Result<JobExplanation> from_wire(const fb::ExplanationT& message) {
  JobExplanation explanation;
  auto status = from_wire(*message.status);
  if (!status) return fail(status.error());
  explanation.status = std::move(*status);
  for (const auto& shard : message.shards) explanation.shards.push_back({shard->index, shard->text, from_wire(shard->reasons)});
  return explanation;
}

fb::ForecastT to_wire(const JobForecast& forecast) {
  fb::ForecastT message;
  message.contract = to_wire_ptr(forecast.contract);
  message.adapter = to_wire_ptr(forecast.adapter);
  message.shards = forecast.shards;
  message.executions = forecast.executions;
  message.most_cpu_ms = forecast.most_cpu_ms;
  message.enrolled = forecast.enrolled;
  message.present = forecast.present;
  message.eligible = forecast.eligible;
  message.reasons = to_wire(forecast.reasons);
  return message;
}

Result<JobForecast> from_wire(const fb::ForecastT& message) {
  return JobForecast{from_wire(*message.contract),
                     from_wire(*message.adapter),
                     message.shards,
                     message.executions,
                     message.most_cpu_ms,
                     message.enrolled,
                     message.present,
                     message.eligible,
                     from_wire(message.reasons)};
}

fb::InviteT to_wire(const Invitation& invitation) {
  fb::InviteT message;
  message.role = invitation.role;
  message.ttl_s =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(invitation.life / std::chrono::seconds(1), 0, UINT32_MAX));
  message.uses = invitation.uses;
  message.region = invitation.agent.region;
  message.tier = invitation.agent.tier;
  message.data_classes = invitation.agent.data_classes;
  message.adapters = invitation.agent.adapters;
  message.numeric_class = invitation.agent.numeric_class;
  message.operator_id = invitation.agent.operator_id;
  message.network = invitation.agent.network;
  message.project = invitation.project;
  message.visibility = invitation.visibility;
  return message;
}

Invitation from_wire(const fb::InviteT& message) {
  Invitation invitation;
  invitation.role = message.role;
  invitation.life = std::chrono::seconds(message.ttl_s);
  invitation.uses = message.uses;
  invitation.agent.region = message.region;
  if (!message.tier.empty()) invitation.agent.tier = message.tier;
  invitation.agent.data_classes = message.data_classes;
  invitation.agent.adapters = message.adapters;
  invitation.agent.numeric_class = message.numeric_class;
  invitation.agent.operator_id = message.operator_id;
  invitation.agent.network = message.network;
  invitation.project = message.project;
  if (!message.visibility.empty()) invitation.visibility = message.visibility;
  return invitation;
}

fb::OrganizationInfoT to_wire(const OrganizationSummary& organization) {
  fb::OrganizationInfoT message;
  message.name = organization.name;
  message.trust_domain = organization.trust_domain;
  message.state = organization.state;
  message.agents = organization.agents;
  message.running_jobs = organization.running_jobs;
  return message;
}

OrganizationSummary from_wire(const fb::OrganizationInfoT& message) {
  return {message.name, message.trust_domain, message.state, message.agents, message.running_jobs};
}

fb::AgentInfoT to_wire(const AgentSummary& summary) {
  const SchedulerAgent& agent = summary.agent;
  fb::AgentInfoT message;
  message.agent = agent.id.str();
  message.region = agent.region;
  message.state = summary.state;
  message.answers = summary.answers;
  message.reason = summary.reason;
  message.tier = agent.tier;
  message.data_classes = agent.data_classes;
  message.adapters = agent.adapters;
  message.numeric_class = agent.numeric_class;
  message.operator_id = agent.operator_id;
  message.network = agent.network;
  message.organization = agent.organization.str();
  message.checks = summary.checks;
  message.on_probation = summary.on_probation;
  message.certificate_expires_ms =
      std::chrono::floor<std::chrono::milliseconds>(summary.certificate_expires_at).time_since_epoch().count();
  return message;
}

Result<AgentSummary> from_wire(const fb::AgentInfoT& message) {
  auto id = AgentId::parse(message.agent);
  if (!id) return fail(id.error());
  SchedulerAgent agent;
  agent.id = std::move(*id);
  agent.region = message.region;
  agent.tier = message.tier;
  agent.organization = OrganizationId(message.organization);
  agent.data_classes = message.data_classes;
  agent.adapters = message.adapters;
  agent.numeric_class = message.numeric_class;
  agent.operator_id = message.operator_id;
  agent.network = message.network;
  agent.draining = message.state == "draining";
  return AgentSummary{std::move(agent),
                      message.state,
                      message.answers,
                      message.checks,
                      message.on_probation,
                      message.reason,
                      time_from_ms(message.certificate_expires_ms)};
}

}  // namespace forgepool::wire
