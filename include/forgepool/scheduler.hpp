#pragma once
/// Scheduler: decides which agent runs which shard when. A pure state machine: it does no I/O, reads no clock, draws no random
/// numbers; time comes in as an argument, decisions go out as values. The hub owns one and calls it on its loop; calls with
/// equal arguments in equal order give equal decisions.
///
/// What every scheduler guarantees (tests/conformance/scheduler checks it):
///  - a shard is leased only while executions of it are wanted, to at most as many agents at once as are wanted, and to one
///  more where it is late (`SchedulerJob::speculative`, `longest_execution`);
///  - no agent executes two replicas of one shard, and none that delivered a result for it or failed it gets it again;
///  - an agent gets shards only of jobs whose constraints it meets (`unmet_constraints`, `homogeneous`, `spread`), and none
///  while
///    it drains;
///  - a lease that is not extended by heartbeats ends at its deadline and its shards wait again; no heartbeat extends it beyond
///  the age in which its shards can have been executed;
///  - no lease goes to an agent that was removed, nor for a job that was removed;
///  - whatever waits has a reason.
/// Implementations: backends/fair_share_scheduler.hpp and any of yours; examples/fifo_scheduler.hpp shows how.
#include <forgepool/ids.hpp>
#include <forgepool/sandbox.hpp>
#include <forgepool/time.hpp>

#include <optional>
#include <string>
#include <vector>

namespace forgepool {

/// An agent as the scheduler sees it. All but `sandbox` and `draining` was attested when it enrolled.
struct SchedulerAgent {
  AgentId id{};
  std::string region{};                     ///< Empty if none was attested.
  std::string tier = "public";              ///< private, enterprise or public: how far its owner is trusted.
  OrganizationId organization{};            ///< Works for this one alone; empty: for all.
  std::vector<std::string> data_classes{};  ///< Cleared for these, besides unclassified data.
  std::vector<std::string> adapters{};      ///< May run these alone ("mc" or "mc@1"); empty: all.
  std::string numeric_class{};              ///< Agents of one class compute bit-identical floating point; empty: unknown.
  std::string operator_id{};                ///< Who runs it, and
  std::string network{};                    ///< where it is connected: replicas can be spread over these. Empty: unknown.
  /// What its sandbox can do, by its own word; receipts are held against it. Everything: it has not said.
  SandboxAbility sandbox{SandboxLevel::full, Determinism::strict, SandboxPolicy::all()};
  bool draining = false;  ///< Gets nothing new; what it has goes on.

  friend bool operator==(const SchedulerAgent&, const SchedulerAgent&) = default;
};

/// Replicas of one shard go to agents that differ in these. Of an agent in which one is unknown, nothing is known to differ:
/// the unknown counts as one value of its own.
struct ReplicaSpread {
  bool operators = false;
  bool networks = false;
  bool regions = false;

  friend bool operator==(const ReplicaSpread&, const ReplicaSpread&) = default;
};

/// A job as the scheduler sees it.
struct SchedulerJob {
  JobId id{};
  std::uint32_t min_agents =
      1;  ///< Nothing is leased before this many agents that may work on it are there, afterwards also with fewer.
  std::uint32_t max_agents = 100'000;  ///< At most this many agents hold leases of it at once.
  std::vector<std::string> regions{};  ///< Agents must be in one of these; empty: anywhere.

  OrganizationId organization{};  ///< Whose it is, and
  std::string project{};          ///< of which of its projects: who shares the agents fairly with whom.
  std::uint32_t priority = 5;     ///< 0 … 9; among jobs of one project, higher goes first. Waiting raises it.
  std::optional<Time>
      deadline{};  ///< When it should be done: of equal priorities the earliest goes first. Nothing happens then.

  std::string target = "any";   ///< Trust tier that agents must have, or any.
  std::string data_class{};     ///< Agents must be cleared for it; empty: unclassified.
  std::string adapter{};        ///< "mc@1": agents must be allowed to run it. Empty: nobody asks.
  std::string numeric_class{};  ///< Agents must be of it; empty: of any.
  bool homogeneous = false;     ///< All replicas of one shard go to agents of one (known) numeric class.
  ReplicaSpread spread{};
  SandboxAbility sandbox{};  ///< Agents' sandboxes must cover this.
  bool speculative =
      true;  ///< A shard that takes far longer than others of its job may be leased to one agent more than wanted.
  /// No execution of one shard takes longer: a lease under way for longer than that for each of its shards hangs, and what
  /// hangs is copied whatever `speculative` says; heartbeats do not extend it without end. Zero: nobody knows.
  Duration longest_execution{};
  std::uint32_t max_shards_per_lease = UINT32_MAX;  ///< As many as one report can carry.
};

/// What a job asks of agents, whatever they are doing.
enum class Constraint { organization, tier, region, data_class, adapter, numeric_class, sandbox };
FORGEPOOL_API std::string_view to_string(Constraint constraint);
/// The constraints of the job that the agent does not meet, in the order above; empty if it may work on it.
FORGEPOOL_API std::vector<Constraint> unmet_constraints(const SchedulerAgent& agent, const SchedulerJob& job);
/// Whether two agents may both execute one shard of the job, as its `homogeneous` and `spread` say. `other` may be one of which
/// nothing is known any more: it is of any numeric class.
FORGEPOOL_API bool may_share_shard(const SchedulerAgent& agent, const SchedulerAgent& other, const SchedulerJob& job);

/// A grant of shards of one job to one agent until a deadline.
struct Lease {
  LeaseId id;
  JobId job;
  AgentId agent;
  std::vector<std::uint32_t> shards;  ///< Ascending.
  Time granted{};
  Time deadline{};

  friend bool operator==(const Lease&, const Lease&) = default;
};

/// Why a job's shards wait: for programs, and for people.
struct WaitReason {
  /// "no_agents", "too_few_agents", "agents_used", "max_agents", "all_agents_busy", "waiting_for_agents_to_ask", "draining",
  /// "late", "quota", "homogeneous", "spread", the name of a Constraint, …; of a shard also "had_it" and "not_its_turn".
  std::string code;
  std::string text;          ///< With the numbers.
  std::uint64_t agents = 0;  ///< How many agents that are there it keeps from the job.
  std::string unblock{};     ///< What would end it.
};

struct JobProgress {
  std::uint64_t waiting = 0;        ///< Executions wanted and neither under way nor delivered.
  std::uint64_t leased = 0;         ///< Executions under way.
  std::vector<WaitReason> reasons;  ///< Empty unless something waits.
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// Whether there is room for a job that wants `executions` at first: `unavailable`, saying which limit is reached and when to
  /// try again, if not. Changes nothing; `add_job` does not ask it.
  virtual Status has_room(const SchedulerJob& job, std::uint64_t executions) const {
    static_cast<void>(job), static_cast<void>(executions);
    return {};
  }

  /// A job that is there already stays as it is. Calls below that name an unknown job do nothing.
  virtual void add_job(const SchedulerJob& job, Time now) = 0;
  /// Drops the job, what waits of it, and its leases (which end without notice).
  virtual void remove_job(const JobId& job) = 0;

  /// `count` more executions of the shard are wanted. Shards of a job are numbered densely from 0. Wanted executions wait as
  /// far as no lease is under way for them; whichever lease reports first, copies included, delivers one.
  virtual void want(const ShardId& shard, std::uint32_t count) = 0;
  /// No more executions of the shard are wanted; leases under way go on, but what they leave undone does not wait again.
  virtual void settle(const ShardId& shard) = 0;
  /// The agent delivered a result for the shard (or must not have it for another reason): it never gets it again,
  /// however long it was away. A lease on it that is under way goes on.
  virtual void exclude(const ShardId& shard, const AgentId& agent) = 0;
  /// The agent failed the shard: it never gets it again either. But it left no result that others would be compared with, so it
  /// says nothing about who may have the shard, as `homogeneous` and `spread` would. Unless overridden, as `exclude`.
  virtual void failed(const ShardId& shard, const AgentId& agent) { exclude(shard, agent); }
  /// The agent could not even begin an execution of the shard: until then it goes to others, if any could take it.
  virtual void avoid(const ShardId& shard, const AgentId& agent, Time until) {
    static_cast<void>(shard), static_cast<void>(agent), static_cast<void>(until);
  }

  /// The agent is there: it joined, asked for work, or sent a heartbeat. What it is replaces what it was; leases go on.
  virtual void agent_seen(const SchedulerAgent& agent, Time now) = 0;
  /// The agent left or may work no more. Its leases end, their shards wait again; returns them.
  virtual std::vector<Lease> agent_gone(const AgentId& agent, Time now) = 0;

  /// Grants up to `max_shards` shards of one job to a known agent, under the id given, which no other lease may have; none if
  /// nothing fits.
  virtual std::optional<Lease> grant(const AgentId& agent, const LeaseId& id, std::uint32_t max_shards, Time now) = 0;
  /// Puts back a lease that was granted before a restart. Comes after the calls of `want` for its job: its shards are taken
  /// from what waits. It ends no earlier than one that was extended just now: its agent could not know where the hub was.
  virtual void restore(const Lease& lease) = 0;
  /// Takes up again a lease that ran out, as if it had been extended just now, if each of its shards waits and its agent may
  /// still have them. False, and nothing happens, if not, or if the scheduler takes up none.
  virtual bool resume(const Lease& lease, Time now) {
    static_cast<void>(lease), static_cast<void>(now);
    return false;
  }
  /// Extends the lease. not_found if it ended (also if its deadline has passed), denied if it is another agent's.
  virtual Status extend(const LeaseId& lease, const AgentId& agent, Time now) = 0;
  /// The agent reported back: ends the lease and counts each of its shards as one wanted execution delivered (`want` those that
  /// failed again). not_found if it ended (which it did not before `expire` said so), denied if it is another agent's.
  virtual Result<Lease> finish(const LeaseId& lease, const AgentId& agent) = 0;
  virtual std::optional<Lease> find(const LeaseId& lease) const = 0;

  /// Ends the leases whose deadline is `now` or before, and forgets agents not seen for long; returns the leases ended.
  virtual std::vector<Lease> expire(Time now) = 0;
  /// When `expire` or `grant` may next have something to do that they have not now.
  virtual std::optional<Time> next_deadline() const = 0;

  virtual JobProgress progress(const JobId& job, Time now) const = 0;
  /// Why an execution of the shard waits; empty if none does. Unless overridden, what its job waits for.
  virtual std::vector<WaitReason> reasons(const ShardId& shard, Time now) const { return progress(shard.job, now).reasons; }
};

}  // namespace forgepool
