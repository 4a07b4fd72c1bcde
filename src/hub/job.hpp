#pragma once
/// One job as the hub holds it while it runs, and what stays of it afterwards.
#include "hub/content_key.hpp"

#include <forgepool/adapter.hpp>
#include <forgepool/job.hpp>
#include <forgepool/scheduler.hpp>
#include <forgepool/verifier.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace forgepool::hub {

/// An accepted shard whose result is known.
struct KnownShard {
  Digest result;
  double error_bound = 1;       ///< P(that is wrong), against the adversary of its job.
  std::vector<AgentId> agents;  ///< That had it: they must not get it again.

  friend bool operator==(const KnownShard&, const KnownShard&) = default;
};

/// A shard of a running job.
struct ShardState {
  bool accepted = false;            ///< Of a canary: answered.
  Digest result;                    ///< If accepted.
  std::vector<const AgentId*> had;  ///< Agents that it was given to, in RunningJob::holders.
  std::set<Digest> failures;        ///< Of its answers those that say that it fails; in RunningJob::failures.
};

/// What was reported of a lease, and where its receipt stands.
struct Reported {
  Digest report;            ///< Two with this digest say the same.
  Digest leaf;              ///< RFC 6962 hash of the receipt's leaf, and
  std::uint64_t index = 0;  ///< its place in the log.
};

/// Everything that exists only while the job runs. Dropped when it ends.
struct RunningJob {
  Plan plan;
  std::vector<ShardState> shards;
  std::unordered_map<Digest, std::shared_ptr<const Bytes>> outputs;  ///< By digest; answers that agree share one.
  std::unordered_map<Digest, std::string> failures;                  ///< What answers mean that say that a shard fails.
  std::uint64_t output_bytes = 0;                                    ///< Of all of them.
  std::set<AgentId> agents;                                          ///< That answered.
  std::set<AgentId> holders;                                         ///< That were given a lease.
  std::set<LeaseId> leases;                                          ///< Under way.
  std::map<AgentId, std::vector<Lease>> lapsed;                      ///< That ran out and were not taken up again.
  std::map<LeaseId, Reported> reported;                              ///< Whose result came.
  std::vector<KnownShard> known;                                     ///< Of a canary: of each of its shards.
  std::vector<std::uint64_t> journal;                                ///< Numbers of its journal entries, which go when it ends.

  /// False if it is there already.
  bool take_output(const Digest& digest, std::shared_ptr<const Bytes> output) {
    if (!outputs.emplace(digest, output).second) return false;
    output_bytes += output->size();
    return true;
  }
  void gave(std::uint32_t shard, const AgentId& agent) { shards.at(shard).had.push_back(&*holders.insert(agent).first); }
};

struct Job {
  Contract contract;
  std::shared_ptr<const AdapterPackage> adapter;
  JobId id;
  /// The job is a canary: it gives shards of this one out again (canaries.hpp). No client sees it.
  std::optional<JobId> canary_of{};
  std::string owner;                      ///< Who submitted it; see Caller::owner.
  OrganizationId organization{};          ///< Its trust domain.
  std::string pseudonym;                  ///< The only name of the job that agents see.
  std::array<std::uint8_t, 32> secret{};  ///< For the verifier: which shards are spot-checked.
  std::string terms;                      ///< By which the verifier decides it: those of when it began.
  std::shared_ptr<const ContentKey> key;  ///< Under which all of its records are encrypted.
  std::vector<Digest> inputs;             ///< That its shards need, each once.
  Retention retention;
  Time accepted_at{};
  Time ended_at{};
  Duration clock_set{};  ///< By how much the wall clock was set while it ran.

  JobState state = JobState::running;
  std::uint64_t version = 1;
  std::uint32_t shard_count = 0;
  std::uint32_t accepted_count = 0;
  std::uint32_t agent_count = 0;
  std::uint64_t answers = 0;
  double error_bound = 0;  ///< JobStatus has these two.
  double expected_wrong = 0;
  std::vector<CaughtAgent> caught;
  std::map<std::uint32_t, std::string> notes;  ///< Explanations of shards where an answer lost or none could be accepted.
  std::set<std::uint32_t> overturned;          ///< Shards whose accepted result is wrong, as an appeal has shown.
  std::string failure;
  std::optional<Digest> result;
  std::uint64_t share = 0;   ///< `kept_bytes` when it was submitted, or restored.
  std::uint32_t events = 0;  ///< Events logged so far: numbers their records.

  std::string held_by{};         ///< Legal hold: "owner" or "operator"; empty: none.
  bool inputs_deleted = false;   ///< It holds on to them no more.
  bool results_deleted = false;  ///< The result and the outputs are gone.

  std::unique_ptr<RunningJob> running;  ///< Null once the job ended.

  Time deadline() const;
  /// Opens what receipts say of the contract (identity/receipt.hpp) to whoever has the bundle. Follows from the secret, which
  /// it does not give away.
  Digest contract_salt() const;
  Digest contract_commitment() const;
  /// Whether the accepted outputs stay when it is done.
  bool keeps_outputs() const;
  /// When the next of what it left is to be deleted; nothing if never, or not as things are.
  std::optional<Time> next_deletion() const;
  void count_accepted(double bound) {
    ++accepted_count;
    error_bound = std::max(error_bound, bound);
    expected_wrong += bound;
  }
  /// What it takes of the hub's memory from its submission until it is erased.
  std::uint64_t kept_bytes() const;
  /// Without what only the scheduler knows (leased, waiting, reasons).
  JobStatus status(Time now) const;
};

/// What the scheduler has to know of it.
SchedulerJob scheduler_job(const Job& job);
/// How many shards one report can carry whose outputs are as large as the plan lets them be; 0: not even one.
std::uint32_t shards_per_report(const Plan& plan);
/// What the verifier has to know of a job that runs; it borrows the job.
VerifierJob verifier_job(const Job& job);

}  // namespace forgepool::hub
