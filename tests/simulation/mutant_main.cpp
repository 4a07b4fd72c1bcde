// Runs a pool in which one thing was broken on purpose (FORGEPOOL_MUTANT, see CMakeLists.txt) until a checker finds it.
//
//   pool_mutant_N CHECKER     exit status 0: this checker found it; 1: nobody did within 200 seeds, or another one
#include "simulated_disk.hpp"

#include <forgepool/testing/pool_simulation.hpp>

#include <cstdio>
#include <string_view>

using namespace forgepool;

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: pool_mutant_N CHECKER\n"), 2;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    auto options = testing::random_pool(seed);
    options.storage = simulation::make_simulated_disk;
    options.faults.hub_crashes = 10;
    const auto result = simulate_pool(options);
    if (result.violations.empty()) continue;
    const bool expected = std::string_view(result.violations.front()).starts_with(std::string(argv[1]) + ":");
    std::printf("%s after %llu seeds: %s\n", expected ? "found" : "found by another checker than expected",
                static_cast<unsigned long long>(seed), result.violations.front().c_str());
    return expected ? 0 : 1;
  }
  std::printf("nobody noticed\n");
  return 1;
}
