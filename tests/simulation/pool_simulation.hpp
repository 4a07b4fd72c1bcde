#pragma once
/// A pool under virtual time: a small hub, and agents that behave as the scenario says.
#include "small_hub.hpp"

namespace forgepool::simulation {

class PoolSimulation {
 public:
  /// Everything that happens follows from the seed.
  explicit PoolSimulation(std::uint64_t seed);

  /// Until all jobs are complete, or for so long that nothing more will happen. Checks the invariants on the way.
  void run();

  const Scenario& scenario() const { return scenario_; }
  const Invariants& invariants() const { return invariants_; }
  Time now() const { return loop_.now(); }

 private:
  /// An agent's life; one lease at a time.
  struct Life {
    SimulatedAgent agent;
    std::optional<Lease> lease;
    std::unique_ptr<Subscription> next_step;
    std::unique_ptr<Subscription> next_heartbeat;
  };

  Duration between(Duration low, Duration high);
  void later(Life& life, Duration delay, void (PoolSimulation::*step)(Life&));
  void ask(Life& life);
  void work(Life& life);
  void send_heartbeat(Life& life);
  void report(Life& life);
  void disturb();
  ShardReport execute(const SimulatedAgent& agent, const ShardId& shard);

  testing::Random random_;
  const Scenario scenario_;
  testing::VirtualEventLoop loop_;
  Invariants invariants_;
  SmallHub hub_;
  std::vector<Life> lives_;
  std::vector<std::unique_ptr<Subscription>> timers_;
  std::unique_ptr<Subscription> disturbance_;
};

}  // namespace forgepool::simulation
