/// What follows from what agents returned: the verifier's actions, accepted shards, the end of a job.
#include "hub/evidence.hpp"
#include "hub/hub_core.hpp"
#include "wire/json.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {
namespace {

/// Shards of a job whose explanations are kept when they are settled. The bundle explains all.
constexpr std::size_t max_notes = 100;

}  // namespace

void HubCore::apply(const std::vector<VerifierAction>& actions, Time now) {
  // Jobs end last: what else is carried out may be about them.
  std::map<JobId, std::string> failing;
  std::set<JobId> touched;
  std::vector<JobId> asking;
  std::set<AgentId> benched;
  // What is found out at a canary is a charge at the shard that it was made of. Now, while the canary is there.
  std::map<const Quarantine*, Quarantine> at_source;
  for (const auto& action : actions)
    if (const auto* quarantine = std::get_if<Quarantine>(&action); quarantine && jobs_.at(quarantine->shard.job).canary_of)
      at_source.emplace(quarantine, in_source(*quarantine));
  const auto charge = [&](const Quarantine& quarantine) -> const Quarantine& {
    const auto found = at_source.find(&quarantine);
    return found == at_source.end() ? quarantine : found->second;
  };
  // Who is in quarantine loses its leases first: what they discard must not go to it again. The ledger keeps the order of the
  // actions, in which a verdict never rests on an agent that was caught before it.
  for (const auto& action : actions)
    if (const auto* quarantine = std::get_if<Quarantine>(&action); quarantine && bench(charge(*quarantine), now))
      benched.insert(quarantine->agent);
  for (const auto& action : actions) {
    if (const auto* execute = std::get_if<Execute>(&action)) carry_out(*execute);
    if (const auto* verdict = std::get_if<ShardVerdict>(&action)) {
      if (auto why = carry_out(*verdict, now)) failing.emplace(verdict->shard.job, std::move(*why));
      touched.insert(verdict->shard.job);
    }
    if (const auto* quarantine = std::get_if<Quarantine>(&action); quarantine && benched.contains(quarantine->agent)) {
      publish(charge(*quarantine), quarantine->shard.job);
      if (at_source.contains(quarantine)) publish_canary(*quarantine, charge(*quarantine));
    }
    if (const auto* discredit = std::get_if<Discredit>(&action)) carry_out(*discredit);
    if (const auto* canary = std::get_if<Canary>(&action)) asking.push_back(canary->job);
  }
  // Only now: the last verdict of a job may come together with a quarantine that belongs to it.
  for (auto& [id, why] : failing) end_job(jobs_.at(id), JobState::failed, std::move(why), now);
  for (const auto& id : touched) finish_if_complete(jobs_.at(id), now);
  for (const auto& id : asking) give_out_canary(jobs_.at(id), now);
}

void HubCore::carry_out(const Execute& execute) {
  parts_.scheduler.want(execute.shard, execute.count);
  newly_wanted_ += execute.count;
}

std::optional<std::string> HubCore::carry_out(const ShardVerdict& verdict, Time now) {
  const auto found = jobs_.find(verdict.shard.job);
  if (found == jobs_.end() || !found->second.running) return std::nullopt;
  Job& job = found->second;
  const std::uint32_t index = verdict.shard.index;
  auto& shard = job.running->shards.at(index);
  parts_.scheduler.settle(verdict.shard);

  const bool unanimous = std::ranges::all_of(verdict.evidence, &Evidence::agrees);
  if ((!unanimous || verdict.decision != Decision::accepted) && job.notes.size() < max_notes)
    job.notes[index] = explain_answers(job, index);
  // Signed whatever it says: of a job that failed this is the evidence.
  auto statement = sign_verdict(verdict, job, parts_.identity, parts_.random, now);
  if (!statement) return "the hub could not sign a verdict: " + statement.error().message;
  statement->record.index = effects_.append(std::move(statement->leaf));
  keep(job, verdict_key(job.id, index), write_statement(statement->record));
  changed(job);
  if (verdict.decision == Decision::undecided)
    return fmt::format("shard {}: its executions did not agree ({}); see `explain`", index, verdict.rule);
  if (verdict.decision == Decision::failed) {
    const auto how = job.running->failures.find(verdict.result);
    return fmt::format("shard {} {} ({}); see `explain`", index, how == job.running->failures.end() ? "fails" : how->second,
                       verdict.rule);
  }
  shard.accepted = true;
  shard.result = verdict.result;
  job.count_accepted(verdict.error_bound);
  canaries_.accepted(job, verdict);
  return std::nullopt;
}

void HubCore::carry_out(const Discredit& discredit) {
  earned_.erase(discredit.agent);
  discredits_[discredit.agent].push_back(next_journal_);
  journal(AgentDiscredited{discredit.agent, discredit.refuted}, nullptr);
  parts_.log.write(LogLevel::warning, "claim_refuted",
                   {{"agent", discredit.agent.str()},
                    {"shard", to_string(discredit.shard)},
                    {"refuted", fmt::format("{} of {}", discredit.refuted, refuted_claims_allowed)}});
}

std::string HubCore::explain_answers(const Job& job, std::uint32_t index) const {
  std::string text = parts_.verifier.explain({job.id, index});
  for (const Digest& failure : job.running->shards.at(index).failures)
    text += fmt::format("\n  {} says that it {}", failure.str(), job.running->failures.at(failure));
  return text;
}

bool HubCore::bench(const Quarantine& quarantine, Time now) {
  const auto agent = agents_.find(quarantine.agent);
  if (agent == agents_.end() || !agent->second.quarantined.empty()) return false;
  agent->second.quarantined = quarantine.reason;
  if (!quarantine.shard.job.empty()) {
    // In the open stands where, and not what it returned: that is content.
    agent->second.quarantined = "caught at shard " + to_string(quarantine.shard);
    agent->second.caught_in = quarantine.shard.job;
  }
  agent->second.quarantined_at = now;
  effects_.put(agent_key(quarantine.agent), write_agent(agent->second));
  earned_.erase(quarantine.agent);
  pauses_.worked(quarantine.agent);
  journal(AgentQuarantined{quarantine.agent}, nullptr);
  effects_.put(quarantine_key(quarantine.agent),
               write_event(commit_to("quarantine", json::canonicalize(json::Object{{"agent", quarantine.agent.str()},
                                                                                   {"reason", agent->second.quarantined}}))));
  end_leases(parts_.scheduler.agent_gone(quarantine.agent, now));
  parts_.log.write(LogLevel::warning, "agent_quarantined",
                   {{"agent", quarantine.agent.str()}, {"shard", to_string(quarantine.shard)}});
  return true;
}

void HubCore::publish(const Quarantine& quarantine, const JobId& at) {
  // Every job that the agent worked on says so in its evidence: auditors do not count answers of an agent that was caught.
  for (const auto& id : running_) {
    Job& job = jobs_.at(id);
    if (job.canary_of) continue;
    if (id == at) {
      job.caught.push_back(
          {quarantine.agent, quarantine.shard.index, quarantine.returned, quarantine.accepted, quarantine.reason});
      log_event(job, "quarantine",
                json::canonicalize(json::Object{{"accepted", quarantine.accepted.str()},
                                                {"agent", quarantine.agent.str()},
                                                {"job", id.str()},
                                                {"returned", quarantine.returned.str()},
                                                {"shard", quarantine.shard.index}}));
    } else if (job.running->agents.contains(quarantine.agent)) {
      log_event(job, "quarantine", json::canonicalize(json::Object{{"agent", quarantine.agent.str()}, {"job", id.str()}}));
    } else {
      continue;
    }
    changed(job);
    save(job);
  }
}

void HubCore::keep_credit(const std::vector<AgentCredit>& earned) {
  for (const auto& one : earned) earned_[one.agent] += one.checks;
  if (running_.empty())  // Who replays knows no job that the earlier ones say something about.
    for (auto& [agent, entries] : discredits_)
      for (; entries.size() > 1; entries.erase(entries.begin())) effects_.erase(journal_key(entries.front()));
  if (!earned.empty()) {
    credits_.push_back(next_journal_);
    journal(CreditEarned{earned}, nullptr);
  }
  // Jobs that run must find what they knew when they began. When none does, one entry says it all.
  if (!running_.empty() || credits_.size() < 2) return;
  for (const auto number : credits_) effects_.erase(journal_key(number));
  credits_ = {next_journal_};
  CreditEarned all;
  for (const auto& [agent, checks] : earned_) all.agents.push_back({agent, checks});
  journal(all, nullptr);
}

void HubCore::end_leases(const std::vector<Lease>& leases) {
  for (const auto& lease : leases) {
    effects_.erase(lease_key(lease.id));
    if (const auto job = jobs_.find(lease.job); job != jobs_.end() && job->second.running) {
      job->second.running->leases.erase(lease.id);
      changed(job->second);
    }
    parts_.log.write(LogLevel::info, "lease_ended", {{"lease", lease.id.str()}, {"agent", lease.agent.str()}});
    new_work_ = true;
  }
}

void HubCore::finish_if_complete(Job& job, Time now) {
  if (job.state != JobState::running || job.accepted_count < job.shard_count) return;
  std::vector<ByteView> outputs;
  outputs.reserve(job.shard_count);
  for (const auto& shard : job.running->shards) outputs.emplace_back(*job.running->outputs.at(shard.result));
  const auto result = job.adapter->reduce(job.contract, outputs);
  if (!result) {
    end_job(job, JobState::failed, "the shards' outputs could not be reduced: " + result.error().message, now);
    return;
  }
  job.result = sha256(*result);
  keep(job, result_key(job.id), *result);
  log_event(job, "result", json::canonicalize(json::Object{{"job", job.id.str()}, {"result", job.result->str()}}));
  log_artifacts(job, *result, outputs);
  end_job(job, JobState::done, "", now);
}

void HubCore::bound_outputs(Time now) {
  while (running_output_bytes_ > parts_.options.max_running_output_bytes) {
    // Whoever made it so: others' jobs go on.
    const auto largest =
        std::ranges::max_element(running_, {}, [&](const JobId& id) { return jobs_.at(id).running->output_bytes; });
    Job& job = jobs_.at(*largest);
    end_job(
        job, JobState::failed,
        fmt::format("outputs_too_large: its outputs come to {} bytes so far, and those of all jobs to more than the {} that "
                    "this hub has for them; make shards whose outputs are smaller, or more jobs of it",
                    job.running->output_bytes, parts_.options.max_running_output_bytes),
        now);
  }
}

void HubCore::end_job(Job& job, JobState state, std::string failure, Time now) {
  if (job.canary_of) return end_canary(job, now);
  job.state = state;
  job.failure = std::move(failure);
  job.ended_at = now;
  job.agent_count = static_cast<std::uint32_t>(job.running->agents.size());
  if (state != JobState::done)
    log_event(job, "failure", json::canonicalize(json::Object{{"job", job.id.str()}, {"reason", job.failure}}));

  const bool keep_outputs = state == JobState::done && job.keeps_outputs();
  // That answers agree whose digests differ can only be shown with the outputs themselves.
  const bool keep_as_evidence = state == JobState::done && !job.adapter->compares_exactly(job.contract);
  std::set<Digest> accepted;
  for (const auto& shard : job.running->shards)
    if (shard.accepted) accepted.insert(shard.result);
  for (const auto& [digest, bytes] : job.running->outputs)
    if (!keep_as_evidence && (!keep_outputs || !accepted.contains(digest)))
      effects_.erase(output_key(job.id, *job.key, digest));
  for (const auto& lease : job.running->leases) effects_.erase(lease_key(lease));
  for (const auto& [lease, report] : job.running->reported) effects_.erase(reported_key(job.id, lease));
  for (const auto number : job.running->journal) effects_.erase(journal_key(number));

  parts_.scheduler.remove_job(job.id);
  const auto earned = parts_.verifier.end(job.id);
  running_.erase(job.id);
  deadlines_.erase(job.id);
  keep_credit(earned);
  if (state == JobState::done)
    keep_known(job);
  else
    know_no_more(job.id, now);
  running_output_bytes_ -= job.running->output_bytes;
  job.running.reset();
  if (job.retention.inputs_ms == 0) delete_inputs(job, now);
  schedule_deletion(job);
  changed(job);
  save(job);
  parts_.log.write(state == JobState::done ? LogLevel::info : LogLevel::warning,
                   state == JobState::done ? "job_done" : "job_failed", {{"job", job.id.str()}, {"failure", job.failure}});
}

}  // namespace forgepool::hub
