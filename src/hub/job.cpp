#include "hub/job.hpp"

#include "base/checked_arithmetic.hpp"
#include "crypto/digest.hpp"
#include "identity/receipt.hpp"

namespace forgepool::hub {

Digest Job::contract_salt() const {
  return Sha256().update("forgepool receipt contract v1\n").update(secret).finish();
}

Digest Job::contract_commitment() const {
  return identity::commit_to_contract(contract_salt().bytes, contract.digest, id);
}

bool Job::keeps_outputs() const {
  const auto& include = contract.artifacts.include;
  // That answers agree whose digests differ can only be shown with the outputs themselves.
  return contract.artifacts.persist || std::ranges::find(include, "shard_outputs") != include.end() ||
         !adapter->compares_exactly(contract);
}

std::optional<Time> Job::next_deletion() const {
  if (state == JobState::running || !held_by.empty()) return std::nullopt;
  std::uint64_t after_ms = retention.evidence_ms;
  if (!results_deleted) after_ms = std::min(after_ms, retention.results_ms);
  if (!inputs_deleted) after_ms = std::min(after_ms, retention.inputs_ms);
  const Time due = time_after(ended_at, after_ms);
  return due == never ? std::nullopt : std::optional(due);
}

std::uint64_t Job::kept_bytes() const {
  constexpr std::uint64_t of_any_job = 4096;
  return of_any_job + contract.canonical.size() + contract.args.size() + inputs.size() * sizeof(Digest);
}

Time Job::deadline() const {
  // A canary that nobody took by then says nothing about anybody.
  if (canary_of) return accepted_at + clock_set + std::chrono::minutes(10);
  return time_after(accepted_at + clock_set, contract.policy.timeout_ms);
}

JobStatus Job::status(Time now) const {
  JobStatus status;
  status.id = id;
  status.contract = contract.digest;
  status.state = state;
  status.version = version;
  status.shards = shard_count;
  status.accepted = accepted_count;
  status.executions = answers;
  status.agents = running ? static_cast<std::uint32_t>(running->agents.size()) : agent_count;
  status.error_bound = error_bound;
  status.expected_wrong = expected_wrong;
  status.adversary = contract.policy.adversary;
  status.caught = caught;
  status.overturned.assign(overturned.begin(), overturned.end());
  status.failure = failure;
  status.result = result;
  status.held = !held_by.empty();
  status.results_deleted = results_deleted;
  const Time until = state == JobState::running ? now : ended_at;
  status.elapsed_ms =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, (until - accepted_at) / std::chrono::milliseconds(1)));
  return status;
}

}  // namespace forgepool::hub
