/// What is deleted when, and what may not be: retention and legal holds. Every deletion is an entry of the ledger.
#include "base/checked_arithmetic.hpp"
#include "crypto/reason.hpp"
#include "hub/hub_core.hpp"
#include "wire/json.hpp"

#include <algorithm>

namespace forgepool::hub {

Result<JobStatus> HubCore::hold(const JobId& id, bool held, const Caller& caller, const Ticket& ticket, Time now) {
  if (const auto used = used_tokens_.look_up(ticket); !used) return fail(used.error());
  const auto found = find_for(id, caller);
  if (!found) return fail(found.error());
  if (const auto allowed = authorize(caller, Action::hold_job, resource_of(**found)); !allowed) return fail(allowed.error());
  Job& job = jobs_.at(id);
  const bool by_operator = caller.role == Role::operator_ || caller.role == Role::hub_operator;
  if (!by_operator && job.held_by == "operator")
    return refuse(ErrorKind::denied, "legal_hold", "an operator holds this job, and an operator has to release it");
  const std::string by = !held ? "" : by_operator ? "operator" : "owner";
  if (job.held_by == by) return full_status(job, now);
  job.held_by = by;
  log_event(
      job, held ? "hold" : "release",
      json::canonicalize(json::Object{{"at", to_rfc3339(now)}, {"by", by_operator ? "operator" : "owner"}, {"job", id.str()}}));
  schedule_deletion(job);
  used_tokens_.use(ticket, {}, steady(now), effects_);
  changed(job);
  save(job);
  return full_status(job, now);
}

void HubCore::log_deletion(Job& job, std::string_view what, Time now) {
  log_event(job, "retention",
            json::canonicalize(json::Object{{"at", to_rfc3339(now)}, {"deleted", std::string(what)}, {"job", job.id.str()}}));
  dispose_later(now);
}

void HubCore::unschedule_deletion(const JobId& id) {
  deletions_.erase(id);
}

void HubCore::schedule_deletion(const Job& job) {
  if (const auto due = job.next_deletion())
    deletions_.set(job.id, *due);
  else
    deletions_.erase(job.id);
}

void HubCore::delete_inputs(Job& job, Time now) {
  job.inputs_deleted = true;
  if (!job.inputs.empty()) know_no_more(job.id, now);
  if (release_inputs(job, now)) log_deletion(job, "inputs", now);
}

void HubCore::sweep(Time now) {
  drop_unused_inputs(now);
  for (const auto& id : deletions_.due(now)) {
    Job& job = jobs_.at(id);
    if (job.inputs_deleted || time_after(job.ended_at, job.retention.inputs_ms) > now) continue;
    delete_inputs(job, now);
    changed(job);
    save(job);
    schedule_deletion(job);
  }
}

std::vector<HubCore::DueDeletion> HubCore::take_due_deletions(Time now) {
  std::vector<DueDeletion> due;
  for (const auto& id : deletions_.take_due(now)) {
    const Job& job = jobs_.at(id);
    know_no_more(job.id, now);  // As in `may_erase`.
    due.push_back({job.id, evidence_ends(job, now)});
  }
  return due;
}

void HubCore::postpone_deletion(const JobId& id, Time until) {
  if (!jobs_.contains(id)) return;
  deletions_.set(id, until);
}

bool HubCore::evidence_ends(const Job& job, Time now) {
  return time_after(job.ended_at, job.retention.evidence_ms) <= now;
}

void HubCore::delete_results(const JobId& id, const std::vector<std::string>& keys, Time now) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  Job& job = found->second;
  // Held since it was found to be due, perhaps.
  if (const auto due = job.next_deletion(); due && *due <= now && !job.results_deleted) {
    effects_.erase(result_key(id));
    const std::string outputs = "output/" + id.str() + "/";
    for (const auto& key : keys)
      if (key.starts_with(outputs)) effects_.erase(key);
    job.results_deleted = true;
    log_deletion(job, "results", now);
    changed(job);
    save(job);
  }
  schedule_deletion(job);
}

}  // namespace forgepool::hub
