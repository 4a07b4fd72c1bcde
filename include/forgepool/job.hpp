#pragma once
/// A job as its client sees it.
#include <forgepool/contract.hpp>
#include <forgepool/digest.hpp>
#include <forgepool/ids.hpp>
#include <forgepool/scheduler.hpp>

#include <optional>
#include <string>
#include <vector>

namespace forgepool {

enum class JobState { running, done, failed, cancelled };
FORGEPOOL_API std::string_view to_string(JobState state);

/// An agent that was caught returning a wrong result, and what proves it.
struct CaughtAgent {
  AgentId agent;
  std::uint32_t shard = 0;
  Digest returned;
  Digest accepted;
  std::string reason;
};

struct JobStatus {
  JobId id;
  Digest contract;
  JobState state = JobState::running;
  std::uint64_t version = 0;  ///< Grows with every visible change; see Client::status.
  std::uint32_t shards = 0;
  std::uint32_t accepted = 0;    ///< Shards with an accepted result.
  std::uint64_t executions = 0;  ///< Answers that came, replicas included.
  std::uint32_t agents = 0;      ///< Distinct agents that answered.
  /// Of the accepted shards, the largest ShardVerdict::error_bound; and their sum, which bounds how many of them are wrong in
  /// expectation, and so the probability that any is.
  double error_bound = 0, expected_wrong = 0;
  Adversary adversary;              ///< The bounds are against this one, which the contract states.
  std::uint64_t leased = 0;         ///< Executions under way.
  std::uint64_t waiting = 0;        ///< Executions wanted and not leased,
  std::vector<WaitReason> reasons;  ///< and why.
  std::vector<CaughtAgent> caught;
  /// Shards whose accepted result was shown to be wrong by a replay, on an agent's appeal. Ascending; any makes the job's
  /// result wrong, and its evidence no longer verifies.
  std::vector<std::uint32_t> overturned;
  std::string failure;           ///< If failed or cancelled: why, and what to do.
  std::optional<Digest> result;  ///< If done: SHA-256 of the result's bytes.
  bool held = false;             ///< Under a legal hold: nothing of it is deleted.
  bool results_deleted = false;  ///< Its retention has ended: the result is gone, the evidence is there.
  std::uint64_t elapsed_ms = 0;  ///< From acceptance to now or the end.
};

struct ShardExplanation {
  std::uint32_t index = 0;
  std::string text;
  std::vector<WaitReason> reasons{};  ///< If an execution of it waits: why, see Scheduler::reasons.
};

/// Why a job is where it is: its status, and a sentence for every shard that is not simply accepted (and for those where an
/// answer lost).
struct JobExplanation {
  JobStatus status;
  std::vector<ShardExplanation> shards;
};

/// What a contract would come to if it were submitted now.
struct JobForecast {
  Digest contract;
  Digest adapter;
  std::uint32_t shards = 0;
  std::uint64_t executions = 0;     ///< Of shards, replicas included, if everybody is honest and nothing fails.
  std::uint64_t most_cpu_ms = 0;    ///< CPU time if every execution takes all that its limits allow.
  std::uint64_t enrolled = 0;       ///< Agents of the hub that are not in quarantine,
  std::uint64_t present = 0;        ///< of these there now,
  std::uint64_t eligible = 0;       ///< of these allowed to work on it.
  std::vector<WaitReason> reasons;  ///< What keeps agents that are there from it, and whether it would have to wait.
};

/// An operator replayed the shard where an agent was caught.
struct Appeal {
  JobId job;
  std::uint32_t shard = 0;
  Digest replayed;  ///< SHA-256 of the output of the replay.
};

struct AgentSummary {
  SchedulerAgent agent;  ///< With what was attested at its enrolment, or else measured by itself (its numeric class).
  std::string state;     ///< present, absent, draining, expired, quarantined, revoked
  std::uint64_t answers = 0;
  std::uint64_t checks = 0;   ///< Its answers that were compared with others' and agreed: what its word is worth.
  bool on_probation = false;  ///< It was in quarantine once.
  std::string reason{};       ///< If expired, quarantined or revoked, or if it gets no work because its clock is wrong.
  Time certificate_expires_at{};
};

/// An organization as the hub's operator sees it.
struct OrganizationSummary {
  std::string name;
  std::string trust_domain;
  std::string state;  ///< active, revoked
  std::uint32_t agents = 0;
  std::uint32_t running_jobs = 0;
};

}  // namespace forgepool
