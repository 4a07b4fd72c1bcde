#include "hub/hub_core.hpp"

#include "crypto/reason.hpp"

#include "crypto/random.hpp"
#include "hub/wall_clock.hpp"
#include "wire/json.hpp"

#include <forgepool/merkle.hpp>

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {
namespace {

// A job that waits is explained shard by shard, but not without end.
constexpr std::size_t max_explained_shards = 1000;

}  // namespace

HubCore::HubCore(CoreParts parts, std::uint64_t ledger_size) : parts_(std::move(parts)), effects_(ledger_size) {}

std::string HubCore::fresh_id(std::string_view prefix) {
  std::array<std::uint8_t, 16> random{};
  parts_.random(random);
  return id_from_random(prefix, random);
}

void HubCore::journal(const JournalEntry& entry, Job* job) {
  if (job && job->running) job->running->journal.push_back(next_journal_);
  std::string place = journal_key(next_journal_++), record = write_journal_entry(entry);
  if (job) record = write_sealed_entry(job->id, job->key->seal(parts_.random, place, as_bytes(record)));
  effects_.put(std::move(place), record);
}

void HubCore::changed(Job& job) {
  ++job.version;
  changed_jobs_.insert(job.id);
}

EventRecord HubCore::commit_to(std::string_view kind, std::string content) {
  EventRecord event{std::string(kind), Bytes(32), std::move(content), 0};
  parts_.random(event.salt);
  event.index = effects_.append(wire::event_leaf(event.kind, event.salt, event.content));
  return event;
}

void HubCore::log_event(Job& job, std::string_view kind, std::string content) {
  keep(job, event_key(job.id, job.events++), write_event(commit_to(kind, std::move(content))));
}

void HubCore::log_grant(const Job& job, const Lease& lease) {
  json::Array shards;
  for (const auto index : lease.shards) shards.push_back(job.running->plan.shards.at(index).index);
  const ContractPolicy& policy = job.contract.policy;
  const SchedulerAgent& agent = agents_.at(lease.agent).agent;
  // By lease and not by number: the job's record, which counts the others, need not be written for each lease.
  keep(job, grant_key(job.id, lease.id),
       write_event(commit_to(
           "lease",
           json::canonicalize(json::Object{
               {"admitted", json::Object{{"data_class", policy.data_class}, {"region", agent.region}, {"tier", agent.tier}}},
               {"agent", lease.agent.str()},
               {"job", job.id.str()},
               {"lease", lease.id.str()},
               {"shards", std::move(shards)}}))));
}

void HubCore::log_residency(Job& job) {
  const ContractPolicy& policy = job.contract.policy;
  log_event(job, "residency",
            json::canonicalize(json::Object{{"data_class", policy.data_class},
                                            {"hub_region", parts_.options.region},
                                            {"job", job.id.str()},
                                            {"profile", parts_.options.deployment.profile},
                                            {"regions", json::Array(policy.regions.begin(), policy.regions.end())},
                                            {"retention", json::Object{{"evidence_ms", job.retention.evidence_ms},
                                                                       {"inputs_ms", job.retention.inputs_ms},
                                                                       {"results_ms", job.retention.results_ms}}},
                                            {"target", policy.target}}));
}

void HubCore::log_artifacts(Job& job, std::string_view result, const std::vector<ByteView>& outputs) {
  for (const auto& name : job.contract.artifacts.include) {
    Digest digest = sha256(result);
    if (name == "shard_outputs") {
      std::vector<Digest> hashes;
      for (const ByteView output : outputs) hashes.push_back(leaf_hash(output));
      digest = merkle_root(hashes);
    }
    log_event(job, "artifact",
              json::canonicalize(json::Object{{"digest", digest.str()}, {"job", job.id.str()}, {"name", name}}));
  }
}

// --- clients ---------------------------------------------------------------------------------------------------------

const Job* HubCore::find(const JobId& id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

Result<const Job*> HubCore::find_for(const JobId& id, const Caller& caller) const {
  const Job* job = find(id);
  if (!job)
    if (auto gone = erased(id, caller)) return fail(std::move(*gone));
  // Somebody else's job is not told apart from one that does not exist.
  if (!job || job->canary_of || !authorize(caller, Action::read_job, resource_of(*job)))
    return refuse(ErrorKind::not_found, "job_unknown", "there is no job " + id.str() + " of yours on this hub");
  return job;
}

void HubCore::add_pauses(JobStatus& status, Time now) const {
  std::uint64_t pausing = 0;
  const Pauses::Pause* worst = nullptr;
  const AgentId* whose = nullptr;
  for (const auto& [agent, pause] : pauses_.all()) {
    if (!is_present(agent, now)) continue;
    ++pausing;
    if (!worst || pause.in_a_row > worst->in_a_row) worst = &pause, whose = &agent;
  }
  if (!worst) return;
  // First: whoever is there and idle says nothing against it.
  status.reasons.insert(
      status.reasons.begin(),
      {"cannot_begin",
       fmt::format(
           "{} of the agents that are there could do nothing with what they were given last, and get work again after a "
           "pause; {}, {} time(s) in a row: {}",
           pausing, whose->str(), worst->in_a_row, worst->why),
       pausing, "their owners must see what is wrong (`forgepool sandbox doctor`, their clocks), or others join"});
}

JobStatus HubCore::full_status(const Job& job, Time now) const {
  JobStatus status = job.status(now);
  if (job.state == JobState::running) {
    auto progress = parts_.scheduler.progress(job.id, now);
    status.leased = progress.leased;
    status.waiting = progress.waiting;
    status.reasons = std::move(progress.reasons);
    if (status.waiting > 0) add_pauses(status, now);
  }
  return status;
}

Result<JobStatus> HubCore::status(const JobId& id, const Caller& caller, Time now) const {
  const auto job = find_for(id, caller);
  if (!job) return fail(job.error());
  return full_status(**job, now);
}

Result<JobExplanation> HubCore::explain(const JobId& id, const Caller& caller, Time now) const {
  const auto found = find_for(id, caller);
  if (!found) return fail(found.error());
  const Job& job = **found;
  JobExplanation explanation;
  explanation.status = full_status(job, now);
  std::map<std::uint32_t, std::string> texts = job.notes;
  if (job.running)
    for (std::uint32_t i = 0; i < job.shard_count && texts.size() < max_explained_shards; ++i) {
      const auto& shard = job.running->shards[i];
      if (shard.accepted) continue;
      texts.emplace(i, explain_answers(job, i));
    }
  for (auto& [index, text] : texts) {
    explanation.shards.push_back({index, std::move(text)});
    if (job.running && !job.running->shards[index].accepted)
      explanation.shards.back().reasons = parts_.scheduler.reasons({job.id, index}, now);
  }
  return explanation;
}

std::vector<JobStatus> HubCore::list(const Caller& caller, Time now) const {
  std::vector<JobStatus> statuses;
  for (const auto& [id, job] : jobs_)
    if (!job.canary_of && authorize(caller, Action::list_jobs, resource_of(job))) statuses.push_back(full_status(job, now));
  return statuses;
}

// --- time ------------------------------------------------------------------------------------------------------------

void HubCore::tick(Time now) {
  forget_canaries();
  // Something may be for those who wait that was not when they asked: a straggler's copy.
  if (const auto due = parts_.scheduler.next_deadline(); due && *due <= now) new_work_ = true;
  if (pauses_.ended(now)) new_work_ = true;
  lapse(parts_.scheduler.expire(now));
  for (const auto& id : deadlines_.due(now)) {
    Job& job = jobs_.at(id);
    if (!job.running) continue;  // The end of another one was its end, too.
    end_job(job, JobState::failed,
            fmt::format("timed out after {} ms with {} of {} shards accepted; see `explain` for what it waited for, or raise "
                        "/policy/timeout_ms",
                        job.contract.policy.timeout_ms, job.accepted_count, job.shard_count),
            now);
  }
  sweep(now);
}

Status HubCore::told_clock(const AgentId& id, std::int64_t clock_ms, Time now) {
  constexpr std::int64_t far = (std::int64_t{1} << 62) / 1'000'000;
  if (clock_ms == 0 || !agents_.contains(id)) return {};
  const Time theirs{std::chrono::milliseconds(std::clamp(clock_ms, -far, far))};
  const Duration ahead = theirs - now;
  if (std::chrono::abs(ahead) <= most_clock_difference) {
    clocks_off_.erase(id);
    return {};
  }
  clocks_off_[id] = ahead;
  last_seen_[id] = now;
  return refuse(ErrorKind::unavailable, "agent_clock",
                "this agent's clock is " + describe_clock(ahead) + " (it says " + to_rfc3339(theirs) + ", and the hub's " +
                    to_rfc3339(now) + "): set it right, or let a time server do so; until then there is no work");
}

void HubCore::clock_set(Duration by) {
  // How far agents' clocks are from ours they say again.
  clocks_off_.clear();
  set_by_ += by;
  pauses_.clock_set(by);
  for (const auto& id : running_) {
    jobs_.at(id).clock_set += by;
    deadlines_.set(id, jobs_.at(id).deadline());
    for (auto& [agent, leases] : jobs_.at(id).running->lapsed)
      for (Lease& lease : leases) lease.granted += by, lease.deadline += by;
  }
  for (auto& [agent, seen] : last_seen_) seen += by;
}

std::optional<Time> HubCore::next_deadline() const {
  auto next = parts_.scheduler.next_deadline();
  for (const auto& due : {deadlines_.next(), deletions_.next(),
                          uploads_.empty() ? std::nullopt : std::optional(uploads_.begin()->first), disposal_due_,
                          pauses_.next_end()})
    if (due && (!next || *due < *next)) next = due;
  return next;
}

std::shared_ptr<const AdapterPackage> HubCore::adapter(const Digest& digest) const {
  for (const auto& package : parts_.adapters)
    if (package->digest() == digest) return package;
  for (const auto& id : running_)
    if (const auto& package = jobs_.at(id).adapter; package->digest() == digest) return package;
  return nullptr;
}

}  // namespace forgepool::hub
