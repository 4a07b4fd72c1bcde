#include <forgepool/testing/scenario.hpp>

#include "testing/production_parts.hpp"
#include "testing/scenario_pool.hpp"

#include <forgepool/backends/boinc_verifier.hpp>
#include <forgepool/backends/majority_verifier.hpp>

namespace forgepool::testing {
namespace {

// Agents of a scenario send no heartbeats: they are alive until they are caught.
constexpr Duration for_ever = std::chrono::hours(24 * 365 * 50);

}  // namespace

ScenarioRun run_scenario(const Scenario& scenario, const std::string& name, std::unique_ptr<Verifier> verifier,
                         const ScenarioOptions& options) {
  ScenarioPool pool(scenario, options.scheduler ? options.scheduler() : production_scheduler(for_ever), *verifier);
  auto run = pool.run([&](double part) {
    if (options.progress) options.progress(name, part);
  });
  run.verifier = name;
  return run;
}

std::vector<ScenarioRun> run_scenario(const Scenario& scenario, const ScenarioOptions& options) {
  std::vector<ScenarioRun> runs;
  runs.push_back(run_scenario(scenario, std::string(to_string(scenario.policy.verify)), production_verifier(), options));
  if (scenario.majority_agreeing > 0)
    runs.push_back(run_scenario(
        scenario, "majority",
        make_majority_verifier({.agreeing = std::max(2u, scenario.majority_agreeing), .quarantine = false}), options));
  if (scenario.boinc_trusted_after > 0)
    runs.push_back(run_scenario(
        scenario, "boinc", make_boinc_verifier({.trusted_after = scenario.boinc_trusted_after, .quarantine = false}), options));
  return runs;
}

}  // namespace forgepool::testing
