#pragma once
/// The agents that the scheduler knows, and which of them may work on what. Agents that are alike form a class, jobs that ask
/// for the same another: who may do what is decided once per pair of classes, and not per agent and job.
#include "scheduler/compact.hpp"
#include "scheduler/due_queue.hpp"
#include "scheduler/id_table.hpp"
#include "scheduler/large_vector.hpp"
#include "scheduler/number_set.hpp"

#include <forgepool/scheduler.hpp>

#include <array>
#include <unordered_map>

namespace forgepool::scheduling {

struct alignas(64) Agent {
  CompactId<AgentId> id;
  Time last_seen{};
  std::uint32_t agent_class = none;  // None until it was seen.
  std::uint32_t first_lease = none;
  std::uint32_t remembered = 0;  // By how many shards. An agent that left is forgotten only when none of them does.
  bool present = false;
  bool watched = false;                     // Its silence would be noticed.
  std::array<std::uint16_t, 4> adapters{};  // That it ran last, 0: none.
};
static_assert(sizeof(Agent) == 64, "a look at an agent is one at memory that is far away");

/// Agents that differ in nothing but their ids.
struct AgentClass {
  SchedulerAgent like;                                                        // Without id.
  std::uint32_t numeric_class = 0, operator_id = 0, network = 0, region = 0;  // Numbers of the names; 0: unknown.
  std::uint64_t present = 0;
  std::uint64_t busy = 0;  // Of these.
  NumberSet work;          // Job classes that they may work on; none if they drain.
};

/// Jobs that ask the same of agents.
struct JobClass {
  SchedulerJob like;                                               // What it asks for, and nothing else.
  std::uint64_t jobs = 0;                                          // 0: the place is free.
  std::uint64_t eligible = 0;                                      // Agents that are there and fit.
  std::unordered_map<std::uint32_t, std::uint64_t> eligible_of{};  // Of these, by operator, where that is known.
};

class Roster {
 public:
  // --- agents
  std::uint32_t find(const AgentId& id) const;
  /// To be called one after the other, with other looks at memory between: the agent is about to be looked at.
  [[gnu::always_inline]] void will_find(const IdKey<AgentId>& key) const { table_.will_find(key); }
  [[gnu::always_inline]] void will_use(const IdKey<AgentId>& key) const {
    if (const auto number = table_.likely(key); number != none) fetch_ahead(&agents_[number]);
  }
  /// Whose name will probably come next: the next calls about an agent that did something are about the same one.
  void expect(std::uint32_t number) { expected_ = number; }
  /// The agent's number whether it is there or not; it must then be remembered, given a lease, or seen.
  std::uint32_t obtain(const AgentId& id);
  Agent& agent(std::uint32_t number) { return agents_[number]; }
  const Agent& agent(std::uint32_t number) const { return agents_[number]; }
  /// Never used twice, not even where the agent is forgotten and its number is another's.
  std::uint64_t serial(std::uint32_t number) const { return serials_[number]; }
  const AgentClass& class_of(const Agent& agent) const {
    return agent.agent_class == none ? unseen_ : agent_classes_[agent.agent_class];
  }
  const std::vector<AgentClass>& agent_classes() const { return agent_classes_; }
  const LargeVector<Agent>& agents() const { return agents_; }
  std::uint64_t present() const { return present_; }
  /// Grows when an agent turns out to be another than it was.
  std::uint64_t changes() const { return changes_; }

  void seen(std::uint32_t number, const SchedulerAgent& as, Time now, Duration timeout);
  void left(std::uint32_t number);
  /// Lets go of those that were silent for `timeout`.
  void drop_silent(Time now, Duration timeout);
  std::optional<Time> next_silence() const { return silences_.next(); }

  void set_busy(Agent& agent, bool busy);
  void remember(std::uint32_t number) { ++agents_[number].remembered; }
  void release(std::uint32_t number);
  void forget_if_unused(std::uint32_t number);

  // --- jobs
  std::uint32_t obtain_class(const SchedulerJob& job);
  void release_class(std::uint32_t number) { --job_classes_[number].jobs; }
  const JobClass& job_class(std::uint32_t number) const { return job_classes_[number]; }
  bool fits(std::uint32_t job_class, std::uint32_t agent_class) const {
    return agent_classes_[agent_class].work.contains(job_class);
  }
  /// A number for an adapter; 0 for no name, and for those that were named after 65,535 others.
  std::uint16_t adapter_number(const std::string& name);

 private:
  using Numbers = std::unordered_map<std::string, std::uint32_t>;

  std::uint32_t obtain_class(const SchedulerAgent& agent);
  void count(const Agent& agent, bool add);

  IdTable<AgentId> table_;
  LargeVector<Agent> agents_;
  LargeVector<std::uint64_t> serials_;  // By number, as the agents.
  std::uint32_t expected_ = none;
  std::vector<std::uint32_t> free_;
  std::vector<AgentClass> agent_classes_;
  Numbers agent_class_keys_;
  std::vector<JobClass> job_classes_;
  Numbers names_, adapters_;
  DueQueue silences_;
  const AgentClass unseen_{};
  std::uint64_t next_serial_ = 1;
  std::uint64_t present_ = 0;
  std::uint64_t changes_ = 0;
};

}  // namespace forgepool::scheduling
