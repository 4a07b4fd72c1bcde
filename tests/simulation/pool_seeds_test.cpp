// Whole pools of production parts in virtual time, with everything going wrong that can. A seed replays a run.
#include "seeds.hpp"
#include "simulated_disk.hpp"

#include <forgepool/testing/pool_simulation.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using testing::AgentBehaviour;
using testing::PoolSimulationOptions;
using testing::PoolSimulationResult;

namespace {

/// What many runs add up to.
struct Sum {
  std::uint64_t runs = 0, faults = 0, done = 0, failed = 0, required = 0, caught = 0, lives = 0, leases = 0, verdicts = 0,
                canaries = 0;

  void add(const PoolSimulationResult& result) {
    ++runs;
    faults += result.injected();
    done += result.jobs_done;
    failed += result.jobs_failed;
    required += result.jobs_required;
    caught += result.agents_caught;
    lives += result.hub_lives;
    leases += result.leases;
    verdicts += result.verdicts;
    canaries += result.canaries;
  }
  std::string text() const {
    return std::to_string(runs) + " pools, " + std::to_string(lives) + " lives of hubs, " + std::to_string(faults) +
           " faults, " + std::to_string(leases) + " leases, " + std::to_string(verdicts) + " verdicts; " +
           std::to_string(done) + " jobs done (" + std::to_string(required) + " had to be), " + std::to_string(failed) +
           " failed, " + std::to_string(caught) + " agents caught, " + std::to_string(canaries) + " canaries";
  }
};

PoolSimulationResult run(const PoolSimulationOptions& options) {
  INFO("replay with FORGEPOOL_SEED=" << options.seed);
  auto result = simulate_pool(options);
  for (const auto& violation : result.violations) FAIL_CHECK(violation);
  return result;
}

/// A larger pool for longer, on a network that hardly works.
PoolSimulationOptions bad_days(std::uint64_t seed) {
  auto options = testing::random_pool(seed);
  options.agents.push_back({.behaviour = AgentBehaviour::honest, .count = 30, .region = "eu"});
  for (const auto& job : std::vector(options.jobs))
    for (int i = 0; i < 4; ++i) options.jobs.push_back(job);
  options.faulty_time = std::chrono::minutes(20);
  options.check_bundles = false;  // The evidence of such jobs is large, and others check it.
  auto& faults = options.faults;
  faults.lose_request = faults.lose_response = faults.duplicate = 0.3;
  faults.disconnect = 0.1;
  faults.partitions = 4;
  faults.intruders = true;
  return options;
}

}  // namespace

TEST_CASE("whatever goes wrong, a pool keeps its promises") {
  const auto [first, last] = simulation::seeds(200);
  Sum sum;
  for (std::uint64_t seed = first; seed <= last; ++seed) sum.add(run(testing::random_pool(seed)));
  WARN("seeds " << first << " to " << last << ": " << sum.text());
}

TEST_CASE("on a disk that loses and tears what was not synced, the production ledger keeps its promises too") {
  const auto [first, last] = simulation::seeds(150);
  Sum sum;
  std::uint64_t hurt = 0;
  for (std::uint64_t seed = first; seed <= last && seed < first + 150; ++seed) {
    auto options = testing::random_pool(seed);
    options.storage = simulation::make_simulated_disk;
    options.faults.hub_crashes = 20;
    const auto result = run(options);
    hurt += result.faults.at("disk");
    sum.add(result);
  }
  WARN("seeds " << first << " to " << last << ": " << sum.text() << "; " << hurt << " writes lost, torn or refused");
  CHECK(hurt > 0);
}

TEST_CASE("a seed replays a run exactly") {
  const auto [first, last] = simulation::seeds(20);
  for (std::uint64_t seed = first; seed <= last && seed < first + 20; ++seed) {
    INFO("seed " << seed);
    const auto once = simulate_pool(testing::random_pool(seed)), again = simulate_pool(testing::random_pool(seed));
    CHECK(once.trace == again.trace);
    CHECK(once.elapsed == again.elapsed);
    CHECK(once.faults == again.faults);
  }
}

TEST_CASE("thousands of agents work together, however many of them go away") {
  PoolSimulationOptions options;
  options.agents = {{.behaviour = AgentBehaviour::honest, .count = 1900}, {.behaviour = AgentBehaviour::random, .count = 100}};
  options.jobs = {{0, 1000, R"({"verify":"full","replicas":2})"}};
  options.faults.lose_request = options.faults.lose_response = 0.02;
  options.faults.partitions = 2;
  options.faults.agent_crashes = 600;
  options.check_bundles = false;
  const auto result = run(options);
  CHECK(result.jobs_done == 1);
  CHECK(result.agents_caught > 0);
}

TEST_CASE("organizations share a hub, its crashes and its network, and nothing else") {
  const auto [first, last] = simulation::seeds(12);
  Sum sum;
  for (std::uint64_t seed = first; seed <= last && seed < first + 12; ++seed) {
    auto options = testing::random_pool(seed);
    options.organizations = 3;
    options.tenants = 6;
    options.faults.intruders = true;
    for (std::uint32_t tenant = 0; tenant < 6; ++tenant)
      options.jobs.push_back({tenant, 6, R"({"verify":"full","replicas":1})"});
    sum.add(run(options));
  }
  WARN("seeds " << first << " to " << last << ": " << sum.text());
  CHECK(sum.done > 0);
}

TEST_CASE("shards of contracts with regions stay in them, canaries included, whatever goes wrong") {
  const auto [first, last] = simulation::seeds(12);
  Sum sum;
  for (std::uint64_t seed = first; seed <= last && seed < first + 12; ++seed) {
    auto options = testing::random_pool(seed);
    options.agents = {{.behaviour = AgentBehaviour::honest, .count = 4, .region = "eu"},
                      {.behaviour = AgentBehaviour::honest, .count = 4, .region = "ch"},
                      {.behaviour = AgentBehaviour::random, .count = 2, .cheat_rate = 0.2, .region = "us"}};
    options.canary_ratio = 0.5;
    options.jobs.clear();
    for (const char* regions : {R"(["eu"])", R"(["ch","eu"])", R"(["eu"])", R"(["ch"])"})
      options.jobs.push_back(
          {0, 16,
           R"({"verify":"adaptive","max_error":1e-6,"adversary":{"fraction":0.001},"timeout_ms":86400000,"regions":)" +
               std::string(regions) + "}"});
    sum.add(run(options));
  }
  WARN("seeds " << first << " to " << last << ": " << sum.text());
  CHECK(sum.required > 0);
  CHECK(sum.canaries > 0);
}

TEST_CASE("canaries catch who lies once it is trusted, with and without collusion, also across crashes of the hub") {
  const auto [first, last] = simulation::seeds(16);
  Sum sum;
  for (std::uint64_t seed = first; seed <= last && seed < first + 16; ++seed) {
    PoolSimulationOptions options;
    options.seed = seed;
    options.agents = {{.behaviour = AgentBehaviour::honest, .count = 8},
                      {.behaviour = AgentBehaviour::builds_trust, .count = 2, .honest_answers = 20}};
    options.canary_ratio = 1;
    options.faults.hub_crashes = 6;
    options.jobs.clear();
    const std::string adversary =
        R"("adversary":{"fraction":0.001,"collusion":)" + std::string(seed % 2 == 0 ? "true" : "false") + "}";
    for (int i = 0; i < 4; ++i)
      options.jobs.push_back({0, 12, R"({"verify":"adaptive","max_error":1e-6,"spotcheck_ratio":0.1,)" + adversary + "}"});
    sum.add(run(options));
  }
  WARN("seeds " << first << " to " << last << ": " << sum.text());
  CHECK(sum.canaries > 100);
  CHECK(sum.caught > 0);
}

TEST_CASE("what an agent is sent before it reports does not depend on what others returned") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    INFO("seed " << seed);
    // Two that report long before the others, who all have their first leases by then.
    PoolSimulationOptions options;
    options.seed = seed;
    options.agents = {{.behaviour = AgentBehaviour::random, .count = 2, .cheat_rate = 0},
                      {.behaviour = AgentBehaviour::slow, .count = 6, .slowdown = 20}};
    options.jobs = {{0, 60, R"({"verify":"full","replicas":3,"min_agents":8})"}};
    options.max_shards_per_lease = 2;
    const auto honest = simulate_pool(options);
    options.agents.front().cheat_rate = 1;
    const auto lying = simulate_pool(options);
    CHECK(honest.agents_caught == 0);
    CHECK(lying.agents_caught == 2);
    CHECK(honest.told.size() == 8);
    CHECK(honest.told == lying.told);
    options.seed += 1000;
    CHECK(simulate_pool(options).told != lying.told);
  }
}

// Minutes; see tests/README.md, label "long".
TEST_CASE("a million faults break no promise", "[.long]") {
  Sum sum;
  const auto enough = simulation::number_from_environment("FORGEPOOL_FAULTS").value_or(1'000'000);
  for (auto seed = simulation::seeds(1).first; sum.faults < enough; ++seed) sum.add(run(bad_days(seed)));
  WARN(sum.text());
  CHECK(sum.required > 0);
}
