#pragma once
/// The shards of one job: how many executions of each are wanted, who has or had them, and which one an agent gets next.
///
/// A shard waits in one line. "Fresh" ones were never given back and stand in index order. All others stand in the order they
/// came: in the common line, or, where all replicas of a shard must go to one numeric class, in the line of that class. An
/// agent that has to pass over many shards which are not for it gets a position, before which it need not look again. A shard
/// that comes back to wait goes to the end of its line, past every position; what becomes possible for one agent sets back that
/// agent's position alone, and the rare things that may open a shard to others end the validity of all of them.
#include "scheduler/fresh_order.hpp"
#include "scheduler/lease_table.hpp"

#include <map>
#include <unordered_map>

namespace forgepool::scheduling {

/// What a walk over waiting shards found.
struct Walk {
  std::uint64_t shards = 0;       // That every agent that is there and may work on the job has or had.
  std::uint64_t wrong_class = 0;  // That nobody else of their numeric class could take.
  std::uint64_t too_close = 0;    // That only agents too close to those who had them could take.
  bool others = false;            // Some agent that is there could still take some other shard.
  bool complete = true;           // False if only the first shards were looked at.
};

/// Agents that are there, by what keeps them from one shard.
struct ShardCensus {
  std::uint64_t unfit = 0;  // May not work on the job, or drain.
  std::uint64_t had = 0;    // Have or had it.
  std::uint64_t wrong_class = 0;
  std::uint64_t too_close = 0;
  std::uint64_t free = 0;  // Nothing does.
  bool complete = true;    // False if only the first agents were looked at.
};

struct Stragglers {
  double factor = 3;  // Times what its shards should have taken,
  Duration least{};   // and this long under way, before a lease counts as one.
};

class JobQueue {
 public:
  /// `roster` and `leases` are borrowed; `number` is the job's place in the scheduler, `arrival` its place in time.
  JobQueue(SchedulerJob job, std::uint32_t number, std::uint64_t arrival, Time added, Roster& roster, LeaseTable& leases);
  /// Lets go of agents. Its leases must have been taken out of the table.
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  const SchedulerJob& job() const { return job_; }
  const CompactId<JobId>& id() const { return id_; }
  std::uint32_t number() const { return number_; }
  std::uint64_t arrival() const { return arrival_; }
  Time added() const { return added_; }
  std::uint32_t job_class() const { return job_class_; }
  std::uint16_t adapter() const { return adapter_; }
  std::uint64_t waiting() const { return waiting_; }
  std::uint64_t leased() const { return leased_; }
  std::uint64_t working_agents() const { return working_agents_; }
  /// Agents that are there and may work on it.
  std::uint64_t eligible() const { return roster_.job_class(job_class_).eligible; }
  /// Whether something of it was leased, or answered before a restart.
  bool begun() const { return begun_; }
  /// The leases of it that are under way, by number, in no order that says anything.
  std::vector<std::uint32_t> leases() const;

  void want(std::uint32_t index, std::uint32_t count);
  void settle(std::uint32_t index);
  /// What the agent leaves behind: a result, with which others are compared, or nothing.
  enum class Left { a_result, nothing };
  void exclude(std::uint32_t index, std::uint32_t agent, Left left);
  /// Until then the shard goes to others, if any could take it.
  void avoid(std::uint32_t index, std::uint32_t agent, Time until);

  /// Whether an agent that fits may take part now (min_agents, max_agents).
  bool admits(const Agent& agent) const;
  /// The shards that the agent gets next, ascending: at most `most`, and no more than its fair part of what waits.
  std::vector<std::uint32_t> select(std::uint32_t agent, std::uint64_t most, Time now);
  /// Shards of stragglers that the agent may execute, too.
  std::vector<std::uint32_t> select_copies(std::uint32_t agent, std::uint64_t most, const Stragglers& rule, Time now);
  /// When a lease will next become a straggler, if nothing comes of it before.
  std::optional<Time> next_straggler(const Stragglers& rule, Time now);
  bool may_copy() const {
    return (job_.speculative || job_.longest_execution > Duration::zero()) && waiting_ == 0 && leased_ > 0;
  }
  /// Whether each of the shards waits, and the agent has and had none of them.
  bool may_resume(std::uint32_t agent, const std::vector<std::uint32_t>& shards) const;

  /// `end` is about to be called.
  [[gnu::always_inline]] void will_end(const LeaseRecord& lease) const {
    for (const auto& [index, holder] : lease.shards) {
      fetch_ahead(&shards_[index]);
      if (holder != none) fetch_ahead(&holders_[holder]);
    }
  }
  /// The shards of the lease are under way with its agent.
  void bind(std::uint32_t lease);
  /// How a lease ended: its agent reported back; it was lost through no fault of the agent; or the agent let it expire, so that
  /// others are preferred until `avoid_until`.
  enum class End { finished, lost, expired };
  /// Comes before the lease leaves the table.
  void end(std::uint32_t lease, End how, Time now, Time avoid_until = {});

  /// What one execution of a shard takes, from those that came back; nothing before a few did.
  std::optional<Duration> shard_duration() const;

  /// Looks at no more than `limit` shards.
  Walk walk(std::uint64_t limit) const;
  /// Whether executions of the shard wait,
  bool waits(std::uint32_t index) const { return index < shards_.size() && shards_[index].waiting() > 0; }
  /// and what keeps agents, at most `limit` of them, from it.
  ShardCensus census(std::uint32_t index, std::size_t limit) const;

 private:
  /// What one agent has to do with one shard.
  struct Holder {
    Time avoid_until{};          // Let a lease on it expire: others are preferred until then.
    std::uint32_t agent = none;  // None: the place is free.
    std::uint32_t lease = none;  // Under way under it.
    std::uint32_t next = none;   // Of the same shard.
    bool excluded = false;
    bool failed = false;  // Excluded, and left no result.
  };
  struct alignas(32) Shard {
    std::uint64_t place = 0;  // Its key in its line, if that is not the fresh one.
    std::uint32_t wanted = 0;
    std::uint32_t under_way = 0;
    std::uint32_t holders = none;
    std::uint32_t numeric_class = 0;  // Its replicas must go to this one; 0: to any.
    std::uint32_t line = none;        // Where it waits.

    std::uint32_t waiting() const { return wanted > under_way ? wanted - under_way : 0; }
  };
  struct Line {
    std::uint32_t numeric_class = 0;
    std::map<std::uint64_t, std::uint32_t> order;
  };
  struct Position {
    std::uint64_t serial = 0;  // Of the agent.
    std::uint64_t valid_for = 0;
    std::uint32_t fresh = 0;
    std::array<std::uint64_t, 2> lines{};  // Of its numeric class; the common one.
  };
  struct Entry {
    std::uint32_t lease = none;
    std::uint64_t serial = 0;
  };
  enum class Fit { yes, later, no };
  static constexpr std::uint32_t common_line = 0, fresh_line = none - 1;

  Shard& shard(std::uint32_t index);
  std::uint32_t obtain(Shard& shard, std::uint32_t agent);
  void remove(Holder& holder);
  std::uint32_t line_for(std::uint32_t numeric_class);
  void line_up(std::uint32_t index, Shard& shard);
  void take_out(std::uint32_t index, Shard& shard);
  /// After `shard` changed: it waited for `before` executions until now.
  void settle_line(std::uint32_t index, Shard& shard, std::uint32_t before);
  /// To which the replicas of the shard must go; 0 while nobody has or had it.
  std::uint32_t class_of_holders(const Shard& shard) const;
  void pin(std::uint32_t index, Shard& shard, std::uint32_t numeric_class);
  /// Whether it cannot get the shard (again), and whether it says who else may.
  static bool has_or_had(const Holder& holder) { return holder.excluded || holder.lease != none; }
  static bool counts(const Holder& holder) { return (holder.excluded && !holder.failed) || holder.lease != none; }
  /// Whether those who have or had the shard keep such an agent from it.
  bool clashes(const Shard& shard, const AgentClass& agent) const;
  std::uint64_t holders_present(const Shard& shard, std::uint32_t numeric_class) const;
  Fit fit(const Shard& shard, std::uint32_t agent, const AgentClass& as, Time now) const;
  std::uint64_t validity() const { return opened_ + roster_.changes(); }
  Position* position_of(std::uint32_t agent);
  std::uint64_t eligible_of(std::uint32_t numeric_class) const;
  /// How long it may be under way before its shards are copied; nothing if that cannot be said.
  std::optional<Duration> allowance(const LeaseRecord& lease, const Stragglers& rule) const;
  /// How many more shards of the job the agent may have at once.
  std::uint64_t room_for(const Agent& agent, const AgentClass& as) const;
  void pass_ended_leases();

  const SchedulerJob job_;
  CompactId<JobId> id_;  // As in `job_`, to be found by.
  const std::uint32_t number_;
  const std::uint64_t arrival_;
  const Time added_;
  Roster& roster_;
  LeaseTable& leases_;
  const std::uint32_t job_class_;
  const std::uint16_t adapter_;
  const bool chooses_;  // Who has a shard says who may have it, too.

  bool begun_ = false;
  LargeVector<Shard> shards_;
  LargeVector<Holder> holders_;  // Free ones stay with their shard, where they are soon needed again.
  FreshOrder fresh_;
  std::uint32_t first_fresh_ = 0;
  std::vector<Line> lines_{1};
  std::uint64_t next_place_ = 1;
  std::unordered_map<std::uint32_t, Position> positions_;  // By agent; few agents have one.
  std::uint64_t opened_ = 0;    // How often a shard may have become possible for agents that passed it.
  LargeVector<Entry> granted_;  // Leases in the order of grants, with some that ended.
  std::size_t oldest_ = 0;      // Before it, all ended.
  std::uint64_t leases_under_way_ = 0;
  std::uint64_t most_holders_ = 0;  // Of any shard, ever.
  std::uint64_t waiting_ = 0;
  std::uint64_t leased_ = 0;
  std::uint64_t working_agents_ = 0;
  std::unordered_map<std::uint32_t, std::uint64_t> leased_to_;  // By operator, where that is known.
  std::uint64_t finished_shards_ = 0;
  Duration finished_time_{};
};

}  // namespace forgepool::scheduling
