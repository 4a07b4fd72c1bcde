/// Erasing a job: everything that it left goes, keys and salts first; what stays is that something was erased.
#include "crypto/reason.hpp"
#include "hub/hub_core.hpp"
#include "wire/json.hpp"

#include <algorithm>

namespace forgepool::hub {

std::optional<Error> HubCore::erased(const JobId& id, const Caller& caller) const {
  const auto found = erased_.find(erased_key(id));
  if (found == erased_.end()) return std::nullopt;
  // To all others it is like a job that never was.
  if (found->second.owner != owner_hash(id, caller.owner()) &&
      !authorize(caller, Action::read_job, {parts_.identity.trust_domain, "/erased"}))
    return std::nullopt;
  return Error{ErrorKind::not_found, "erased: job " + id.str() + " was erased at " + to_rfc3339(found->second.at) +
                                         "; nothing of it is left but the ledger's commitments, which say nothing"};
}

Status HubCore::may_erase(const JobId& id, const Caller& caller, const Ticket& ticket, Time now) {
  if (const auto used = used_tokens_.look_up(ticket); !used) return fail(used.error());
  const auto found = find_for(id, caller);
  if (!found) return fail(found.error());
  const Job& job = **found;
  if (const auto allowed = authorize(caller, Action::erase_job, resource_of(job)); !allowed) return allowed;
  if (const auto possible = is_erasable(job); !possible) return possible;
  used_tokens_.use(ticket, {}, steady(now), effects_);
  // No more canaries of it, before the ledger is asked what there is of those.
  know_no_more(id, now);
  return {};
}

Status HubCore::is_erasable(const Job& job) {
  if (job.state == JobState::running)
    return refuse(ErrorKind::conflict, "job_running",
                  "the job is running; cancel it first (forgepool cancel), or wait for its end");
  if (!job.held_by.empty())
    return refuse(ErrorKind::conflict, "legal_hold",
                  "the job is under a legal hold by " + std::string(job.held_by == "owner" ? "its owner" : "an operator") +
                      "; release it first (forgepool hold --release)");
  return {};
}

Status HubCore::erase(const JobId& id, std::string_view reason, const std::vector<std::string>& keys, Time now) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return {};  // Somebody else was faster.
  Job& job = found->second;
  if (const auto possible = is_erasable(job); !possible) return possible;
  if (!job.inputs_deleted) release_inputs(job, now);

  std::uint64_t entries = job.events;
  for (const auto& key : keys) {
    for (const std::string_view logged : {"grant/", "receipt/", "verdict/"}) entries += key.starts_with(logged);
    entries += key.starts_with("event/canary-");
    effects_.erase(key);
  }
  // Some of its events may be newer than the list of keys.
  for (std::uint32_t i = 0; i < job.events; ++i) effects_.erase(event_key(id, i));
  for (const auto& key : {job_key(id), content_key_key(id), inputs_key(id), result_key(id)}) effects_.erase(key);
  // What says of an agent where it was caught names the job.
  for (const auto& caught : job.caught) {
    const auto agent = agents_.find(caught.agent);
    if (agent == agents_.end() || agent->second.caught_in != id) continue;
    agent->second.caught_in.reset();
    if (!agent->second.revoked && !agent->second.quarantined.empty())
      agent->second.quarantined = "caught in a job that was erased since";
    effects_.put(agent_key(caught.agent), write_agent(agent->second));
    effects_.erase(quarantine_key(caught.agent));
  }
  const auto same_adapter = [&](const auto& entry) {
    return entry.first != id && entry.second.adapter->digest() == job.adapter->digest();
  };
  if (std::ranges::none_of(jobs_, same_adapter)) effects_.erase(adapter_key(job.adapter->digest()));

  auto event = commit_to("erasure", json::canonicalize(json::Object{
                                        {"at", to_rfc3339(now)}, {"entries", entries}, {"reason", std::string(reason)}}));
  ErasedRecord record{now, owner_hash(id, job.owner), std::move(event.content), std::move(event.salt), event.index};
  effects_.put(erased_key(id), write_erased(record));
  erased_.emplace(erased_key(id), std::move(record));
  unschedule_deletion(id);
  changed_jobs_.insert(id);
  job_shares_.give_back(job.owner, job.share);
  jobs_.erase(found);
  dispose_later(now);
  // Not which one: whoever keeps the log would keep its name.
  parts_.log.write(LogLevel::info, "job_erased", {{"reason", std::string(reason)}, {"entries", std::to_string(entries)}});
  return {};
}

void HubCore::dispose_later(Time now) {
  ++deleted_;
  effects_.put(std::string(disposal_key), std::string_view("{}"));
  const Time due = now + parts_.options.disposal_delay;
  if (!disposal_due_ || due < *disposal_due_) disposal_due_ = due;
}

void HubCore::rewrap(WrappingKey wrapping) {
  wrapping_ = std::move(wrapping);
  rewrapped_at_ = deleted_;
  disposal_due_.reset();
  keep_wrapped(std::string(input_names_key), input_names_->bytes());
  for (const auto& [id, job] : jobs_)
    if (!job.canary_of) keep_wrapped(content_key_key(id), job.key->bytes());
  for (const auto& [digest, input] : inputs_) {
    Bytes secret(input.key->bytes().begin(), input.key->bytes().end());
    secret.insert(secret.end(), digest.bytes.begin(), digest.bytes.end());
    keep_wrapped(input_secret_key(input_names_->name_of(digest)), secret);
    wipe(secret);
  }
}

void HubCore::disposed() {
  if (deleted_ == rewrapped_at_) effects_.erase(std::string(disposal_key));
}

}  // namespace forgepool::hub
