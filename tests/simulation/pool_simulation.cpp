#include "pool_simulation.hpp"

namespace forgepool::simulation {

using namespace std::chrono_literals;

PoolSimulation::PoolSimulation(std::uint64_t seed)
    : random_(seed), scenario_(random_scenario(random_)), invariants_(scenario_), hub_(loop_, scenario_, invariants_) {
  for (const auto& job : scenario_.jobs) timers_.push_back(loop_.after(between(0s, 20s), [this, &job] { hub_.submit(job); }));
  lives_.resize(scenario_.agents.size());
  for (std::size_t i = 0; i < lives_.size(); ++i) {
    lives_[i].agent = scenario_.agents[i];
    later(lives_[i], between(0s, 20s), &PoolSimulation::ask);
  }
  disturbance_ = loop_.after(5s, [this] { disturb(); });
}

void PoolSimulation::run() {
  loop_.advance(20s);  // All jobs are submitted.
  loop_.run_until([this] { return hub_.all_complete(); }, 2h);
  hub_.check_nothing_is_lost();
  invariants_.at_the_end();
}

void PoolSimulation::disturb() {
  hub_.check_nothing_is_lost();
  if (scenario_.hub_restarts && random_.chance(0.3)) hub_.restart();
  disturbance_ = loop_.after(between(1s, 10s), [this] { disturb(); });
}

Duration PoolSimulation::between(Duration low, Duration high) {
  return low + Duration(random_.below(static_cast<std::uint64_t>((high - low).count()) + 1));
}

void PoolSimulation::later(Life& life, Duration delay, void (PoolSimulation::*step)(Life&)) {
  life.next_step = loop_.after(delay, [this, &life, step] { (this->*step)(life); });
}

void PoolSimulation::ask(Life& life) {
  life.lease = hub_.ask(life.agent);
  if (life.lease)
    work(life);
  else
    later(life, between(1s, 3s), &PoolSimulation::ask);
}

void PoolSimulation::work(Life& life) {
  const auto shards = static_cast<std::int64_t>(life.lease->shards.size());
  if (life.agent.behaviour == Behaviour::crashing && random_.chance(0.4))
    return later(life, between(1s, 90s), &PoolSimulation::ask);
  if (life.agent.behaviour == Behaviour::slow) return later(life, between(1s, 30s), &PoolSimulation::report);
  later(life, between(100ms, 6s) * shards, &PoolSimulation::report);
  life.next_heartbeat = loop_.after(5s, [this, &life] { send_heartbeat(life); });
}

void PoolSimulation::send_heartbeat(Life& life) {
  const bool arrives = random_.chance(0.9);
  if (arrives && !hub_.heartbeat(life.agent, life.lease->id)) return later(life, 1s, &PoolSimulation::ask);
  life.next_heartbeat = loop_.after(5s, [this, &life] { send_heartbeat(life); });
}

void PoolSimulation::report(Life& life) {
  life.next_heartbeat.reset();
  std::vector<ShardReport> shards;
  for (const auto index : life.lease->shards) shards.push_back(execute(life.agent, {life.lease->job, index}));
  const bool arrives = random_.chance(0.97);
  if (arrives) hub_.report(life.agent, life.lease->id, shards);
  life.lease.reset();
  later(life, between(10ms, 500ms), &PoolSimulation::ask);
}

ShardReport PoolSimulation::execute(const SimulatedAgent& agent, const ShardId& shard) {
  switch (agent.behaviour) {
    case Behaviour::liar:
      if (random_.chance(0.7)) return {shard.index, wrong_result(shard, agent)};
      break;
    case Behaviour::colluder: return {shard.index, wrong_result(shard, agent)};
    case Behaviour::failing:
      if (random_.chance(0.5)) return {shard.index, std::nullopt};
      break;
    case Behaviour::honest:
    case Behaviour::slow:
    case Behaviour::crashing: break;
  }
  return {shard.index, right_result(shard)};
}

}  // namespace forgepool::simulation
