#pragma once
/// The leases under way, by number and by id, in a list per agent, and by deadline.
#include "scheduler/roster.hpp"

namespace forgepool::scheduling {

struct alignas(64) LeaseRecord {
  CompactId<LeaseId> id;
  std::uint64_t serial = 0;  // In the order of grants; 0: the place is free.
  std::uint32_t job = none;
  std::uint32_t agent = none;
  Time granted{};
  Time deadline{};
  ShardList shards;
  std::uint32_t previous = none, next = none;  // Of the same agent.
};

class LeaseTable {
 public:
  /// `roster` is borrowed.
  explicit LeaseTable(Roster& roster) : roster_(roster) {}

  std::uint32_t find(const LeaseId& id) const;
  void will_find(const LeaseId& id) const { __builtin_prefetch(table_.look_up(id)); }
  LeaseRecord& operator[](std::uint32_t number) { return leases_[number]; }
  const LeaseRecord& operator[](std::uint32_t number) const { return leases_[number]; }
  std::size_t size() const { return table_.size(); }
  bool under_way(std::uint32_t number, std::uint64_t serial) const { return leases_[number].serial == serial; }

  /// The id must not be there.
  std::uint32_t add(const LeaseId& id, std::uint32_t job, std::uint32_t agent, std::span<const std::uint32_t> shards,
                    Time granted, Time deadline);
  /// Takes it out, and may let its agent be forgotten.
  void remove(std::uint32_t number, const LeaseId& id);

  /// How many leases of the job the agent holds.
  std::uint32_t count(const Agent& agent, std::uint32_t job) const;
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
  Roster& roster_;
  IdTable<LeaseId> table_;
  std::vector<LeaseRecord> leases_;
  std::vector<std::uint32_t> free_;
  DueQueue deadlines_;
  std::uint64_t next_serial_ = 1;
};

}  // namespace forgepool::scheduling
