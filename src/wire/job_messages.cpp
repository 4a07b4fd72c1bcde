#include "wire/job_messages.hpp"

namespace forgepool {

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::running: return "running";
    case JobState::done: return "done";
    case JobState::failed: return "failed";
  }
  return "failed";
}

}  // namespace forgepool

namespace forgepool::wire {

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
  for (const auto& reason : status.reasons) {
    auto one = std::make_unique<fb::WaitT>();
    one->code = reason.code;
    one->text = reason.text;
    message.reasons.push_back(std::move(one));
  }
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
  else
    return fail(ErrorKind::invalid_input, "unknown state of a job");
  status.version = message.version;
  status.shards = message.shards;
  status.accepted = message.accepted;
  status.executions = message.executions;
  status.agents = message.agents;
  status.leased = message.leased;
  status.waiting = message.waiting;
  for (const auto& reason : message.reasons) status.reasons.push_back({reason->code, reason->text});
  for (const auto& caught : message.quarantined) {
    auto agent = AgentId::parse(caught->agent);
    if (!agent) return fail(agent.error());
    status.caught.push_back(
        {std::move(*agent), caught->shard, from_wire(*caught->returned), from_wire(*caught->accepted), caught->reason});
  }
  status.failure = message.failure;
  if (message.result) status.result = from_wire(*message.result);
  status.elapsed_ms = message.elapsed_ms;
  return status;
}

fb::ExplanationT to_wire(const JobExplanation& explanation) {
  fb::ExplanationT message;
  message.status = std::make_unique<fb::JobStatusT>(to_wire(explanation.status));
  for (const auto& shard : explanation.shards) {
    auto one = std::make_unique<fb::ShardExplanationT>();
    one->index = shard.index;
    one->text = shard.text;
    message.shards.push_back(std::move(one));
  }
  return message;
}

Result<JobExplanation> from_wire(const fb::ExplanationT& message) {
  JobExplanation explanation;
  auto status = from_wire(*message.status);
  if (!status) return fail(status.error());
  explanation.status = std::move(*status);
  for (const auto& shard : message.shards) explanation.shards.push_back({shard->index, shard->text});
  return explanation;
}

fb::AgentInfoT to_wire(const AgentSummary& agent) {
  fb::AgentInfoT message;
  message.agent = agent.id.str();
  message.region = agent.region;
  message.state = agent.state;
  message.answers = agent.answers;
  message.reason = agent.reason;
  return message;
}

Result<AgentSummary> from_wire(const fb::AgentInfoT& message) {
  auto id = AgentId::parse(message.agent);
  if (!id) return fail(id.error());
  return AgentSummary{std::move(*id), message.region, message.state, message.answers, message.reason};
}

}  // namespace forgepool::wire
