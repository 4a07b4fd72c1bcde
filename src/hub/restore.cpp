/// Brings the hub's state back after a restart: records are read, and the calls to the verifier repeated in their order.
#include "hub/hub_core.hpp"
#include "identity/dsse.hpp"
#include "identity/verdict.hpp"
#include "wire/json.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace forgepool::hub {

/// What repeating the calls adds up to.
struct HubCore::Replay {
  /// Executions wanted and not answered, per shard.
  std::map<ShardId, std::int64_t> outstanding;

  void add(const std::vector<VerifierAction>& actions) {
    for (const auto& action : actions) {
      if (const auto* execute = std::get_if<Execute>(&action)) outstanding[execute->shard] += execute->count;
      if (const auto* verdict = std::get_if<ShardVerdict>(&action)) verdicts.push_back(*verdict);
      if (const auto* quarantine = std::get_if<Quarantine>(&action)) caught.insert(quarantine->agent);
    }
  }
  std::vector<ShardVerdict> verdicts;
  std::set<AgentId> caught;
};

namespace {

bool says_the_same(const ShardVerdict& then, const ShardVerdict& now) {
  // Machines differ in the last digits of logarithms.
  constexpr double rounding = 1e-9;
  const auto same_answer = [](const Evidence& a, const Evidence& b) {
    return a.agent == b.agent && a.lease == b.lease && a.result == b.result && a.agrees == b.agrees && a.trust == b.trust;
  };
  return then.decision == now.decision && then.result == now.result && then.rule == now.rule &&
         std::abs(then.error_bound - now.error_bound) <= rounding * std::max(then.error_bound, now.error_bound) &&
         std::ranges::equal(then.evidence, now.evidence, same_answer);
}

}  // namespace

Status HubCore::restore(const Ledger& ledger, Time now) {
  const auto agents = scan_records(ledger, "agent/", [&](std::string_view id, std::string_view record) -> Status {
    auto agent = read_agent(AgentId(std::string(id)), record);
    if (!agent) return fail(agent.error());
    parts_.verifier.meet({agent->agent.id, agent->agent.operator_id});
    agents_.emplace(agent->agent.id, std::move(*agent));
    return {};
  });
  if (!agents) return agents;
  const auto invitations = scan_records(ledger, "invitation/", [&](std::string_view hash, std::string_view record) -> Status {
    auto invitation = read_invitation(record);
    if (!invitation) return fail(invitation.error());
    const auto digest = Digest::parse(hash);
    if (!digest) return fail(ErrorKind::corrupt, digest.error().message);
    invitations_.emplace(*digest, std::move(*invitation));
    return {};
  });
  if (!invitations) return invitations;
  if (const auto keys = restore_keys(ledger); !keys) return keys;
  if (const auto inputs = restore_inputs(ledger); !inputs) return inputs;
  const auto revocations = scan_records(ledger, "revocation/", [&](std::string_view, std::string_view record) -> Status {
    auto revocation = read_revocation(record);
    if (!revocation) return fail(revocation.error());
    std::pair key{revocation->kind, revocation->id};
    revocations_.insert_or_assign(std::move(key), std::move(*revocation));
    return {};
  });
  if (!revocations) return revocations;
  if (const auto certificates = restore_certificates(ledger); !certificates) return certificates;
  const auto used = scan_records(ledger, UsedTokens::prefix, [&](std::string_view id, std::string_view record) -> Status {
    auto token = read_used_token(record);
    if (!token) return fail(token.error());
    used_tokens_.restore(std::string(id), std::move(*token));
    return {};
  });
  if (!used) return used;
  if (const auto jobs = restore_jobs(ledger); !jobs) return jobs;
  if (const auto canaries = restore_canaries(ledger, now); !canaries) return canaries;
  if (const auto erased = restore_erased(ledger); !erased) return erased;
  // What agents are is told first: the shards that they had may say who gets them next. Whoever is there will show.
  for (const auto& [id, agent] : agents_) parts_.scheduler.agent_seen(as_scheduled(agent), now);
  if (const auto running = restore_running(ledger, now); !running) return running;
  std::set<AgentId> at_work;
  for (const auto& id : running_)
    for (const auto& lease : jobs_.at(id).running->leases)
      if (const auto found = parts_.scheduler.find(lease)) at_work.insert(found->agent);
  for (const auto& [id, agent] : agents_)
    if (!at_work.contains(id)) parts_.scheduler.agent_gone(id, now);
  return {};
}

Result<std::shared_ptr<const AdapterPackage>> HubCore::restore_adapter(const Ledger& ledger, const Digest& digest) const {
  if (auto known = adapter(digest)) return known;
  for (const auto& [id, job] : jobs_)
    if (job.adapter->digest() == digest) return job.adapter;
  auto package = ledger.read(adapter_key(digest));
  if (!package) return fail(package.error());
  if (!*package) return fail(ErrorKind::corrupt, "its adapter " + digest.str() + " is missing from the store");
  return open_adapter(std::move(**package));
}

Status HubCore::restore_jobs(const Ledger& ledger) {
  return scan_records(ledger, "job/", [&](std::string_view id_text, std::string_view sealed) -> Status {
    const JobId id{std::string(id_text)};
    const auto wrapped = ledger.read(content_key_key(id));
    if (!wrapped) return fail(wrapped.error());
    if (!*wrapped) return fail(ErrorKind::corrupt, "its content key is missing from the store");
    auto secret = wrapping_.unwrap(content_key_key(id), **wrapped);
    if (!secret) return fail(secret.error().kind, "its content key: " + secret.error().message);
    auto key = std::make_shared<const ContentKey>(std::move(*secret));
    const auto record = open_record(*key, job_key(id), as_bytes(sealed));
    if (!record) return fail(record.error());
    const auto digest = job_adapter(*record);
    if (!digest) return fail(digest.error());
    auto job = read_job(id, *record);
    if (!job) return fail(job.error());
    job->key = std::move(key);
    job->organization = OrganizationId(parts_.identity.trust_domain);
    auto package = restore_adapter(ledger, *digest);
    if (!package) return fail(package.error());
    job->adapter = std::move(*package);
    const auto sealed_inputs = ledger.read(inputs_key(id));
    if (!sealed_inputs) return fail(sealed_inputs.error());
    if (*sealed_inputs) {
      const auto list = job->key->open(inputs_key(id), **sealed_inputs);
      if (!list) return fail(list.error().kind, "the list of its inputs: " + list.error().message);
      auto inputs = read_inputs(*list);
      if (!inputs) return fail(inputs.error());
      job->inputs = std::move(*inputs);
    }
    if (!job->inputs_deleted) claim_inputs(*job);
    schedule_deletion(*job);
    if (job->state == JobState::running) {
      auto plan = job->adapter->plan(job->contract);
      if (!plan) return fail(ErrorKind::corrupt, "its contract can no longer be planned: " + plan.error().message);
      job->running = std::make_unique<RunningJob>();
      job->running->shards.resize(plan->shards.size());
      job->running->plan = std::move(*plan);
      job->accepted_count = 0;  // Counted again by the replay, as are the bounds.
      job->error_bound = job->expected_wrong = 0;
      job->version += 1'000'000;  // Past every version that was shown and not saved: it must never go back.
      running_.insert(job->id);
      deadlines_.set(job->id, job->deadline());
    }
    job_shares_.take(job->owner, job->share = job->kept_bytes());
    jobs_.emplace(job->id, std::move(*job));
    return {};
  });
}

Status HubCore::restore_grants(const Ledger& ledger, Job& job) {
  return scan_sealed(ledger, "grant/" + job.id.str() + "/", *job.key, [&](std::string_view, std::string_view record) -> Status {
    const auto event = read_event(record);
    if (!event) return fail(event.error());
    const auto content = json::parse_canonical(event->content, 1u << 20);
    const auto* object = content ? content->as_object() : nullptr;
    const auto* agent = object ? object->find("agent") : nullptr;
    const auto* shards = object ? object->find("shards") : nullptr;
    if (!agent || !agent->as_string() || !shards || !shards->as_array())
      return fail(ErrorKind::corrupt, "/content: expected a lease's agent and shards");
    for (const auto& shard : *shards->as_array())
      if (const auto* index = shard.as_integer(); index && *index >= 0 && *index < std::int64_t{job.shard_count})
        job.running->gave(static_cast<std::uint32_t>(*index), AgentId(*agent->as_string()));
    return {};
  });
}

Status HubCore::restore_erased(const Ledger& ledger) {
  return scan_records(ledger, "erased/", [&](std::string_view name, std::string_view record) -> Status {
    auto erased = read_erased(record);
    if (!erased) return fail(erased.error());
    erased_.emplace("erased/" + std::string(name), std::move(*erased));
    return {};
  });
}

Status HubCore::restore_running(const Ledger& ledger, Time now) {
  for (const auto& id : running_) {
    Job& job = jobs_.at(id);
    if (!parts_.verifier.understands(job.terms))
      return fail(
          ErrorKind::invalid_input,
          fmt::format("job {} runs and was begun with another verifier (\"{}\") than this hub has now (\"{}\"); open it "
                      "with that one until the job has ended",
                      id.str(), job.terms, parts_.verifier.terms()));
    const auto outputs =
        scan_sealed(ledger, "output/" + id.str() + "/", *job.key, [&](std::string_view, std::string_view output) -> Status {
          job.running->take_output(sha256(output), std::make_shared<const Bytes>(to_bytes(output)));
          return {};
        });
    if (!outputs) return outputs;
    running_output_bytes_ += job.running->output_bytes;
    if (!job.canary_of)
      if (const auto grants = restore_grants(ledger, job); !grants) return grants;
    parts_.scheduler.add_job(scheduler_job(job), now);
  }

  Replay replay;
  const auto journal = scan_records(ledger, "journal/", [&](std::string_view number, std::string_view stored) -> Status {
    std::string record(stored);
    const auto sealed = read_sealed_entry(record);
    if (!sealed) return fail(sealed.error());
    if (*sealed) {
      const auto job = jobs_.find((*sealed)->job);
      if (job == jobs_.end() || !job->second.running) return fail(ErrorKind::corrupt, "it is of a job that is not running");
      auto opened = open_record(*job->second.key, "journal/" + std::string(number), (*sealed)->sealed);
      if (!opened) return fail(opened.error());
      record = std::move(*opened);
    }
    const auto entry = read_journal_entry(record);
    if (!entry) return fail(entry.error());
    next_journal_ = std::stoull(std::string(number)) + 1;
    if (const auto* began = std::get_if<JobBegan>(&*entry))
      if (const auto job = jobs_.find(began->job); job != jobs_.end() && job->second.running)
        job->second.running->journal.push_back(next_journal_ - 1);
    if (const auto* came = std::get_if<AnswersCame>(&*entry))
      if (const auto job = jobs_.find(came->job); job != jobs_.end() && job->second.running)
        job->second.running->journal.push_back(next_journal_ - 1);
    if (std::holds_alternative<CreditEarned>(*entry)) credits_.push_back(next_journal_ - 1);
    if (const auto* discredited = std::get_if<AgentDiscredited>(&*entry))
      discredits_[discredited->agent].push_back(next_journal_ - 1);
    return replay_entry(*entry, replay);
  });
  if (!journal) return journal;

  if (const auto held = hold_against_records(ledger, replay); !held) return held;
  for (const auto& [shard, count] : replay.outstanding) {
    const auto job = jobs_.find(shard.job);
    if (job == jobs_.end() || !job->second.running || job->second.running->shards.at(shard.index).accepted || count <= 0)
      continue;
    parts_.scheduler.want(shard, static_cast<std::uint32_t>(count));
  }
  for (const auto& id : running_)
    if (const auto rest = restore_reports(ledger, jobs_.at(id)); !rest) return rest;
  return scan_records(ledger, "lease/", [&](std::string_view id, std::string_view record) -> Status {
    const auto lease = read_lease(LeaseId(std::string(id)), record);
    if (!lease) return fail(lease.error());
    const auto job = jobs_.find(lease->job);
    const auto agent = agents_.find(lease->agent);
    if (job == jobs_.end() || !job->second.running || agent == agents_.end())
      return fail(ErrorKind::corrupt, "it is of a job or agent that is not in the store");
    parts_.scheduler.agent_seen(as_scheduled(agent->second), now);
    parts_.scheduler.restore(*lease);
    job->second.running->leases.insert(lease->id);
    return {};
  });
}

Status HubCore::hold_against_records(const Ledger& ledger, const Replay& replay) {
  // What was signed is what holds: answers that lead anywhere else, or not so far, or further, are not those of then.
  std::map<ShardId, identity::Verdict> signed_verdicts;
  for (const auto& id : running_) {
    const Job& job = jobs_.at(id);
    const auto read =
        scan_sealed(ledger, "verdict/" + id.str() + "/", *job.key, [&](std::string_view, std::string_view record) -> Status {
          const auto statement = read_statement(record);
          if (!statement) return fail(statement.error());
          const auto envelope = identity::parse_envelope(statement->envelope);
          if (!envelope) return fail(envelope.error());
          auto verdict = identity::parse_verdict(as_text(envelope->payload));
          if (!verdict) return fail(verdict.error());
          const ShardId shard = verdict->shard.shard;
          if (shard.job != id || shard.index >= job.shard_count) return fail(ErrorKind::corrupt, "it is of another shard");
          signed_verdicts.emplace(shard, std::move(*verdict));
          return {};
        });
    if (!read) return read;
  }
  for (const auto& verdict : replay.verdicts) {
    const auto wrong = [&](std::string_view what) {
      return fail(ErrorKind::corrupt,
                  fmt::format("shard {} of job {}: {}", verdict.shard.index, verdict.shard.job.str(), what));
    };
    const auto job = jobs_.find(verdict.shard.job);
    if (job == jobs_.end() || !job->second.running) continue;
    const auto then = signed_verdicts.find(verdict.shard);
    if (verdict.decision != Decision::accepted || then == signed_verdicts.end())
      return wrong("the answers in the store lead to a verdict that is not in it");
    if (!says_the_same(then->second.shard, verdict))
      return wrong("the answers in the store lead to another verdict than the one that was signed");
    signed_verdicts.erase(then);
    auto& shard = job->second.running->shards.at(verdict.shard.index);
    shard.accepted = true;
    shard.result = verdict.result;
    job->second.count_accepted(verdict.error_bound);
    canaries_.accepted(job->second, verdict);
    if (!job->second.running->outputs.contains(verdict.result)) return wrong("its accepted output is not in the store");
  }
  if (!signed_verdicts.empty())
    return fail(ErrorKind::corrupt, "shard " + to_string(signed_verdicts.begin()->first) +
                                        ": a verdict was signed to which the answers in the store do not lead");
  for (const auto& agent : replay.caught)
    if (const auto found = agents_.find(agent); found == agents_.end() || found->second.quarantined.empty())
      return fail(ErrorKind::corrupt,
                  "agent " + agent.str() + ": the answers in the store put it in quarantine, where it is not");
  return {};
}

Status HubCore::restore_reports(const Ledger& ledger, Job& job) {
  const std::string of_job = job.id.str() + "/";
  return scan_sealed(ledger, "reported/" + of_job, *job.key, [&](std::string_view lease, std::string_view record) -> Status {
    const auto reported = read_reported(record);
    if (!reported) return fail(reported.error());
    job.running->reported.emplace(LeaseId(std::string(lease)), *reported);
    return {};
  });
}

Status HubCore::replay_entry(const JournalEntry& entry, Replay& replay) {
  if (const auto* began = std::get_if<JobBegan>(&entry)) {
    const auto job = jobs_.find(began->job);
    if (job == jobs_.end() || !job->second.running) return fail(ErrorKind::corrupt, "it begins a job that is not running");
    replay.add(parts_.verifier.begin(verifier_job(job->second)));
  } else if (const auto* came = std::get_if<AnswersCame>(&entry)) {
    const auto job = jobs_.find(came->job);
    if (job == jobs_.end() || !job->second.running) return fail(ErrorKind::corrupt, "it answers for a job that is not running");
    job->second.running->agents.insert(came->agent);
    for (const auto& answer : came->shards) {
      const ShardId shard{came->job, answer.shard};
      if (answer.shard >= job->second.shard_count) return fail(ErrorKind::corrupt, "it answers for a shard that there is not");
      parts_.scheduler.exclude(shard, came->agent);
      note_answer(job->second, answer);
      // One more than asked for may have come: a straggler and its copy.
      if (auto& outstanding = replay.outstanding[shard]; outstanding > 0) --outstanding;
      replay.add(parts_.verifier.answer({shard, came->agent, came->lease, answer.result, !answer.failure.empty()}));
    }
  } else if (const auto* pardoned = std::get_if<AgentPardoned>(&entry)) {
    replay.caught.erase(pardoned->agent);
    replay.add(parts_.verifier.pardon(pardoned->agent));
  } else if (const auto* discredited = std::get_if<AgentDiscredited>(&entry)) {
    earned_.erase(discredited->agent);
    parts_.verifier.discredit(discredited->agent, discredited->refuted);
  } else if (const auto* earned = std::get_if<CreditEarned>(&entry)) {
    for (const auto& one : earned->agents) earned_[one.agent] += one.checks;
    parts_.verifier.credit(earned->agents);
  } else {
    const AgentId& agent = std::get<AgentQuarantined>(entry).agent;
    earned_.erase(agent);
    replay.add(parts_.verifier.quarantine(agent));
  }
  return {};
}

}  // namespace forgepool::hub
