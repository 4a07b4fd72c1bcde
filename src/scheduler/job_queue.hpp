#pragma once
/// The shards of one job: how many executions of each are wanted, who has or had them, and which one an agent gets next.
///
/// Shards that wait stand in one of two orders: "returned" (given back or asked for again; served first, in the order they
/// came) and "fresh" (never given back; in index order). Each agent has a position in both, before which nothing is for it, so
/// that a shard that it may not have is looked at once and not at every grant. A shard that comes back to wait goes to the end
/// of "returned", past every position; what becomes possible for one agent only sets back that agent's position.
#include "scheduler/agent_registry.hpp"
#include "scheduler/fresh_order.hpp"

#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace forgepool {

class JobQueue;

struct LeaseRecord {
  Lease lease;
  std::uint64_t number = 0;  // In the order of grants.
  JobQueue* job = nullptr;
  KnownAgent* agent = nullptr;
};

/// What a scan over waiting shards found.
struct UsedUp {
  std::uint64_t shards = 0;  // That every agent that is there and may work on the job has or had.
  bool others = false;       // Some agent that is there could still take some other shard.
  bool complete = true;      // False if only the first shards were examined.
};

class JobQueue {
 public:
  /// `agents` is borrowed. `number` is the job's place among the jobs.
  JobQueue(SchedulerJob job, std::uint64_t number, AgentRegistry& agents);
  /// Ends its leases' hold on agents and shards; the records themselves are the scheduler's.
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  const SchedulerJob& job() const { return job_; }
  std::uint64_t number() const { return number_; }
  std::uint64_t waiting() const { return waiting_; }
  std::uint64_t leased() const { return leased_; }
  std::uint64_t working_agents() const { return working_agents_; }
  const std::unordered_set<LeaseRecord*>& leases() const { return leases_; }
  /// Agents that are there and may work on the job.
  AgentCount eligible() const { return agents_.within(job_.regions); }
  /// Whether something of it was leased, or answered before a restart.
  bool begun() const { return begun_; }

  void want(std::uint32_t index, std::uint32_t count);
  void settle(std::uint32_t index);
  void exclude(std::uint32_t index, KnownAgent& agent);

  /// Whether the agent may take part at all (region, min_agents, max_agents).
  bool admits(const KnownAgent& agent) const;
  /// The shards that the agent gets next, ascending: at most `max_shards`, and no more than its fair part of what waits. They
  /// must be bound to a lease before anything else is called.
  std::vector<std::uint32_t> select(const KnownAgent& agent, std::uint32_t max_shards, Time now);
  /// The shards of the lease are under way with its agent. Those that nobody waits for run along without being owed.
  void bind(LeaseRecord& lease);

  /// How a lease ended: its agent reported back; it was lost through no fault of the agent; or the agent let it expire, so that
  /// others are preferred until `avoid_until`.
  enum class End { finished, lost, expired };
  void end(LeaseRecord& lease, End how, Time avoid_until = {});

  /// Examines at most `limit` shards.
  UsedUp used_up(std::uint64_t limit) const;

 private:
  /// What one agent has to do with one shard.
  struct Holder {
    KnownAgent* agent = nullptr;
    LeaseRecord* lease = nullptr;  // Under way under it.
    bool owed = false;             // An execution that was wanted; it waits again if the lease is lost.
    bool excluded = false;
    Time avoid_until{};  // Let a lease on it expire: others are preferred until then.
  };
  struct Shard {
    std::uint32_t waiting = 0;
    bool fresh = false;          // Stands in `fresh_`.
    std::uint64_t returned = 0;  // Its key in `returned_`; 0: not there.
    std::vector<Holder> holders;
  };
  struct Position {
    std::uint32_t fresh = 0;
    std::uint64_t returned = 0;
    std::uint32_t leases = 0;
  };
  enum class Fit { yes, later, no };

  Shard& shard(std::uint32_t index);
  Holder* find(Shard& shard, const KnownAgent& agent);
  Holder& obtain(Shard& shard, KnownAgent& agent);
  void line_up(std::uint32_t index, Shard& shard);
  void take_out(std::uint32_t index, Shard& shard);
  Fit fit(const Shard& shard, const KnownAgent& agent, Time now, std::uint64_t eligible) const;
  std::uint64_t holders_present(const Shard& shard) const;

  const SchedulerJob job_;
  const std::uint64_t number_;
  AgentRegistry& agents_;

  bool begun_ = false;
  std::vector<Shard> shards_;
  FreshOrder fresh_;
  std::map<std::uint64_t, std::uint32_t> returned_;
  std::uint64_t next_returned_ = 1;
  std::unordered_map<std::uint64_t, Position> positions_;  // By the agent's number.
  std::unordered_set<LeaseRecord*> leases_;
  std::uint64_t waiting_ = 0;
  std::uint64_t leased_ = 0;
  std::uint64_t working_agents_ = 0;
  std::uint64_t most_holders_ = 0;  // Of any shard, ever.
};

}  // namespace forgepool
