#pragma once
/// The hub of one or more organizations: accepts contracts, plans and leases shards, verifies what comes back, keeps each
/// organization's ledger. It never computes a shard.
///
/// Organizations share the ports, and nothing else: each has its own keys, agents, clients, jobs, scheduler, verifier and
/// ledger. Which one a peer is of is said by the CA that issued its certificate.
///
/// Every state change is one ledger transaction; no answer leaves before its transaction is durable. A hub that is killed at
/// any moment and opened again over the same ledger goes on where it was. If the ledger fails, the hub stops answering and
/// calls `on_fatal`.
///
/// Threads: make, use and destroy it on its event loop. It runs ledger commits on the loop's pool.
#include <forgepool/adapter.hpp>
#include <forgepool/credentials.hpp>
#include <forgepool/deployment.hpp>
#include <forgepool/event_loop.hpp>
#include <forgepool/invitation.hpp>
#include <forgepool/job.hpp>
#include <forgepool/ledger.hpp>
#include <forgepool/log.hpp>
#include <forgepool/retention.hpp>
#include <forgepool/scheduler.hpp>
#include <forgepool/transport.hpp>
#include <forgepool/verifier.hpp>

#include <span>

namespace forgepool {

/// One more organization on a hub, beside the hub's own.
struct OrganizationParts {
  std::string name;  ///< An id (ids.hpp). For the hub's operator; agents never see it.
  /// Its trust domain, which stands in its agents' certificates, differs from all others and should not say the name.
  HubIdentity identity;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<Verifier> verifier;
  std::unique_ptr<Ledger> ledger;
  std::string witness_policy{};  ///< For its log; empty: the one in HubOptions.
};

/// The parts a hub is composed of; it owns them. Scheduler, verifier and ledger are those of its own organization.
struct HubParts {
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<Verifier> verifier;
  std::unique_ptr<Ledger> ledger;
  std::vector<std::shared_ptr<const AdapterPackage>> adapters;  ///< What contracts may ask for, by name and version.
  std::shared_ptr<LogSink> log;
  std::vector<OrganizationParts> organizations;
  /// Fills a span with random bytes: ids, secrets and salts are made of them. Null: the system's generator, and nothing else is
  /// fit for a real pool. A simulation gives its own, so that a run can be replayed.
  std::function<void(std::span<std::uint8_t>)> random;
};

struct HubOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;                             ///< Mutual TLS; 0 takes a free one.
  std::uint16_t enrolment_port = 0;                   ///< Server-side TLS and a join token; 0 takes a free one.
  Duration certificate_life = std::chrono::hours(1);  ///< Of agents and clients. Shorter bounds what a stolen key is worth.
  /// A certificate that ran out no longer ago than this is still good for being renewed, by the key that it certifies: for
  /// machines that slept. Zero: enrol again.
  Duration renewal_grace = std::chrono::hours(24 * 14);
  Duration token_life = std::chrono::minutes(5);
  KeyOverlap key_overlap;  ///< Shorter ends earlier what a stolen old key is worth, longer forgives longer absence.
  std::uint32_t max_shards_per_lease =
      64;  ///< And never more than one report can carry, whose outputs are as large as they may be.
  std::uint32_t max_running_jobs = 1000;
  std::uint32_t max_shards_per_job = 100'000;       ///< Planning and reducing take the loop's time: some 10 µs a shard.
  std::uint64_t max_plan_bytes = 256ull << 20;      ///< As `AdapterPackage::measure` says, before anything is planned.
  std::size_t max_blob_bytes = 32u << 20;           ///< Of one uploaded input.
  std::uint64_t max_total_blob_bytes = 4ull << 30;  ///< Of all inputs; each upload of each owner counts as 16 KiB at least.
  /// Of what the hub keeps in memory of jobs until they are erased: their contracts, the digests of their inputs, and 4 KiB
  /// each. One owner has half of it at most. Beyond it there are no new jobs.
  std::uint64_t max_job_bytes = 1ull << 30;
  /// Of the outputs of jobs that run. Beyond it the job that has the most of them fails.
  std::uint64_t max_running_output_bytes = 8ull << 30;
  /// C2SP tlog-policy: whose cosignatures each log's checkpoints need. Where it names a quorum, checkpoints and bundles are
  /// given out (`unavailable` otherwise) only with it. Empty: nobody's.
  std::string witness_policy;
  /// Where the hub and its ledger are: contracts whose `policy.regions` do not have it are refused. Empty: nobody said, and
  /// nothing is refused for it.
  std::string region;
  DeploymentPolicy deployment;                          ///< Which contracts and agents the hub takes, and where it may be.
  bool keeps_audit_log = false;                         ///< What the hub says in its posture: that its log is kept as one.
  RetentionRules retention;                             ///< What contracts get, and what they may ask for.
  Duration unused_input_life = std::chrono::hours(24);  ///< An upload that no job used by then is deleted.
  /// What the sweeper deletes leaves the disk at most so much later, together: each time all keys of content are wrapped anew
  /// and the ledger's files are cleaned. What is erased on request leaves it before the request is answered.
  Duration disposal_delay = std::chrono::seconds(60);
  /// And no sooner than so long after the last time began, whoever asks: erasures that come in between wait, and go together.
  Duration disposal_interval = std::chrono::seconds(20);
  std::function<void(const Error&)> on_fatal;
};

class Hub {
 public:
  virtual ~Hub() = default;
  virtual std::uint16_t port() const = 0;
  virtual std::uint16_t enrolment_port() const = 0;
  /// A join token of the hub's own organization; durable when `done` is called. invalid_input for what an invitation cannot
  /// say.
  virtual void invite(const Invitation& invitation, std::function<void(Result<std::string>)> done) = 0;
  /// Stops taking work and calls `done` once everything acknowledged is durable, or the ledger has failed. Destroying without
  /// it is safe, too.
  virtual void stop(std::function<void()> done) = 0;
};

/// Opens the ledger's state, goes on with the jobs in it, and listens. `corrupt` if the state does not fit together;
/// invalid_input if a part is missing, or a ledger's origin or key are not those of its organization's identity.
FORGEPOOL_API Result<std::unique_ptr<Hub>> open_hub(EventLoop& loop, HubIdentity identity, HubParts parts,
                                                    HubOptions options = {});

}  // namespace forgepool
