/// What agents report: checked, logged, and handed to the verifier as answers. That an execution fails is an answer, too.
#include "crypto/reason.hpp"
#include "hub/evidence.hpp"
#include "hub/hub_core.hpp"
#include "identity/promise.hpp"
#include "wire/failure.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace forgepool::hub {
namespace {

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

// As long as checkpoints may lack a quorum of witnesses before the hub stands as one that broke its word.
constexpr Duration promise_term = std::chrono::hours(24);
// Others are preferred for so long for what an agent could not begin.
constexpr Duration avoided_for = std::chrono::minutes(1);

}  // namespace

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
    one.answer.shard = lease.shards[i];
    one.outcome = outcome;
    if (!wire::is_of_program(*kind)) {
      one.never_ran = true;
    } else if (!outcome.ok()) {
      one.answer.result = wire::failure_digest(outcome.kind, outcome.code);
      one.answer.failure = forgepool::describe(SandboxOutcome{outcome.kind, outcome.code, ""});
    } else {
      if (shard->output.size() > job.running->plan.limits.output_bytes)
        return fail(ErrorKind::too_large,
                    fmt::format("output_too_large: the output of shard {} is larger than its limit of {} bytes", shard->index,
                                job.running->plan.limits.output_bytes));
      one.output = std::make_shared<const Bytes>(shard->output);
      one.answer.result = sha256(*one.output);
      // The agent signed for it, so it stays an answer. But nothing can be made of it: agreed on or not, it is a failure.
      if (const auto well_formed = job.adapter->check_output(job.contract, *one.output); !well_formed)
        one.answer.failure = "left an output that the adapter cannot read: " + well_formed.error().message;
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

Result<wire::fb::ReportTakenT> HubCore::report(const AgentId& id, const Peer& peer, const LeaseId& leased,
                                               const wire::fb::LeaseResultT& result, Time now) {
  forget_canaries();
  const auto agent = admitted(id, peer);
  if (!agent) return fail(agent.error());
  const auto lease_id = LeaseId::parse(result.lease);
  if (!lease_id) return fail(lease_id.error());
  if (leased != *lease_id) return refuse(ErrorKind::denied, "token_lease", "the token is for another lease");

  auto lease = parts_.scheduler.find(*lease_id);
  if (const Lease* lapsed = lease ? nullptr : find_lapsed(*lease_id, id)) {
    // What was finished counts, whoever else may be at it: of a shard that is decided already it is one answer more.
    const Lease late = *lapsed;
    forget_lapsed(late);
    parts_.scheduler.restore(late);
    lease = parts_.scheduler.find(*lease_id);
  }
  if (!lease) {
    for (const auto& job_id : running_) {
      const auto& reported = jobs_.at(job_id).running->reported;
      const auto first = reported.find(*lease_id);
      if (first == reported.end()) continue;
      // Perhaps our answer to the first report was lost: it counts once, and is acknowledged again. Anything else is not.
      if (first->second.report == report_digest(result)) return promise(*lease_id, first->second, now);
      return refuse(ErrorKind::conflict, "report_replayed", "this lease was reported already, and with another report");
    }
    return refuse(ErrorKind::conflict, "lease_ended",
                  "the lease has ended, and its job with it, or its agent got its shards anew");
  }
  if (!owns(id, Action::report_result, *lease))
    return refuse(ErrorKind::denied, "lease_holder", "the lease is another agent's");
  Job& job = jobs_.at(lease->job);
  auto shards = check_report(*lease, job, result);
  if (!shards) return fail(refuse_report(job, *lease, shards.error(), now).error());

  std::vector<ClaimedShard> claimed;
  for (std::size_t i = 0; i < shards->size(); ++i) {
    const CheckedShard& shard = (*shards)[i];
    claimed.push_back({result.shards[i]->index, shard.outcome.kind, shard.outcome.code,
                       shard.output ? std::optional(shard.answer.result) : std::nullopt});
  }
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
  bound_outputs(now);
  return taken;
}

Status HubCore::refuse_report(Job& job, const Lease& lease, const Error& error, Time now) {
  // Nothing in it counts, and the agent will hardly do better on the same shards: they go to others at once.
  effects_.erase(lease_key(lease.id));
  if (const auto finished = parts_.scheduler.finish(lease.id, lease.agent); !finished) return fail(finished.error());
  job.running->leases.erase(lease.id);
  for (const auto index : lease.shards) give_to_others(job, lease.agent, index, now);
  pauses_.failed(lease.agent, "its report was refused: " + error.message, now);
  changed(job);
  save(job);
  return fail(error);
}

void HubCore::note_answer(Job& job, const AnsweredShard& answer) {
  ShardState& shard = job.running->shards.at(answer.shard);
  if (job.canary_of && !std::exchange(shard.accepted, true)) ++job.accepted_count;
  if (answer.failure.empty()) return;
  job.running->failures.emplace(answer.result, answer.failure);
  shard.failures.insert(answer.result);
}

void HubCore::take_answers(Job& job, const Lease& lease, const std::vector<CheckedShard>& shards, Time now) {
  AnswersCame came{job.id, lease.id, lease.agent, {}};
  bool any_ran = false;
  const CheckedShard* never_ran = nullptr;
  for (const auto& shard : shards) {
    (shard.never_ran ? static_cast<void>(never_ran = &shard) : static_cast<void>(any_ran = true));
    if (shard.never_ran) continue;
    came.shards.push_back(shard.answer);
    note_answer(job, shard.answer);
    if (shard.output && !job.canary_of && job.running->take_output(shard.answer.result, shard.output)) {
      running_output_bytes_ += shard.output->size();
      keep(job, output_key(job.id, *job.key, shard.answer.result), *shard.output);
    }
  }
  job.answers += came.shards.size();
  changed(job);
  std::vector<VerifierAction> actions;
  if (!came.shards.empty()) {
    journal(came, &job);
    for (const auto& answer : came.shards) {
      parts_.scheduler.exclude({job.id, answer.shard}, lease.agent);
      const auto more =
          parts_.verifier.answer({{job.id, answer.shard}, lease.agent, lease.id, answer.result, !answer.failure.empty()});
      actions.insert(actions.end(), more.begin(), more.end());
    }
  }
  for (const auto& shard : shards) {
    if (!shard.outcome.ok())
      parts_.log.write(LogLevel::warning, "shard_failed",
                       {{"shard", to_string(ShardId{job.id, shard.answer.shard})},
                        {"agent", lease.agent.str()},
                        {"outcome", forgepool::describe(shard.outcome)}});
    if (shard.never_ran) give_to_others(job, lease.agent, shard.answer.shard, now);
  }
  if (never_ran)
    pauses_.failed(lease.agent, "an execution " + forgepool::describe(never_ran->outcome), now, any_ran);
  else
    pauses_.worked(lease.agent);
  save(job);
  // Last: they may end the job.
  apply(actions, now);
  if (job.canary_of && job.running && job.accepted_count == job.shard_count) end_canary(job, now);
}

void HubCore::give_to_others(const Job& job, const AgentId& agent, std::uint32_t index, Time now) {
  if (job.running->shards.at(index).accepted) return;
  parts_.scheduler.avoid({job.id, index}, agent, now + avoided_for);
  parts_.scheduler.want({job.id, index}, 1);
  ++newly_wanted_;
}

}  // namespace forgepool::hub
