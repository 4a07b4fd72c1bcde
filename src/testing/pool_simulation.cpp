#include <forgepool/testing/pool_simulation.hpp>

#include "testing/simulated_pool.hpp"

namespace forgepool::testing {
namespace {

std::string some_policy(Random& random, bool regions, bool tiers) {
  static constexpr std::string_view modes[] = {"full", "quorum", "spotcheck", "none", "adaptive"};
  // Longer than anybody waits here: a job that does not end is to be found running, and asked why.
  std::string policy = R"({"timeout_ms":86400000,"verify":")" + std::string(modes[random.below(std::size(modes))]) +
                       R"(","replicas":)" + std::to_string(random.between(1, 3)) + R"(,"min_agents":)" +
                       std::to_string(random.between(1, 3)) + R"(,"spotcheck_ratio":0.)" + std::to_string(random.below(10));
  // Against few liars three that agree are sure enough for a canary.
  if (random.chance(0.4))
    policy += R"(,"max_error":0.000001,"adversary":{"fraction":0.001})";
  else
    policy += R"(,"max_error":0.)" + std::string(random.below(3), '0') + "2";
  if (random.chance(0.3)) policy += R"(,"max_agents":)" + std::to_string(random.between(3, 5));
  if (regions && random.chance(0.5)) policy += R"(,"regions":["eu"])";
  if (tiers && random.chance(0.5)) policy += R"(,"target":"private")";
  return policy + "}";
}

/// Mostly none at all: what goes wrong should not always be everything.
double some(Random& random, double most) {
  return random.chance(0.5) ? most * static_cast<double>(random.below(1000)) / 1000 : 0;
}

}  // namespace

PoolSimulationOptions random_pool(std::uint64_t seed) {
  Random random(seed ^ 0x706f6f6c);
  PoolSimulationOptions options;
  options.seed = seed;
  options.agents.clear();
  const bool regions = random.chance(0.3), tiers = random.chance(0.3);
  AgentGroup honest;
  honest.count = static_cast<std::uint32_t>(random.between(1, 6));
  honest.region = "eu";
  if (tiers) honest.tier = "private";
  options.agents.push_back(honest);
  for (auto kinds = random.below(4); kinds > 0; --kinds) {
    AgentGroup group;
    group.behaviour = static_cast<AgentBehaviour>(random.below(8));
    group.count = static_cast<std::uint32_t>(random.between(1, 2));
    group.cheat_rate = static_cast<double>(random.between(1, 10)) / 10;
    group.honest_answers = static_cast<std::uint32_t>(random.below(20));
    group.together = random.chance(0.5);
    group.names_per_operator = static_cast<std::uint32_t>(random.between(1, 3));
    if (tiers && random.chance(0.5)) group.tier = "private";
    group.region = regions && random.chance(0.5) ? "us" : "eu";
    options.agents.push_back(group);
  }
  options.tenants = static_cast<std::uint32_t>(random.between(1, 3));
  options.jobs.clear();
  for (auto jobs = random.between(1, 3); jobs > 0; --jobs)
    options.jobs.push_back({static_cast<std::uint32_t>(random.below(3)), static_cast<std::uint32_t>(random.between(1, 20)),
                            some_policy(random, regions, tiers)});
  auto& faults = options.faults;
  faults.lose_request = some(random, 0.15);
  faults.lose_response = some(random, 0.15);
  faults.duplicate = some(random, 0.2);
  faults.disconnect = some(random, 0.05);
  faults.max_delay = std::chrono::milliseconds(random.between(1, 2000));
  faults.hub_crashes = some(random, 12);
  faults.agent_crashes = some(random, 12);
  faults.partitions = some(random, 4);
  faults.full_disks = some(random, 3);
  faults.failing_executions = some(random, 0.2);
  faults.intruders = random.chance(0.3);
  if (random.chance(0.12)) options.organizations = static_cast<std::uint32_t>(random.between(2, 3));
  options.canary_ratio = random.chance(0.5) ? 0.3 : 0.01;
  return options;
}

std::uint64_t PoolSimulationResult::injected() const {
  std::uint64_t sum = 0;
  for (const auto& [kind, count] : faults) sum += count;
  return sum;
}

PoolSimulationResult simulate_pool(const PoolSimulationOptions& options) {
  return SimulatedPool(options).run();
}

}  // namespace forgepool::testing
