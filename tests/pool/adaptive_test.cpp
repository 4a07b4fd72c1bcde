// Adaptive verification and what follows from it, as a user meets it.
#include "process_pool.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace forgepool_test;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

json job_with(const json& policy, int shards) {
  return {{"op", {{"name", "mc"}, {"version", "1"}, {"profile", "insurance.v1"}}},
          {"args",
           {{"iterations", 500 * shards},
            {"shard_iterations", 500},
            {"claim_freq", 2},
            {"claim_severity_mu", 8},
            {"claim_severity_sig", 1}}},
          {"policy", policy},
          {"artifacts", {{"include", {"result"}}}}};
}

}  // namespace

TEST_CASE(
    "an adaptive job states the bound it reached, agents that proved themselves make the next one cheaper, also after a "
    "crash") {
  ProcessPool pool;
  pool.start_hub();
  for (const char* name : {"a", "b", "c", "d"}) pool.start_agent(name);
  const json policy{{"verify", "adaptive"}, {"max_error", 0.02}, {"min_agents", 4}, {"timeout_ms", 60000}};
  const auto first = pool.cli({"submit", pool.contract(job_with(policy, 80)), "--wait"});
  REQUIRE(first.at("state") == "done");
  CHECK(first.at("error_bound").get<double>() <= 0.02);
  CHECK(first.at("work_factor").get<double>() > 1.1);
  const std::string job = first.at("job"), bundle = pool.path("bundle.json");
  pool.cli({"bundle", job, "--output", bundle});
  const auto report = pool.cli({"verify", bundle, "--root", pool.path("hub/identity/root.json")});
  CHECK(report.at("error_bound") == first.at("error_bound"));

  const auto checks = [&] {
    std::uint64_t sum = 0;
    const auto listed = pool.cli({"hub", "agents"});
    for (const auto& agent : listed.at("agents")) sum += agent.at("checks").get<std::uint64_t>();
    return sum;
  };
  const auto earned = checks();
  CHECK(earned > 0);
  pool.kill_hub();
  pool.start_hub();
  CHECK(checks() == earned);
  const auto second = pool.cli({"submit", pool.contract(job_with(policy, 81)), "--wait"});
  REQUIRE(second.at("state") == "done");
  CHECK(second.at("work_factor").get<double>() < first.at("work_factor").get<double>());
}

TEST_CASE("an honest agent that liars outvoted is let in again when a replay proves it right; a liar is not") {
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("honest");
  pool.start_agent("liar-1", {"--fault", "corrupt-result"});
  pool.start_agent("liar-2", {"--fault", "corrupt-result"});
  const json policy{{"verify", "full"}, {"replicas", 2}, {"min_agents", 3}, {"timeout_ms", 60000}};
  const auto end = pool.cli({"submit", pool.contract(job_with(policy, 40)), "--wait"});
  REQUIRE(end.at("state") == "done");
  REQUIRE(end.at("caught").size() == 1);
  const std::string job = end.at("job"), outvoted = end.at("caught")[0].at("agent");
  const auto bundle = pool.path("bundle.json"), root = pool.path("hub/identity/root.json");
  pool.cli({"bundle", job, "--output", bundle});
  CHECK(pool.cli({"verify", bundle, "--root", root}).at("verified") ==
        true);  // Two agreed: that is all the contract asked for.

  const std::vector<std::string> appeal{"hub", "appeal", outvoted, job, bundle, "--allow-sandbox-level", sandbox_level()};
  const auto agent = pool.cli(appeal);
  CHECK(agent.at("on_probation") == true);
  CHECK(agent.at("state") != "quarantined");
  CHECK_THAT(pool.cli(appeal, 2).at("error").at("message").get<std::string>(), ContainsSubstring("is not in quarantine"));
  CHECK_THAT(pool.cli({"explain", job}).dump(), ContainsSubstring("on appeal of agent " + outvoted));
  pool.cli({"bundle", job, "--output", pool.path("after.json")});
  CHECK_THAT(pool.cli({"verify", pool.path("after.json"), "--root", root}, 1).at("reason").get<std::string>(),
             ContainsSubstring("the accepted result is wrong"));
}
