#include "pool_simulation.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>

using namespace forgepool::simulation;

namespace {

/// FORGEPOOL_SEED=n replays one run.
std::pair<std::uint64_t, std::uint64_t> seeds(std::uint64_t first, std::uint64_t last) {
  if (const char* chosen = std::getenv("FORGEPOOL_SEED"))
    return {std::strtoull(chosen, nullptr, 10), std::strtoull(chosen, nullptr, 10)};
  return {first, last};
}

}  // namespace

TEST_CASE("whatever agents do, no shard is lost or decided twice, leases are exclusive, and lies win only by collusion") {
  const auto [first, last] = seeds(1, 800);
  std::uint64_t complete = 0, expected = 0, caught = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    INFO("seed " << seed << " (replay with FORGEPOOL_SEED=" << seed << ")");
    PoolSimulation pool(seed);
    pool.run();
    for (const auto& job : pool.scenario().jobs) {
      complete += pool.invariants().complete(job.id);
      expected += pool.scenario().must_complete(job);
    }
    for (const auto& agent : pool.scenario().agents) caught += pool.invariants().in_quarantine(agent.id);
  }
  WARN("seeds " << first << " to " << last << ": " << complete << " jobs complete, of " << expected << " that had to be; "
                << caught << " agents caught");
}

TEST_CASE("a seed replays a run exactly") {
  const auto [first, last] = seeds(1, 40);
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    INFO("seed " << seed);
    PoolSimulation once(seed), again(seed);
    once.run();
    again.run();
    CHECK(once.invariants().trace() == again.invariants().trace());
    CHECK(once.now() == again.now());
  }
}
