/// What agents ask of the hub: leases, heartbeats, reports.
#include "crypto/reason.hpp"
#include "hub/evidence.hpp"
#include "hub/hub_core.hpp"
#include "identity/promise.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace forgepool::hub {
namespace {

// As long as checkpoints may lack a quorum of witnesses before the hub stands as one that broke its word.
constexpr Duration promise_term = std::chrono::hours(24);

std::uint64_t ms_until(Time deadline, Time now) {
  return deadline <= now ? 0 : static_cast<std::uint64_t>((deadline - now) / std::chrono::milliseconds(1));
}

Result<SandboxOutcome::Kind> parse_outcome(std::string_view name) {
  using Kind = SandboxOutcome::Kind;
  static constexpr std::array kinds{Kind::exited,        Kind::signalled,      Kind::out_of_memory, Kind::pids_limit,
                                    Kind::timed_out_cpu, Kind::timed_out_wall, Kind::output_limit,  Kind::policy_violation,
                                    Kind::setup_failed,  Kind::cancelled};
  for (const auto kind : kinds)
    if (to_string(kind) == name) return kind;
  return fail(ErrorKind::invalid_input, "report_outcome: unknown outcome of a shard");
}

/// Two reports with this digest say the same.
Digest report_digest(const wire::fb::LeaseResultT& result) {
  return sha256(wire::encode(result));
}

}  // namespace

Result<AgentRecord*> HubCore::admitted(const AgentId& id, const Peer& peer) {
  const auto found = agents_.find(id);
  if (found == agents_.end())
    return refuse(ErrorKind::denied, "agent_unknown", "this agent is not enrolled here; enrol it with a join token");
  if (found->second.key_pin != peer.key_pin)
    return refuse(ErrorKind::denied, "agent_key", "this agent is enrolled with another key; enrol it again");
#if FORGEPOOL_MUTANT != 2  // For tests/simulation: agents in quarantine are let in.
  // Not why: the reason names the job, which agents know by a pseudonym only, and says what others returned.
  if (!found->second.quarantined.empty())
    return refuse(ErrorKind::denied, "agent_quarantined",
                  "this agent is in quarantine; the hub's operator can see why (forgepool hub agents)");
#endif
  return &found->second;
}

Status HubCore::measured_numeric_class(const AgentId& id, const std::string& numeric_class) {
  if (!is_valid_id(numeric_class)) return fail(ErrorKind::invalid_input, "numeric_class: expected an id ([A-Za-z0-9._-])");
  if (agents_.contains(id)) measured_classes_[id] = numeric_class;
  return {};
}

Status HubCore::offered_sandbox(const AgentId& id, const wire::fb::LeaseAskT& ask) {
  if (ask.sandbox_level.empty()) return {};
  const auto level = parse_sandbox_level(ask.sandbox_level);
  if (!level) return fail(level.error());
  const auto determinism = parse_determinism(ask.determinism);
  if (!determinism) return fail(determinism.error());
  SandboxAbility offered{*level, *determinism, {}};
  if (offered.determinism == Determinism::strict) {
    const auto world = parse_world(ask.world);
    if (!world) return fail(world.error());
    offered.world = *world;
  }
  for (const auto& name : ask.relaxations)
    // One of a later version than ours: nothing that we know asks for it.
    if (const auto relaxation = parse_sandbox_relaxation(name)) offered.policy.allow(*relaxation);
  if (agents_.contains(id)) offered_sandboxes_[id] = offered;
  return {};
}

SchedulerAgent HubCore::as_scheduled(const AgentRecord& record) const {
  SchedulerAgent agent = record.agent;
  // What was attested stands. Its own word is as good otherwise: who says a wrong one is compared with machines that differ.
  const auto measured = measured_classes_.find(agent.id);
  if (agent.numeric_class.empty() && measured != measured_classes_.end()) agent.numeric_class = measured->second;
  // Enrolled before the hub was deployed as it is now: nothing goes to it any more.
  if (!check_agent(parts_.options.deployment, parts_.options.region, agent, agent.organization.empty())) agent.draining = true;
  if (const auto offered = offered_sandboxes_.find(agent.id); offered != offered_sandboxes_.end())
    agent.sandbox = offered->second;
  return agent;
}

bool HubCore::owns(const AgentId& id, Action action, const Lease& lease) const {
  const Caller caller{Role::agent, id.str(), "", parts_.identity.trust_domain};
  return authorize(caller, action, {parts_.identity.trust_domain, lease.agent.str()}).has_value();
}

Result<std::optional<wire::fb::LeaseGrantT>> HubCore::take_lease(const AgentId& id, const Peer& peer, std::uint32_t max_shards,
                                                                 bool asks, Time now) {
  const auto agent = admitted(id, peer);
  if (!agent) return fail(agent.error());
  if (asks) {
    last_seen_[id] = now;
    parts_.scheduler.agent_seen(as_scheduled(**agent), now);
  }
  const auto wanted = std::clamp<std::uint32_t>(max_shards, 1, parts_.options.max_shards_per_lease);
  const auto lease = parts_.scheduler.grant(id, LeaseId(fresh_id("l-")), wanted, now);
  if (!lease) return std::nullopt;
  Job& job = jobs_.at(lease->job);
  job.running->leases.insert(lease->id);
  gave(job, *lease);
  effects_.put(lease_key(lease->id), write_lease(*lease));
  log_grant(job, *lease);
  changed_jobs_.insert(job.id);
  return describe(*lease, job, mint_lease_token(peer, *lease, job, now), now);
}

wire::fb::LeaseGrantT HubCore::describe(const Lease& lease, const Job& job, std::string token, Time now) const {
  const Plan& plan = job.running->plan;
  wire::fb::LeaseGrantT grant;
  grant.lease = lease.id.str();
  grant.token = std::move(token);
  grant.job = job.pseudonym;
  grant.contract = wire::to_wire_ptr(job.contract_commitment());
  grant.deadline_ms = ms_until(lease.deadline, now);
  grant.adapter = wire::to_wire_ptr(plan.adapter);
  grant.arguments = plan.arguments;
  grant.limits = std::make_unique<wire::fb::LimitsT>(wire::to_wire(plan.limits));
  for (const auto relaxation : plan.relaxations) grant.relaxations.emplace_back(to_string(relaxation));
  grant.determinism = to_string(plan.determinism);
  if (plan.determinism == Determinism::strict) grant.world = world_name(plan.world);
#if FORGEPOOL_MUTANT == 9  // For tests/simulation: agents are told what others returned.
  for (const auto& [digest, output] : job.running->outputs) grant.arguments.push_back(digest.hex());
#endif
  for (const auto index : lease.shards) {
    const ShardSpec& spec = plan.shards.at(index);
    auto shard = std::make_unique<wire::fb::LeaseShardT>();
    shard->index = spec.index;
    shard->params = spec.params;
    for (const auto& input : spec.inputs) {
      auto one = std::make_unique<wire::fb::InputT>();
      one->name = input.name;
      one->digest = wire::to_wire_ptr(input.digest);
      one->executable = input.executable;
      shard->inputs.push_back(std::move(one));
    }
    grant.shards.push_back(std::move(shard));
  }
  return grant;
}

Result<wire::fb::HeartbeatAnswerT> HubCore::heartbeat(const AgentId& id, const Peer& peer,
                                                      const wire::fb::HeartbeatT& heartbeat, Time now) {
  const auto agent = admitted(id, peer);
  if (!agent) return fail(agent.error());
  last_seen_[id] = now;
  parts_.scheduler.agent_seen(as_scheduled(**agent), now);
  wire::fb::HeartbeatAnswerT answer;
  for (const auto& text : heartbeat.leases) {
    const auto lease_id = LeaseId::parse(text);
    if (!lease_id) return fail(lease_id.error());
    if (!parts_.scheduler.extend(*lease_id, id, now)) {
      answer.ended.push_back(text);
      continue;
    }
    const Lease lease = *parts_.scheduler.find(*lease_id);
    effects_.put(lease_key(lease.id), write_lease(lease));
    auto renewed = std::make_unique<wire::fb::RenewedLeaseT>();
    renewed->lease = text;
    renewed->token = mint_lease_token(peer, lease, jobs_.at(lease.job), now);
    renewed->deadline_ms = ms_until(lease.deadline, now);
    answer.renewed.push_back(std::move(renewed));
  }
  return answer;
}

Status HubCore::may_fetch(const AgentId& id, const Peer& peer, const std::string& token, const Digest& digest, Time now) const {
  // The token names the lease; the lease, not the token, says what it needs.
  const auto lease_id = check_lease_token(token, peer, identity::permit::fetch, now);
  if (!lease_id) return fail(lease_id.error());
  const auto lease = parts_.scheduler.find(*lease_id);
  if (!lease || !owns(id, Action::fetch_blob, *lease))
    return refuse(ErrorKind::denied, "lease_unknown", "the token is not for a lease of yours that is under way");
  const Plan& plan = jobs_.at(lease->job).running->plan;
  if (digest == plan.adapter) return {};
  for (const auto index : lease->shards)
    for (const auto& input : plan.shards.at(index).inputs)
      if (input.digest == digest) return {};
  return refuse(ErrorKind::denied, "blob_not_leased", "the lease does not need this blob");
}

// --- reports ---------------------------------------------------------------------------------------------------------

Result<std::vector<HubCore::CheckedShard>> HubCore::check_report(const Lease& lease, const Job& job,
                                                                 const wire::fb::LeaseResultT& result) const {
  // Agents know a shard by its number in the plan that it comes from.
  const auto& planned = job.running->plan.shards;
  if (!std::ranges::equal(result.shards, lease.shards,
                          [&](const auto& shard, std::uint32_t index) { return shard->index == planned.at(index).index; }))
    return fail(ErrorKind::invalid_input,
                "report_shards: a report must name exactly the shards of its lease, in ascending order");
  std::vector<CheckedShard> checked;
  for (std::size_t i = 0; i < result.shards.size(); ++i) {
    const auto& shard = result.shards[i];
    const auto kind = parse_outcome(shard->outcome);
    if (!kind) return fail(kind.error());
    const SandboxOutcome outcome{*kind, shard->code, shard->detail.substr(0, 500)};
    CheckedShard one;
    one.index = lease.shards[i];
    if (!outcome.ok()) {
      one.trouble = forgepool::describe(outcome);
      one.never_ran = *kind == SandboxOutcome::Kind::setup_failed || *kind == SandboxOutcome::Kind::cancelled;
    } else {
      if (shard->output.size() > job.running->plan.limits.output_bytes)
        return fail(ErrorKind::too_large,
                    fmt::format("output_too_large: the output of shard {} is larger than its limit of {} bytes", shard->index,
                                job.running->plan.limits.output_bytes));
      const auto well_formed = job.adapter->check_output(job.contract, shard->output);
      // The agent signed for this output: it stays an answer, and one that no honest agent gives. But nothing could be made of
      // it, so it may not win: it counts as an execution that ended badly.
      if (!well_formed)
        one.trouble = "returned an output that the adapter cannot read: " + well_formed.error().message;
      else {
        one.output = std::make_shared<const Bytes>(shard->output);
        one.result = sha256(*one.output);
      }
    }
    checked.push_back(std::move(one));
  }
  return checked;
}

Result<wire::fb::ReportTakenT> HubCore::promise(const LeaseId& lease, const Reported& reported, Time now) const {
  const Time by = std::chrono::floor<std::chrono::seconds>(now + promise_term);
  auto promise = identity::sign_promise({parts_.identity.trust_domain, lease, reported.leaf, reported.index, by},
                                        *parts_.identity.tls.key);
  if (!promise) return fail(promise.error());
  wire::fb::ReportTakenT taken;
  taken.promise = std::move(*promise);
  return taken;
}

Result<wire::fb::ReportTakenT> HubCore::report(const AgentId& id, const Peer& peer, const std::string& token,
                                               const wire::fb::LeaseResultT& result, Time now) {
  forget_canaries();
  const auto agent = admitted(id, peer);
  if (!agent) return fail(agent.error());
  const auto lease_id = LeaseId::parse(result.lease);
  if (!lease_id) return fail(lease_id.error());
  const auto allowed = check_lease_token(token, peer, identity::permit::report, now);
  if (!allowed) return fail(allowed.error());
  if (*allowed != *lease_id) return refuse(ErrorKind::denied, "token_lease", "the token is for another lease");

  const auto lease = parts_.scheduler.find(*lease_id);
  if (!lease) {
    for (const auto& job_id : running_) {
      const auto& reported = jobs_.at(job_id).running->reported;
      const auto first = reported.find(*lease_id);
      if (first == reported.end()) continue;
      // Perhaps our answer to the first report was lost: it counts once, and is acknowledged again. Anything else is not.
      if (first->second.report == report_digest(result)) return promise(*lease_id, first->second, now);
      return refuse(ErrorKind::conflict, "report_replayed", "this lease was reported already, and with another report");
    }
    return refuse(ErrorKind::conflict, "lease_ended", "the lease has ended; its shards were given to others");
  }
  if (!owns(id, Action::report_result, *lease))
    return refuse(ErrorKind::denied, "lease_holder", "the lease is another agent's");
  Job& job = jobs_.at(lease->job);
  auto shards = check_report(*lease, job, result);
  if (!shards) return fail(refuse_report(job, *lease, shards.error(), now).error());

  std::vector<std::pair<std::uint32_t, std::optional<Digest>>> claimed;
  for (const auto& shard : result.shards)
    claimed.emplace_back(shard->index, shard->outcome == to_string(SandboxOutcome::Kind::exited) && shard->code == 0
                                           ? std::optional(sha256(shard->output))
                                           : std::nullopt);
  auto receipt = check_receipt(result.receipt, peer, parts_.identity, *lease, job, claimed, now);
  if (!receipt) return fail(refuse_report(job, *lease, receipt.error(), now).error());
  const Reported reported{report_digest(result), leaf_hash(receipt->leaf), effects_.next_index()};
  auto taken = promise(*lease_id, reported, now);
  if (!taken) return taken;

  last_seen_[id] = now;
  parts_.scheduler.agent_seen(as_scheduled(**agent), now);
  (*agent)->answers += shards->size();
  effects_.put(agent_key(id), write_agent(**agent));
  receipt->record.index = effects_.append(std::move(receipt->leaf));
  keep(job, receipt_key(job.id, *lease_id), write_statement(receipt->record));
  effects_.erase(lease_key(*lease_id));
  if (const auto finished = parts_.scheduler.finish(*lease_id, id); !finished) return fail(finished.error());
  job.running->leases.erase(*lease_id);
  job.running->reported.emplace(*lease_id, reported);
  keep(job, reported_key(job.id, *lease_id), write_reported(reported));
  job.running->agents.insert(id);
  take_answers(job, *lease, *shards, now);
  return taken;
}

Status HubCore::refuse_report(Job& job, const Lease& lease, const Error& error, Time now) {
  // Nothing in it counts, and the agent will hardly do better on the same shards: they go to others at once.
  effects_.erase(lease_key(lease.id));
  if (const auto finished = parts_.scheduler.finish(lease.id, lease.agent); !finished) return fail(finished.error());
  job.running->leases.erase(lease.id);
  for (const auto index : lease.shards) {
    if (job.state != JobState::running) break;
    CheckedShard refused;
    refused.index = index;
    refused.trouble = "its report was refused: " + error.message;
    take_failure(job, lease.agent, refused, now);
  }
  if (job.state == JobState::running) {
    changed(job);
    save(job);
  }
  return fail(error);
}

void HubCore::take_answers(Job& job, const Lease& lease, const std::vector<CheckedShard>& shards, Time now) {
  AnswersCame came{job.id, lease.id, lease.agent, {}};
  for (const auto& shard : shards) {
    if (!shard.result) continue;
    came.shards.emplace_back(shard.index, *shard.result);
    if (job.canary_of)
      answered_canary(job, shard.index);
    else if (job.running->outputs.emplace(*shard.result, shard.output).second)
      keep(job, output_key(job.id, *job.key, *shard.result), *shard.output);
  }
  job.answers += came.shards.size();
  changed(job);
  std::vector<VerifierAction> actions;
  if (!came.shards.empty()) {
    journal(came, &job);
    for (const auto& [index, digest] : came.shards) {
      parts_.scheduler.exclude({job.id, index}, lease.agent);
      const auto more = parts_.verifier.answer({{job.id, index}, lease.agent, lease.id, digest});
      actions.insert(actions.end(), more.begin(), more.end());
    }
  }
  for (const auto& shard : shards)
    if (!shard.result && job.state == JobState::running) take_failure(job, lease.agent, shard, now);
  if (job.state == JobState::running) save(job);
  apply(actions, now);
  if (job.canary_of && job.running && job.accepted_count == job.shard_count) end_canary(job, now);
}

void HubCore::take_failure(Job& job, const AgentId& agent, const CheckedShard& failed, Time now) {
  auto& shard = job.running->shards.at(failed.index);
  if (shard.accepted) return;
  // An agent that could not even try may do better the next time; one on which it failed will hardly.
  if (failed.never_ran) {
    ++shard.never_ran;
  } else {
    shard.failed_on.push_back(agent);
    keep(job, failure_key(job.id, failed.index), write_failures(shard.failed_on));
    parts_.scheduler.failed({job.id, failed.index}, agent);
  }
  parts_.log.write(LogLevel::warning, "shard_failed",
                   {{"shard", to_string(ShardId{job.id, failed.index})}, {"agent", agent.str()}, {"outcome", failed.trouble}});

  // When everybody there could be has failed it, waiting for the limit would be waiting for nobody. Agents that are merely
  // absent count: else one bad agent could end a job in a moment in which it is alone.
  const bool nobody_left = !failed.never_ran && std::ranges::all_of(agents_, [&](const auto& entry) {
    return !entry.second.quarantined.empty() || std::ranges::find(shard.failed_on, entry.first) != shard.failed_on.end();
  });
  const auto failures = shard.failed_on.size() + shard.never_ran;
  if (failures >= parts_.options.max_failures_per_shard || nobody_left) {
    end_job(job, JobState::failed,
            fmt::format("shard {} failed {} time(s), the last time: {}", failed.index, failures, failed.trouble), now);
    return;
  }
  parts_.scheduler.want({job.id, failed.index}, 1);
  new_work_ = true;
}

}  // namespace forgepool::hub
