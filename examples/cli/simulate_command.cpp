// Scenarios for researchers: no pool is needed, nothing but the scenario's file is read.
#include "commands.hpp"
#include "output.hpp"

#include <forgepool/testing/scenario.hpp>

#include <fmt/core.h>

#include <unistd.h>

#include <filesystem>

namespace forgepool_cli {

using namespace forgepool;
using testing::ScenarioRun;

namespace {

nlohmann::ordered_json figures(const ScenarioRun& run) {
  return {{"work_factor", run.work_factor},
          {"work_factor_total", run.work_factor_total},
          {"bound", run.bound},
          {"mean_bound", run.mean_bound},
          {"observed_error", run.observed_error},
          {"observed_error_upper95", run.observed_error_upper95},
          {"accepted", run.accepted},
          {"wrong", run.wrong},
          {"undecided", run.undecided},
          {"executions", run.executions},
          {"makespan_seconds", run.makespan_seconds},
          {"cheaters", run.cheaters},
          {"cheaters_caught", run.cheaters_caught},
          {"honest_caught", run.honest_caught},
          {"detection_seconds", run.detection_seconds},
          {"detection_seconds_max", run.detection_seconds_max},
          {"lies_until_caught", run.lies_until_caught},
          {"fairness_agents", run.fairness_agents},
          {"fairness_projects", run.fairness_projects},
          {"stuck", run.stuck}};
}

void print_table(const std::vector<ScenarioRun>& runs) {
  const auto row = [&](const char* name, auto value) {
    fmt::print("{:<44}", name);
    for (const auto& run : runs) fmt::print("{:>16}", value(run));
    fmt::print("\n");
  };
  row("", [](const ScenarioRun& run) { return run.verifier; });
  row("results accepted", [](const ScenarioRun& run) { return std::to_string(run.accepted); });
  row("  of these wrong", [](const ScenarioRun& run) { return std::to_string(run.wrong); });
  row("error rate observed", [](const ScenarioRun& run) { return fmt::format("{:.3g}", run.observed_error); });
  row("  upper 95 % confidence limit",
      [](const ScenarioRun& run) { return fmt::format("{:.3g}", run.observed_error_upper95); });
  row("error bound stated, highest", [](const ScenarioRun& run) { return fmt::format("{:.3g}", run.bound); });
  row("  mean", [](const ScenarioRun& run) { return fmt::format("{:.3g}", run.mean_bound); });
  row("executions per result, steady state", [](const ScenarioRun& run) { return fmt::format("{:.3f}", run.work_factor); });
  row("  from the beginning", [](const ScenarioRun& run) { return fmt::format("{:.3f}", run.work_factor_total); });
  row("given up as undecided", [](const ScenarioRun& run) { return std::to_string(run.undecided); });
  row("cheaters caught", [](const ScenarioRun& run) { return fmt::format("{} of {}", run.cheaters_caught, run.cheaters); });
  row("  after their first lie, mean (s)", [](const ScenarioRun& run) { return fmt::format("{:.0f}", run.detection_seconds); });
  row("  longest (s)", [](const ScenarioRun& run) { return fmt::format("{:.0f}", run.detection_seconds_max); });
  row("  lies until then, mean", [](const ScenarioRun& run) { return fmt::format("{:.1f}", run.lies_until_caught); });
  row("honest agents in quarantine", [](const ScenarioRun& run) { return std::to_string(run.honest_caught); });
  row("makespan (s)", [](const ScenarioRun& run) { return fmt::format("{:.0f}", run.makespan_seconds); });
  row("fairness among agents (Jain)", [](const ScenarioRun& run) { return fmt::format("{:.3f}", run.fairness_agents); });
  row("fairness among projects (Jain)", [](const ScenarioRun& run) { return fmt::format("{:.3f}", run.fairness_projects); });
  for (const auto& run : runs)
    if (!run.stuck.empty()) fmt::print("{} did not come to its end: {}\n", run.verifier, run.stuck);
}

}  // namespace

int simulate(const Common& common, const SimulateOptions& options) {
  const auto text = read_file(options.scenario, testing::max_scenario_bytes);
  if (!text) return complain(text.error(), common.json);
  auto scenario = testing::parse_scenario(as_text(*text));
  if (!scenario) return complain({scenario.error().kind, options.scenario + scenario.error().message}, common.json);
  if (options.seed) scenario->seed = *options.seed;

  // Needed at the end only, but found missing there it would cost the whole simulation.
  if (std::error_code error; !std::filesystem::is_directory(options.output, error))
    return complain(
        {ErrorKind::not_found, "--output: " + options.output + " is no folder; make it first, or name one that is there"},
        common.json);

  testing::ScenarioOptions run;
  if (::isatty(STDERR_FILENO))
    run.progress = [](const std::string& verifier, double part) {
      fmt::print(stderr, "\r{}: {:3.0f} %  ", verifier, part * 100);
    };
  const auto runs = run_scenario(*scenario, run);
  if (run.progress) fmt::print(stderr, "\r                    \r");

  const std::string path = options.output + "/" + scenario->name;
  for (const auto& [ending, content] : {std::pair(".csv", to_csv(runs)), std::pair(".svg", to_svg(*scenario, runs))})
    if (const auto saved = write_file(path + ending, as_bytes(content)); !saved) return complain(saved.error(), common.json);

  if (common.json) {
    auto json = figures(runs.front());
    json["verifier"] = runs.front().verifier;
    json["scenario"] = scenario->name;
    json["seed"] = scenario->seed;
    for (std::size_t i = 1; i < runs.size(); ++i) json[runs[i].verifier] = figures(runs[i]);
    json["csv"] = path + ".csv";
    json["svg"] = path + ".svg";
    print_json(json);
  } else {
    fmt::print("scenario {}, seed {}: {} jobs of {} shards\n\n", scenario->name, scenario->seed, scenario->jobs,
               scenario->shards_per_job);
    print_table(runs);
    fmt::print("\n{0}.csv and {0}.svg show how it went\n", path);
  }
  for (const auto& each : runs)
    if (!each.stuck.empty()) return exit_failed;
  return exit_ok;
}

}  // namespace forgepool_cli
