#pragma once
/// The agents that the scheduler knows: who is there, where, and how many of them are at work.
#include <forgepool/scheduler.hpp>

#include <list>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace forgepool {

struct LeaseRecord;

struct KnownAgent {
  AgentId id;
  std::uint64_t number = 0;  // Never used twice, so that what is kept under it cannot come to mean another agent.
  std::string region;
  bool present = false;
  Time last_seen{};
  std::uint64_t remembered = 0;  // By how many shards. An agent that left is forgotten only when none of them does.
  std::unordered_set<LeaseRecord*> leases;
  std::list<KnownAgent*>::iterator place;  // In the order of `last_seen`, while present.
};

/// Agents that are there: all of them, and those that hold a lease.
struct AgentCount {
  std::uint64_t present = 0;
  std::uint64_t busy = 0;
};

class AgentRegistry {
 public:
  /// Null unless the agent is there.
  KnownAgent* find_present(const AgentId& id);
  /// The agent whether it is there or not; it must then be remembered by a shard or lease, or seen.
  KnownAgent& obtain(const AgentId& id);

  void seen(KnownAgent& agent, const std::string& region, Time now);
  void left(KnownAgent& agent);
  /// Whoever was seen last, longest ago; null if nobody is there.
  KnownAgent* longest_silent() const { return by_last_seen_.empty() ? nullptr : by_last_seen_.front(); }

  void add_lease(KnownAgent& agent, LeaseRecord* lease);
  void remove_lease(KnownAgent& agent, LeaseRecord* lease);
  void remember(KnownAgent& agent) { ++agent.remembered; }
  /// May destroy the agent.
  void release(KnownAgent& agent);

  AgentCount everywhere() const { return everywhere_; }
  /// `regions` holds no name twice; empty means anywhere.
  AgentCount within(const std::vector<std::string>& regions) const;

 private:
  void count(const KnownAgent& agent, int present, int busy);
  void forget_if_unused(KnownAgent& agent);

  std::unordered_map<AgentId, KnownAgent> agents_;
  std::list<KnownAgent*> by_last_seen_;
  std::map<std::string, AgentCount> by_region_;
  AgentCount everywhere_;
  std::uint64_t next_number_ = 0;
};

/// Whether an agent in `region` may work where only `regions` are allowed (empty: anywhere).
bool region_allowed(const std::vector<std::string>& regions, const std::string& region);

}  // namespace forgepool
