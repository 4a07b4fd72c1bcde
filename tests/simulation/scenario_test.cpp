// Observed error against the bound that verdicts state, with production scheduler and verifiers. Everything is seeded.
#include <forgepool/backends/adaptive_verifier.hpp>
#include <forgepool/testing/scenario.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <fstream>
#include <iterator>

using namespace forgepool;
using namespace forgepool::testing;
using Catch::Matchers::WithinRel;

namespace {

Scenario example(const std::string& name) {
  std::ifstream file(std::string(FORGEPOOL_SCENARIOS_DIR) + "/" + name + ".json");
  auto scenario = parse_scenario(std::string(std::istreambuf_iterator<char>(file), {}));
  if (!scenario) FAIL(name << ".json" << scenario.error().message);
  return std::move(*scenario);
}

std::string text(const ScenarioRun& run) {
  return run.verifier + ": " + std::to_string(run.wrong) + " of " + std::to_string(run.accepted) + " wrong, 95 % sure below " +
         std::to_string(run.observed_error_upper95) + "; bound " + std::to_string(run.bound) + "; work factor " +
         std::to_string(run.work_factor);
}

void expect_whole(const Scenario& scenario, const ScenarioRun& run) {
  INFO(text(run));
  CHECK(run.stuck.empty());
  CHECK(run.accepted + run.undecided == std::uint64_t{scenario.jobs} * scenario.shards_per_job);
  CHECK(run.points.size() > 1);
  CHECK(run.points.back().shards == run.accepted + run.undecided);
}

}  // namespace

TEST_CASE("with a fifth of independent cheaters the error stays below the bound, and the work near one execution") {
  auto scenario = example("independent-20");
  // The example at a hundredth of its size, and of its demands: the production figures come from the example itself.
  scenario.policy.max_error = 1e-4;
  scenario.shards_per_job = 5000;
  scenario.seed = 1;
  const auto runs = run_scenario(scenario);
  REQUIRE(runs.size() == 3);
  for (const auto& run : runs) expect_whole(scenario, run);
  WARN(text(runs[0]));
  CHECK(runs[0].bound <= scenario.policy.max_error);
  CHECK(runs[0].observed_error_upper95 <= runs[0].bound);
  CHECK(runs[0].work_factor <= 1.25);
  CHECK(runs[0].honest_caught == 0);
  CHECK(runs[0].cheaters_caught == runs[0].cheaters);
}

TEST_CASE("against cheaters that lie exactly as often as is best for them the bound holds, and is not far off") {
  // One that passed k checks gets the most lies accepted if it lies once in k + 1 answers; a bound of 0.01 takes k = 9.
  Scenario scenario;
  scenario.name = "worst";
  scenario.policy.verify = VerifyMode::adaptive;
  scenario.policy.max_error = 0.01;
  scenario.policy.spotcheck_ratio = 0.1;
  const auto checks = checks_needed(scenario.policy.adversary, scenario.policy.max_error);
  scenario.agents = {
      {.behaviour = AgentBehaviour::honest, .count = 16},
      {.behaviour = AgentBehaviour::random, .count = 4, .cheat_rate = 1.0 / static_cast<double>(checks + 1), .same_lie = true}};
  scenario.jobs = 1;
  scenario.shards_per_job = 400;
  scenario.shards_per_lease = 1;
  std::uint64_t accepted = 0, wrong = 0;
  double promised = 0;
  for (scenario.seed = 1; scenario.seed <= 200; ++scenario.seed) {
    const auto run = run_scenario(scenario, "adaptive", make_adaptive_verifier());
    expect_whole(scenario, run);
    accepted += run.accepted;
    wrong += run.wrong;
    promised += run.mean_bound * static_cast<double>(run.accepted);
  }
  const double upper = upper_confidence_limit(wrong, accepted);
  WARN(wrong << " of " << accepted << " wrong, 95 % sure below " << upper << "; promised "
             << promised / static_cast<double>(accepted) << " on average and " << scenario.policy.max_error << " at most");
  CHECK(wrong > 0);
  CHECK(upper <= promised / static_cast<double>(accepted));
}

TEST_CASE("who builds trust and then lies is found out, and gets through no more than is promised") {
  auto scenario = example("build-trust");
  scenario.shards_per_job = 10'000;
  const auto run = run_scenario(scenario, "adaptive", make_adaptive_verifier());
  expect_whole(scenario, run);
  CHECK(run.cheaters == 4);
  CHECK(run.cheaters_caught == 4);
  // Those of its leases under way when the first comparison fails are lost with it.
  CHECK(static_cast<double>(run.wrong) <=
        4 * (expected_lies(scenario.policy.spotcheck_ratio) + static_cast<double>(scenario.shards_per_lease)));
  CHECK(run.observed_error_upper95 <= scenario.policy.max_error);
}

TEST_CASE("colluding agents and Sybils win a vote of two, and not against a bound that was asked for with collusion in mind") {
  for (const char* name : {"sybil", "colluding-20"}) {
    auto scenario = example(name);
    scenario.shards_per_job = 2000;
    const auto runs = run_scenario(scenario);
    REQUIRE(runs.size() == 3);
    for (const auto& run : runs) {
      INFO(name << ", " << text(run));
      expect_whole(scenario, run);
    }
    INFO(name << ", " << text(runs[0]) << ", " << text(runs[1]));
    CHECK(runs[0].wrong == 0);
    CHECK(runs[0].observed_error_upper95 <= std::max(scenario.policy.max_error, 3.0 / 40'000));
    CHECK(runs[0].honest_caught == 0);
    CHECK(runs[1].wrong > 0);
  }
}

TEST_CASE(
    "who lies only with enough accomplices is never caught, wins no more than is promised, and puts no honest agent out") {
  auto scenario = example("colluding-careful");
  const auto run = run_scenario(scenario, "adaptive", make_adaptive_verifier());
  expect_whole(scenario, run);
  WARN(text(run));
  CHECK(run.cheaters == 8);
  CHECK(run.cheaters_caught == 0);
  CHECK(run.honest_caught == 0);
  CHECK(run.wrong > 0);
  CHECK(run.observed_error_upper95 <= run.mean_bound);
}

TEST_CASE("slow and lazy agents do not stop a pool, and projects share it") {
  const auto scenario = example("slow");
  const auto runs = run_scenario(scenario);
  for (const auto& run : runs) {
    expect_whole(scenario, run);
    CHECK(run.wrong == 0);
    CHECK(run.honest_caught == 0);
    CHECK(run.fairness_projects > 0.9);
  }
}

TEST_CASE("a scenario with its seed gives the same numbers again, with another seed others") {
  auto scenario = example("build-trust");
  scenario.shards_per_job = 1000;
  const auto once = run_scenario(scenario), again = run_scenario(scenario);
  CHECK(to_csv(once) == to_csv(again));
  ++scenario.seed;
  CHECK(to_csv(once) != to_csv(run_scenario(scenario)));
}

TEST_CASE("a pool in which too few agents are left says so") {
  Scenario scenario;
  scenario.name = "lonely";
  scenario.agents = {{.behaviour = AgentBehaviour::honest, .count = 1}};
  scenario.shards_per_job = 10;
  scenario.policy.verify = VerifyMode::full;
  const auto run = run_scenario(scenario, "full", make_adaptive_verifier());
  CHECK(run.accepted == 0);
  CHECK_FALSE(run.stuck.empty());
}

TEST_CASE("runs become a table with one line per point, and a picture with one line per run") {
  auto scenario = example("slow");
  scenario.jobs = 3;
  scenario.name = "a<b";
  const auto runs = run_scenario(scenario);
  const std::string csv = to_csv(runs), svg = to_svg(scenario, runs);
  std::size_t points = 0, lines = 0, curves = 0;
  for (const auto& run : runs) points += run.points.size();
  for (const char c : csv) lines += c == '\n';
  for (auto at = svg.find("<polyline"); at != std::string::npos; at = svg.find("<polyline", at + 1)) ++curves;
  CHECK(lines == points + 1);
  CHECK(curves == 3 * runs.size());
  CHECK(svg.find("a&lt;b") != std::string::npos);
  CHECK(svg.ends_with("</svg>\n"));
}

TEST_CASE("mistakes in a scenario are named by where they are") {
  const auto error = [](const std::string& json) { return parse_scenario(json).error().message; };
  const std::string head = R"({"format":"forgepool-scenario/1","name":"n","jobs":{"count":1,"shards":1},)";
  CHECK(error("{}").starts_with("/format"));
  CHECK(error(head + R"("agents":[{"behaviour":"evil","count":1}],"policy":{}})").starts_with("/agents/0/behaviour"));
  CHECK(error(head + R"("agents":[{"behaviour":"honest","count":0}],"policy":{}})").starts_with("/agents/0/count"));
  CHECK(
      error(head + R"("agents":[{"behaviour":"honest","count":1}],"policy":{"replicas":0}})").starts_with("/policy/replicas"));
  CHECK(error(head + R"("agents":[{"behaviour":"honest","count":1}],"policy":{},"more":1})").starts_with("/more"));
}

TEST_CASE("the upper confidence limit is that of Clopper and Pearson") {
  CHECK_THAT(upper_confidence_limit(0, 100), WithinRel(1 - std::pow(0.05, 0.01), 1e-6));
  CHECK_THAT(upper_confidence_limit(0, 3'000'000), WithinRel(1 - std::pow(0.05, 1 / 3e6), 1e-4));
  CHECK_THAT(upper_confidence_limit(5, 100), WithinRel(0.10225, 1e-3));
  CHECK_THAT(upper_confidence_limit(20'000, 100'000), WithinRel(0.20209, 1e-3));
  CHECK(upper_confidence_limit(3, 3) == 1);
}
