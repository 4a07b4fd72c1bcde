#include "hub/hub_core.hpp"

#include "crypto/random.hpp"
#include "wire/json.hpp"

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
  effects_.put(journal_key(next_journal_++), write_journal_entry(entry));
}

void HubCore::changed(Job& job) {
  ++job.version;
  changed_jobs_.insert(job.id);
}

void HubCore::log_event(Job& job, std::string_view kind, std::string content) {
  EventRecord event{std::string(kind), Bytes(32), std::move(content), 0};
  parts_.random(event.salt);
  event.index = effects_.append(wire::event_leaf(event.kind, event.salt, event.content));
  effects_.put(event_key(job.id, job.events++), write_event(event));
}

// --- clients ---------------------------------------------------------------------------------------------------------

Result<JobStatus> HubCore::submit(std::string_view text, const Caller& caller, Time now) {
  auto contract = parse_contract(text);
  if (!contract) return fail(contract.error());

  if (contract->job_id) {
    if (const Job* existing = find(*contract->job_id)) {
      if (existing->owner == caller.name && existing->contract.digest == contract->digest) return full_status(*existing, now);
      return fail(ErrorKind::conflict, "/ctx/job_id: there is another job of that id; choose another one, or leave it out");
    }
  }
  if (running_.size() >= parts_.options.max_running_jobs)
    return fail(ErrorKind::unavailable,
                fmt::format("{} jobs are running, which is the limit of this hub; try again later", running_.size()));

  // What is asked for and cannot be kept is refused: agents have no trust tiers or clearances yet.
  if (contract->policy.target != "any")
    return fail(ErrorKind::unsupported, "/policy/target: this hub knows no trust tiers; expected \"any\"");
  if (!contract->policy.data_class.empty())
    return fail(ErrorKind::unsupported, "/policy/data_class: no agent of this hub is cleared for any; leave it out");
  if (!contract->policy.numeric_class.empty() || contract->policy.homogeneous || !contract->policy.spread.empty())
    return fail(ErrorKind::unsupported, "/policy: this hub knows nothing of its agents' numeric classes, operators and networks; "
                                        "leave out numeric_class, homogeneous and spread");

  const auto adapter = std::ranges::find_if(parts_.adapters, [&](const auto& package) {
    return package->name() == contract->op.name && package->version() == contract->op.version;
  });
  if (adapter == parts_.adapters.end()) {
    std::string known;
    for (const auto& package : parts_.adapters)
      known += (known.empty() ? "" : ", ") + package->name() + "@" + package->version();
    return fail(ErrorKind::invalid_input, fmt::format("/op: this hub has no adapter {}@{}; it has: {}", contract->op.name,
                                                      contract->op.version, known.empty() ? "none" : known));
  }
  auto plan = (*adapter)->plan(*contract);
  if (!plan) return fail(plan.error());
  if (plan->shards.size() > parts_.options.max_shards_per_job)
    return fail(ErrorKind::too_large,
                fmt::format("/args: this would be {} shards, the limit of this hub is {}; make the shards larger",
                            plan->shards.size(), parts_.options.max_shards_per_job));
  for (const auto& shard : plan->shards)
    for (const auto& input : shard.inputs)
      if (!blobs_.contains(input.digest))
        return fail(
            ErrorKind::invalid_input,
            fmt::format("/args: input {} is not known to this hub; upload it before submitting (forgepool submit --input FILE)",
                        input.digest.str()));

  Job job;
  job.id = contract->job_id ? *contract->job_id : JobId(fresh_id("job-"));
  job.contract = std::move(*contract);
  job.adapter = *adapter;
  job.owner = caller.name;
  job.pseudonym = fresh_id("w-");
  parts_.random(job.secret);
  job.accepted_at = now;
  job.shard_count = static_cast<std::uint32_t>(plan->shards.size());
  job.running = std::make_unique<RunningJob>();
  job.running->shards.resize(plan->shards.size());
  job.running->plan = std::move(*plan);

  effects_.put(blob_key(job.adapter->digest()),
               job.adapter->bytes());  // The package stays findable when the hub's adapters change.
  log_event(job, "contract", json::canonicalize(json::Object{{"contract", job.contract.digest.str()}, {"job", job.id.str()}}));
  log_event(job, "plan",
            json::canonicalize(json::Object{{"adapter", job.adapter->digest().str()},
                                            {"job", job.id.str()},
                                            {"plan", job.running->plan.digest().str()},
                                            {"pseudonym", job.pseudonym},
                                            {"shards", job.shard_count}}));
  const auto& policy = job.contract.policy;
  parts_.scheduler.add_job({job.id, policy.min_agents, policy.max_agents, policy.regions}, now);
  running_.insert(job.id);
  Job& stored = jobs_.emplace(job.id, std::move(job)).first->second;
  journal(JobBegan{stored.id}, &stored);
  parts_.log.write(LogLevel::info, "job_accepted", {{"job", stored.id.str()}, {"shards", std::to_string(stored.shard_count)}});
  apply(parts_.verifier.begin(stored.id, stored.shard_count, stored.contract.policy, stored.secret), now);
  changed(stored);
  save(stored);
  new_work_ = true;
  return full_status(stored, now);
}

const Job* HubCore::find(const JobId& id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

Result<const Job*> HubCore::find_for(const JobId& id, const Caller& caller) const {
  const Job* job = find(id);
  // Somebody else's job is not told apart from one that does not exist.
  if (!job || (caller.role != Role::operator_ && job->owner != caller.name))
    return fail(ErrorKind::not_found, "there is no job " + id.str() + " of yours on this hub");
  return job;
}

JobStatus HubCore::full_status(const Job& job, Time now) const {
  JobStatus status = job.status(now);
  if (job.state == JobState::running) {
    auto progress = parts_.scheduler.progress(job.id, now);
    status.leased = progress.leased;
    status.waiting = progress.waiting;
    status.reasons = std::move(progress.reasons);
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
      auto text = parts_.verifier.explain({job.id, i});
      if (!shard.failed_on.empty()) text += fmt::format("; {} of its executions ended badly", shard.failed_on.size());
      texts.emplace(i, std::move(text));
    }
  for (auto& [index, text] : texts) explanation.shards.push_back({index, std::move(text)});
  return explanation;
}

std::vector<JobStatus> HubCore::list(const Caller& caller, Time now) const {
  std::vector<JobStatus> statuses;
  for (const auto& [id, job] : jobs_)
    if (caller.role == Role::operator_ || job.owner == caller.name) statuses.push_back(full_status(job, now));
  return statuses;
}

Status HubCore::upload(const Digest& digest, Bytes content) {
  if (sha256(content) != digest) return fail(ErrorKind::invalid_input, "the content does not have the digest " + digest.str());
  if (blobs_.contains(digest)) return {};
  if (content.size() > parts_.options.max_blob_bytes)
    return fail(ErrorKind::too_large, fmt::format("an input may have {} bytes at most, this one has {}",
                                                  parts_.options.max_blob_bytes, content.size()));
  if (blob_bytes_ + content.size() > parts_.options.max_total_blob_bytes)
    return fail(ErrorKind::unavailable, "the hub's space for inputs is used up; ask its operator");
  blob_bytes_ += content.size();
  blobs_.emplace(digest, content.size());
  effects_.put(blob_key(digest), std::move(content));
  return {};
}

// --- time ------------------------------------------------------------------------------------------------------------

void HubCore::tick(Time now) {
  end_leases(parts_.scheduler.expire(now));
  std::vector<JobId> late;
  for (const auto& id : running_)
    if (jobs_.at(id).deadline() <= now) late.push_back(id);
  for (const auto& id : late) {
    Job& job = jobs_.at(id);
    end_job(job, JobState::failed,
            fmt::format("timed out after {} ms with {} of {} shards accepted; see `explain` for what it waited for, or raise "
                        "/policy/timeout_ms",
                        job.contract.policy.timeout_ms, job.accepted_count, job.shard_count),
            now);
  }
}

std::optional<Time> HubCore::next_deadline() const {
  auto next = parts_.scheduler.next_deadline();
  for (const auto& id : running_) {
    const Time deadline = jobs_.at(id).deadline();
    if (!next || deadline < *next) next = deadline;
  }
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
