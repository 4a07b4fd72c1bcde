#pragma once
/// Scenarios: how often are wrong results accepted, what does it cost, and how soon are cheaters found? The production
/// scheduler and verifiers, with a population of agents that lie as told, in virtual time, for millions of shards: no network,
/// no signatures, no hub. (With all of these: pool_simulation.hpp.) A scenario with its seed gives the same numbers again.
///
/// Agents come and go only by being caught: an agent asks for a lease, answers after its time, and asks again.
#include <forgepool/contract.hpp>
#include <forgepool/scheduler.hpp>
#include <forgepool/testing/population.hpp>
#include <forgepool/verifier.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace forgepool::testing {

inline constexpr std::size_t max_scenario_bytes = 1u << 20;

/// As read from JSON; examples/scenarios/README.md says how it is written.
struct Scenario {
  std::string name;
  std::uint64_t seed = 1;
  std::vector<AgentGroup> agents;
  std::uint32_t jobs = 1;
  std::uint32_t shards_per_job = 10'000;
  std::uint32_t jobs_at_once = 2;
  std::uint32_t projects = 1;  ///< Jobs belong to them in turn.
  ContractPolicy policy;
  double execution_seconds = 10;  ///< Mean, uniform from half to one and a half of it.
  std::uint32_t shards_per_lease = 16;
  double steady_after = 0.5;               ///< Part of the shards after which `ScenarioRun::work_factor` is measured.
  std::uint32_t majority_agreeing = 2;     ///< m of the majority vote to compare with; 0: no comparison.
  std::uint64_t boinc_trusted_after = 10;  ///< Of BOINC's adaptive replication to compare with; 0: no comparison.
};

/// invalid_input, with the JSON pointer, for anything that is no scenario.
FORGEPOOL_API Result<Scenario> parse_scenario(std::string_view json);

/// How things stood when so many shards were decided.
struct ScenarioPoint {
  std::uint64_t shards = 0;
  double seconds = 0;          ///< Virtual.
  double error_rate = 0;       ///< Of the results accepted since the point before.
  double redundancy = 0;       ///< Executions per shard since the point before.
  std::uint32_t cheaters = 0;  ///< That are not caught yet.
};

/// What one verifier made of a scenario.
struct ScenarioRun {
  std::string verifier;
  std::uint64_t accepted = 0;
  std::uint64_t wrong = 0;            ///< Of those accepted.
  std::uint64_t undecided = 0;        ///< Given up.
  std::uint64_t executions = 0;       ///< Of shards, all replicas and checks included.
  double work_factor = 0;             ///< Executions per accepted shard in the steady state (Scenario::steady_after),
  double work_factor_total = 0;       ///< and from the beginning.
  double bound = 0;                   ///< The highest error bound that a verdict stated,
  double mean_bound = 0;              ///< and their mean: what the error rate is promised to be below.
  double observed_error = 0;          ///< wrong / accepted,
  double observed_error_upper95 = 0;  ///< and its one-sided upper 95 % confidence limit (Clopper and Pearson).
  double makespan_seconds = 0;        ///< Virtual.
  std::uint32_t cheaters = 0;         ///< Agents that lied at least once,
  std::uint32_t cheaters_caught = 0;
  std::uint32_t honest_caught = 0;
  double detection_seconds = 0;  ///< From the first lie to the quarantine, mean over those caught,
  double detection_seconds_max = 0;
  double lies_until_caught = 0;       ///< Mean over those caught.
  double fairness_agents = 1;         ///< Jain's index of the work of honest agents of equal speed; 1: all did as much.
  double fairness_projects = 1;       ///< Jain's index of the projects' shards per second.
  std::string stuck;                  ///< Why it did not go on to the end; empty: it did.
  std::vector<ScenarioPoint> points;  ///< At most 200, evenly spread.
};

struct ScenarioOptions {
  std::function<std::unique_ptr<Scheduler>()> scheduler{};  ///< Null: the production default.
  /// Called now and then with the verifier's name and how far it is, 0 to 1. May be null.
  std::function<void(const std::string&, double)> progress{};
};

/// With this verifier.
FORGEPOOL_API ScenarioRun run_scenario(const Scenario& scenario, const std::string& name, std::unique_ptr<Verifier> verifier,
                                       const ScenarioOptions& options = {});
/// With the production verifier ("adaptive"), then with those to compare with ("majority", "boinc").
FORGEPOOL_API std::vector<ScenarioRun> run_scenario(const Scenario& scenario, const ScenarioOptions& options = {});

/// One line per point of every run, with a header.
FORGEPOOL_API std::string to_csv(const std::vector<ScenarioRun>& runs);
/// Redundancy and error rate over shards, one line per run.
FORGEPOOL_API std::string to_svg(const Scenario& scenario, const std::vector<ScenarioRun>& runs);

/// One-sided upper 95 % confidence limit of a probability, of which `hits` of `trials` were observed.
FORGEPOOL_API double upper_confidence_limit(std::uint64_t hits, std::uint64_t trials);

}  // namespace forgepool::testing
