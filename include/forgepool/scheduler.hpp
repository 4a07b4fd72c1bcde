#pragma once
/// Scheduler: decides which agent runs which shard when. A pure state machine: it does no I/O, reads no clock, draws no random
/// numbers; time comes in as an argument, decisions go out as values. The hub owns one and calls it on its loop; calls with
/// equal arguments in equal order give equal decisions.
///
/// What every scheduler guarantees (tests/conformance/scheduler checks it):
///  - a shard is leased only while executions of it are wanted, to at most as many agents at once as are wanted;
///  - no agent executes two replicas of one shard, and none that delivered a result for it gets it again;
///  - a lease that is not extended by heartbeats ends at its deadline and its shards wait again;
///  - no lease goes to an agent that was removed, nor for a job that was removed.
/// Implementations: backends/fifo_scheduler.hpp and any of yours.
#include <forgepool/ids.hpp>
#include <forgepool/time.hpp>

#include <optional>
#include <string>
#include <vector>

namespace forgepool {

/// An agent as the scheduler sees it.
struct SchedulerAgent {
  AgentId id;
  std::string region;  ///< Attested at enrolment; empty if none was.
};

/// A job as the scheduler sees it.
struct SchedulerJob {
  JobId id{};
  std::uint32_t min_agents =
      1;  ///< Nothing is leased before this many agents that may work on it are there, afterwards also with fewer.
  std::uint32_t max_agents = 100'000;  ///< At most this many agents hold leases of it at once.
  std::vector<std::string> regions{};  ///< Agents must be in one of these; empty: anywhere.
};

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

/// Why a job's shards wait: machine-readable code, sentence for people.
struct WaitReason {
  /// "no_agents", "region", "too_few_agents", "agents_used", "max_agents", "all_agents_busy", "waiting_for_agents_to_ask", …
  std::string code;
  std::string text;  ///< With the numbers, and what would unblock it.
};

struct JobProgress {
  std::uint64_t waiting = 0;  ///< Executions wanted and not leased.
  std::uint64_t leased = 0;
  std::vector<WaitReason> reasons;  ///< Empty unless something waits.
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// A job that is there already stays as it is. Calls below that name an unknown job do nothing.
  virtual void add_job(const SchedulerJob& job, Time now) = 0;
  /// Drops the job, what waits of it, and its leases (which end without notice).
  virtual void remove_job(const JobId& job) = 0;

  /// `count` more executions of the shard are wanted. Shards of a job are numbered densely from 0.
  virtual void want(const ShardId& shard, std::uint32_t count) = 0;
  /// No more executions of the shard are wanted; leases under way go on, but what they leave undone does not wait again.
  virtual void settle(const ShardId& shard) = 0;
  /// The agent delivered a result for the shard (or must not have it for another reason): it never gets it again,
  /// however long it was away. A lease on it that is under way goes on.
  virtual void exclude(const ShardId& shard, const AgentId& agent) = 0;

  /// The agent is there: it joined, asked for work, or sent a heartbeat.
  virtual void agent_seen(const SchedulerAgent& agent, Time now) = 0;
  /// The agent left or may work no more. Its leases end, their shards wait again; returns them.
  virtual std::vector<Lease> agent_gone(const AgentId& agent, Time now) = 0;

  /// Grants up to `max_shards` shards of one job to a known agent, under the id given, which no other lease may have; none if
  /// nothing fits.
  virtual std::optional<Lease> grant(const AgentId& agent, const LeaseId& id, std::uint32_t max_shards, Time now) = 0;
  /// Puts back a lease that was granted before a restart. Comes after the calls of `want` for its job: its shards are taken
  /// from what waits.
  virtual void restore(const Lease& lease) = 0;
  /// Extends the lease. not_found if it ended (also if its deadline has passed), denied if it is another agent's.
  virtual Status extend(const LeaseId& lease, const AgentId& agent, Time now) = 0;
  /// The agent reported back: ends the lease without putting its shards back (`want` those that failed). not_found if it ended
  /// (which it did not before `expire` said so), denied if it is another agent's.
  virtual Result<Lease> finish(const LeaseId& lease, const AgentId& agent) = 0;
  virtual std::optional<Lease> find(const LeaseId& lease) const = 0;

  /// Ends the leases whose deadline is `now` or before, and forgets agents not seen for long; returns the leases ended.
  virtual std::vector<Lease> expire(Time now) = 0;
  /// When `expire` may next have something to do.
  virtual std::optional<Time> next_deadline() const = 0;

  virtual JobProgress progress(const JobId& job, Time now) const = 0;
};

}  // namespace forgepool
