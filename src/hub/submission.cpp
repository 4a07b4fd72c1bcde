/// What clients ask of the hub before and against a job: submitting it, what it would come to, cancelling it.
#include "base/checked_arithmetic.hpp"
#include "base/constraint_reasons.hpp"
#include "hub/hub_core.hpp"
#include "hub/output_comparator.hpp"
#include "wire/json.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace forgepool::hub {
namespace {

/// What a policy comes to if all answers agree.
struct Expected {
  std::uint64_t executions = 0;
  std::uint32_t agents = 1;  ///< Different ones, for one shard.
};
Expected expected(const ContractPolicy& policy, std::uint64_t shards) {
  switch (policy.verify) {
    case VerifyMode::none: break;
    case VerifyMode::spotcheck:
      return {shards + static_cast<std::uint64_t>(std::llround(policy.spotcheck_ratio * static_cast<double>(shards))), 2};
    case VerifyMode::full:
    case VerifyMode::quorum: return {saturating_multiply(shards, policy.replicas), policy.replicas};
    case VerifyMode::adaptive: {
      // At best: of agents that have proved themselves. New ones take as many as would be needed with collusion.
      const auto lead = lead_needed(policy.adversary, policy.max_error);
      const double per_shard = policy.adversary.collusion ? lead : 1 + policy.spotcheck_ratio;
      return {static_cast<std::uint64_t>(std::llround(per_shard * static_cast<double>(shards))), lead};
    }
  }
  return {shards, 1};
}

constexpr std::uint64_t largest_report_bytes = TransportLimits{}.max_request_bytes;
// Certificates, signature and what stands once in a report.
constexpr std::uint64_t report_frame_bytes = 64u << 10;
// Of one shard, besides its output: its place in the report, and in the receipt, which is base64 of JSON.
constexpr std::uint64_t report_shard_bytes = 4096, report_input_bytes = 512;

/// Of the first shard, which no other has more of. Items may be run one after the other, each with all of the limits.
std::uint64_t items_per_shard(const Plan& plan) {
  const std::string& text = plan.shards.front().params;
  const auto params = json::parse_canonical(text, text.size());
  const auto* object = params ? params->as_object() : nullptr;
  const auto* items = object ? object->find("items") : nullptr;
  return items && items->as_array() ? std::max<std::size_t>(1, items->as_array()->size()) : 1;
}

}  // namespace

std::uint32_t shards_per_report(const Plan& plan) {
  std::uint64_t inputs = 0;
  for (const ShardSpec& shard : plan.shards) inputs = std::max<std::uint64_t>(inputs, shard.inputs.size());
  const std::uint64_t each = plan.limits.output_bytes + report_shard_bytes + inputs * report_input_bytes;
  return static_cast<std::uint32_t>((largest_report_bytes - report_frame_bytes) / each);
}

SchedulerJob scheduler_job(const Job& job) {
  const ContractPolicy& policy = job.contract.policy;
  const auto spreads = [&](std::string_view name) { return std::ranges::find(policy.spread, name) != policy.spread.end(); };
  SchedulerJob described;
  described.id = job.id;
  described.min_agents = policy.min_agents;
  described.max_agents = policy.max_agents;
  described.regions = policy.regions;
  described.organization = job.organization;
  described.project = job.owner;
  described.priority = policy.priority;
  if (policy.deadline_ms) described.deadline = time_after(job.accepted_at, *policy.deadline_ms);
  described.target = policy.target;
  described.data_class = policy.data_class;
  described.adapter = job.contract.op.name + "@" + job.contract.op.version;
  described.numeric_class = policy.numeric_class;
  described.homogeneous = policy.homogeneous;
  described.spread = {spreads("operator"), spreads("network"), spreads("region")};
  described.speculative = policy.speculative;
  described.sandbox.level = policy.sandbox_level;
  if (job.running) {
    described.sandbox.determinism = job.running->plan.determinism;
    described.sandbox.world = job.running->plan.world;
    described.sandbox.policy = SandboxPolicy(job.running->plan.relaxations);
    described.longest_execution =
        saturating_multiply(duration_from_ms(job.running->plan.limits.wall_ms), items_per_shard(job.running->plan));
    described.max_shards_per_lease = std::max(1u, shards_per_report(job.running->plan));
  }
  if (job.canary_of) {
    // One agent gets all of it: what stands in one lease elsewhere would not come one by one.
    described.min_agents = described.max_agents = 1;
    described.deadline.reset();
    described.homogeneous = described.speculative = false;
    described.longest_execution = {};  // Of a canary nothing is executed twice; it ends soon by itself.
    described.spread = {};
  }
  return described;
}

VerifierJob verifier_job(const Job& job) {
  VerifierJob described{job.id, job.shard_count, job.contract.policy, job.secret, make_comparator(job), {}, job.terms};
  for (const KnownShard& shard : job.running->known) described.known.push_back(shard.result);
  return described;
}

Result<Job> HubCore::prepare(Contract contract, const Caller& caller, Time now) const {
  if (const auto allowed = check_contract(parts_.options.deployment, parts_.options.region, contract.policy); !allowed)
    return fail(allowed.error());
  const auto adapter = std::ranges::find_if(parts_.adapters, [&](const auto& package) {
    return package->name() == contract.op.name && package->version() == contract.op.version;
  });
  if (adapter == parts_.adapters.end()) {
    std::string known;
    for (const auto& package : parts_.adapters)
      known += (known.empty() ? "" : ", ") + package->name() + "@" + package->version();
    return fail(ErrorKind::invalid_input, fmt::format("/op: this hub has no adapter {}@{}; it has: {}", contract.op.name,
                                                      contract.op.version, known.empty() ? "none" : known));
  }
  if (contract.op.digest && *contract.op.digest != (*adapter)->digest())
    return fail(ErrorKind::invalid_input,
                fmt::format("/op/digest: {}@{} is {} on this hub, the contract asks for {}", contract.op.name,
                            contract.op.version, (*adapter)->digest().str(), contract.op.digest->str()));
  const auto size = (*adapter)->measure(contract);
  if (!size) return fail(size.error());
  if (size->shards > parts_.options.max_shards_per_job)
    return fail(ErrorKind::too_large,
                fmt::format("/args: this would be {} shards, the limit of this hub is {}; make the shards larger", size->shards,
                            parts_.options.max_shards_per_job));
  if (size->bytes > parts_.options.max_plan_bytes)
    return fail(
        ErrorKind::too_large,
        fmt::format("/args: the parameters of all {} shards would come to some {} bytes, the limit of this hub is {}; make "
                    "the shards larger, or the arguments shorter",
                    size->shards, size->bytes, parts_.options.max_plan_bytes));
  auto plan = (*adapter)->plan(contract);
  if (!plan) return fail(plan.error());
  if (shards_per_report(*plan) == 0)
    return fail(
        ErrorKind::too_large,
        fmt::format("/op: the adapter's limit for the output of one shard is {} bytes, more than an agent can report at "
                    "once ({} bytes with all that goes with it); lower output_bytes in its manifest",
                    plan->limits.output_bytes, largest_report_bytes));
  Job job;
  job.contract = std::move(contract);
  job.adapter = *adapter;
  job.owner = caller.owner();
  job.organization = OrganizationId(parts_.identity.trust_domain);
  job.accepted_at = now;
  auto retention =
      resolve_retention(parts_.options.retention, job.owner, job.contract.policy.data_class, job.contract.policy.retention);
  if (!retention) return fail(retention.error());
  job.retention = *retention;
  std::set<Digest> inputs;
  for (const auto& shard : plan->shards)
    for (const auto& input : shard.inputs) inputs.insert(input.digest);
  job.inputs.assign(inputs.begin(), inputs.end());
  job.shard_count = static_cast<std::uint32_t>(plan->shards.size());
  job.running = std::make_unique<RunningJob>();
  job.running->shards.resize(plan->shards.size());
  job.running->plan = std::move(*plan);
  return job;
}

Status HubCore::may_run_more() const {
  if (running_jobs() < parts_.options.max_running_jobs) return {};
  return fail(ErrorKind::unavailable,
              fmt::format("{} jobs are running, which is the limit of this hub; try again later", running_jobs()));
}

Result<JobStatus> HubCore::submit(std::string_view text, const Caller& caller, const Ticket& ticket, Time now) {
  if (const auto used = used_tokens_.look_up(ticket); used && *used) return status((*used)->job, caller, now);
  auto contract = parse_contract(text);
  if (!contract) return fail(contract.error());
  if (contract->job_id) {
    if (const auto gone = erased(*contract->job_id, caller))
      return fail(ErrorKind::conflict, "/ctx/job_id: a job of that id was erased; choose another one, or leave it out");
    if (const Job* existing = find(*contract->job_id)) {
      if (existing->owner == caller.owner() && existing->contract.digest == contract->digest)
        return full_status(*existing, now);
      return fail(ErrorKind::conflict, "/ctx/job_id: there is another job of that id; choose another one, or leave it out");
    }
  }
  if (const auto allowed = may_run_more(); !allowed) return fail(allowed.error());
  auto prepared = prepare(std::move(*contract), caller, now);
  if (!prepared) return fail(prepared.error());
  Job& job = *prepared;
  if (const auto room =
          parts_.scheduler.has_room(scheduler_job(job), expected(job.contract.policy, job.shard_count).executions);
      !room)
    return fail(room.error());
  if (!job_shares_.has_room(job.owner, job.kept_bytes(), parts_.options.max_job_bytes, parts_.options.max_job_bytes / 2))
    return fail(ErrorKind::unavailable,
                fmt::format("jobs_kept: {} of {} bytes that the hub has for jobs that are not erased are in use, {} of them by "
                            "yours; erase some (forgepool erase), or let their evidence end (/policy/retention)",
                            job_shares_.total(), parts_.options.max_job_bytes, job_shares_.of(job.owner)));
  for (const auto& digest : job.inputs)
    // Only what the caller has shown to have: a digest alone gives nobody another's input.
    if (const auto input = inputs_.find(digest); input == inputs_.end() || !input->second.claims.contains(caller.owner()))
      return fail(
          ErrorKind::invalid_input,
          fmt::format("/args: you have not uploaded input {} to this hub, or the job that you did it for is over; do so before "
                      "submitting (forgepool submit --input FILE)",
                      digest.str()));

  job.id = job.contract.job_id ? *job.contract.job_id : JobId(fresh_id("job-"));
  job.pseudonym = fresh_id("w-");
  parts_.random(job.secret);
  job.terms = parts_.verifier.terms();
  job.key = ContentKey::make(parts_.random);
  keep_wrapped(content_key_key(job.id), job.key->bytes());
  if (!job.inputs.empty()) keep(job, inputs_key(job.id), write_inputs(job.inputs));
  claim_inputs(job);

  effects_.put(adapter_key(job.adapter->digest()),
               job.adapter->bytes());  // The package stays findable when the hub's adapters change.
  log_event(job, "contract", json::canonicalize(json::Object{{"contract", job.contract.digest.str()}, {"job", job.id.str()}}));
  log_event(job, "plan",
            json::canonicalize(json::Object{{"adapter", job.adapter->digest().str()},
                                            {"contract_salt", job.contract_salt().hex()},
                                            {"job", job.id.str()},
                                            {"plan", job.running->plan.digest().str()},
                                            {"pseudonym", job.pseudonym},
                                            {"shards", job.shard_count}}));
  log_residency(job);
  parts_.scheduler.add_job(scheduler_job(job), now);
  running_.insert(job.id);
  job_shares_.take(job.owner, job.share = job.kept_bytes());
  deadlines_.set(job.id, job.deadline());
  Job& stored = jobs_.emplace(job.id, std::move(job)).first->second;
  journal(JobBegan{stored.id}, &stored);
  parts_.log.write(LogLevel::info, "job_accepted", {{"job", stored.id.str()}, {"shards", std::to_string(stored.shard_count)}});
  apply(parts_.verifier.begin(verifier_job(stored)), now);
  changed(stored);
  save(stored);
  used_tokens_.use(ticket, stored.id, steady(now), effects_);
  return full_status(stored, now);
}

Result<JobForecast> HubCore::forecast(std::string_view text, const Caller& caller, Time now) const {
  auto contract = parse_contract(text);
  if (!contract) return fail(contract.error());
  const auto prepared = prepare(std::move(*contract), caller, now);
  if (!prepared) return fail(prepared.error());
  const Job& job = *prepared;
  const auto expects = expected(job.contract.policy, job.shard_count);
  const SchedulerJob described = scheduler_job(job);
  JobForecast forecast;
  forecast.contract = job.contract.digest;
  forecast.adapter = job.adapter->digest();
  forecast.shards = job.shard_count;
  forecast.executions = expects.executions;
  forecast.most_cpu_ms = saturating_multiply(forecast.executions, job.running->plan.limits.cpu_ms);
  std::map<Constraint, std::uint64_t> unmet;
  std::uint64_t draining = 0;
  for (const auto& [id, record] : agents_) {
    if (!record.quarantined.empty()) continue;
    ++forecast.enrolled;
    if (!is_present(id, now) || clocks_off_.contains(id)) continue;
    ++forecast.present;
    const auto constraints = unmet_constraints(as_scheduled(record), described);
    for (const auto constraint : constraints) ++unmet[constraint];
    draining += record.agent.draining;
    forecast.eligible += constraints.empty() && !record.agent.draining;
  }
  for (const auto& [constraint, agents] : unmet)
    forecast.reasons.push_back(constraint_reason(constraint, agents, forecast.present, described));
  if (draining > 0)
    forecast.reasons.push_back({"draining",
                                fmt::format("{} of the {} agents that are there get nothing new", draining, forecast.present),
                                draining, "an operator lets them work again (hub drain --undo)"});
  const std::uint64_t needed = std::max(described.min_agents, expects.agents);
  if (forecast.eligible < needed)
    forecast.reasons.push_back({"too_few_agents",
                                fmt::format("{} agents may work on it now, and it needs {}", forecast.eligible, needed), 0,
                                fmt::format("{} more must join", needed - forecast.eligible)});
  auto room = may_run_more();
  if (room) room = parts_.scheduler.has_room(described, expects.executions);
  if (!room) forecast.reasons.push_back({"no_room", room.error().message, 0, "other jobs must end"});
  return forecast;
}

Result<JobStatus> HubCore::cancel(const JobId& id, const Caller& caller, const Ticket& ticket, Time now) {
  const auto found = find_for(id, caller);
  if (!found) return fail(found.error());
  if (const auto allowed = authorize(caller, Action::cancel_job, resource_of(**found)); !allowed) return fail(allowed.error());
  Job& job = jobs_.at(id);
  if (job.state == JobState::done || job.state == JobState::failed)
    return fail(ErrorKind::conflict,
                fmt::format("the job is over already: it {}", job.state == JobState::done ? "is done" : "failed"));
  if (job.state == JobState::running) {
    end_job(job, JobState::cancelled, caller.owner() != job.owner ? "cancelled by an operator" : "cancelled by its owner", now);
    used_tokens_.use(ticket, id, steady(now), effects_);
  }
  return full_status(job, now);
}

}  // namespace forgepool::hub
