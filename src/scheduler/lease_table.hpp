#pragma once
/// The leases under way, by number and by id, in a list per agent, and by deadline.
#include "scheduler/roster.hpp"

#include <queue>
#include <unordered_map>

namespace forgepool::scheduling {

struct alignas(64) LeaseRecord {
  CompactId<LeaseId> id;
  Time granted{};
  HeldShards shards;
  std::uint32_t job = none;
  std::uint32_t agent = none;
  std::uint32_t next = none;  // Of the same agent.
};
static_assert(sizeof(LeaseRecord) == 64, "a look at a lease is one at memory that is far away");

using LeaseKey = IdKey<LeaseId>;

class LeaseTable {
 public:
  /// `roster` is borrowed.
  explicit LeaseTable(Roster& roster) : roster_(roster) {}

  std::uint32_t find(const LeaseKey& key) const;
  [[gnu::always_inline]] void will_find(const LeaseKey& key) const { table_.will_find(key); }
  LeaseRecord& operator[](std::uint32_t number) { return leases_[number]; }
  const LeaseRecord& operator[](std::uint32_t number) const { return leases_[number]; }
  std::size_t size() const { return table_.size(); }
  /// In the order of grants, never used twice.
  std::uint64_t serial(std::uint32_t number) const { return terms_[number].serial; }
  bool under_way(std::uint32_t number, std::uint64_t serial) const { return terms_[number].serial == serial; }
  Time deadline(std::uint32_t number) const { return terms_[number].deadline; }
  void extend(std::uint32_t number, Time deadline) { terms_[number].deadline = std::max(terms_[number].deadline, deadline); }

  /// The id must not be there.
  std::uint32_t add(const LeaseKey& key, std::uint32_t job, std::uint32_t agent, std::span<const std::uint32_t> shards,
                    Time granted, Time deadline);
  /// Takes it out, and may let its agent be forgotten.
  void remove(std::uint32_t number);

  /// What the agent holds of the job.
  struct Held {
    std::uint32_t leases = 0;
    std::uint64_t shards = 0;
  };
  Held held(const Agent& agent, std::uint32_t job) const;
  /// Whether the agent holds a lease whose deadline is before `time`.
  bool has_deadline_before(const Agent& agent, Time time) const;
  /// Of the agent, in the order of grants.
  std::vector<std::uint32_t> of(const Agent& agent) const;

  /// The next lease whose deadline is `now` or before; none if there is none.
  std::uint32_t next_expired(Time now);
  /// No later than the first deadline.
  std::optional<Time> next_deadline() const { return deadlines_.next(); }
  /// Agents that are there and hold a lease whose deadline is before `time`; looks at `most` agents.
  std::uint64_t count_late(Time time, std::size_t most) const;

 private:
  /// Apart from the records: whether a lease is over is asked long after it was.
  struct Term {
    std::uint64_t serial = 0;  // 0: the place is free.
    Time deadline{};
  };

  /// Of an agent with several leases at once: what would take a walk over all of them.
  struct Crowd {
    std::unordered_map<std::uint32_t, Held> held;  // By job.
    std::priority_queue<Due> deadlines;            // As they were; looked at again when they come up.
  };
  void enter(Crowd& crowd, std::uint32_t number);
  void leave(std::uint32_t number);
  bool is_alone(std::uint32_t first) const { return leases_[first].next == none; }

  Roster& roster_;
  IdTable<LeaseId> table_;
  LargeVector<LeaseRecord> leases_;
  LargeVector<Term> terms_;                                  // By number, as the records.
  LargeVector<std::uint32_t> previous_;                      // Of the same agent; of its first one it means nothing.
  mutable std::unordered_map<std::uint32_t, Crowd> crowds_;  // By agent: those with several leases.
  std::vector<std::uint32_t> free_;
  DueQueue deadlines_;
  std::uint64_t next_serial_ = 1;
};

}  // namespace forgepool::scheduling
