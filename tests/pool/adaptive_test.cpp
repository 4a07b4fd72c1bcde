// Adaptive verification and what follows from it, as a user meets it.
#include "process_pool.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <cmath>
#include <fstream>

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

/// With the digests of 64 steps per shard.
json orbits(int shards) {
  return {{"op", {{"name", "orbit"}, {"version", "1"}, {"profile", "logistic.v1"}}},
          {"args", {{"points", 10 * shards}, {"shard_points", 10}, {"steps", 64}}},
          {"policy", {{"verify", "full"}, {"replicas", 2}, {"min_agents", 3}, {"timeout_ms", 60000}}},
          {"artifacts", {{"include", {"result", "shard_outputs"}}}}};
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
  CHECK_THAT(pool.cli(appeal, 5).at("error").at("message").get<std::string>(), ContainsSubstring("was not caught in job"));
  CHECK_THAT(pool.cli({"explain", job}).dump(), ContainsSubstring("on appeal of agent " + outvoted));
  // Those who had agreed on the wrong result are out, and the job says that it is wrong.
  const auto status = pool.cli({"status", job});
  CHECK(status.at("overturned") == json::array({end.at("caught")[0].at("shard")}));
  CHECK(status.at("caught").size() == 2);
  CHECK_THAT(pool.cli_text({"jobs"}).output, ContainsSubstring("OVERTURNED: wrong at 1 of them"));
  const auto agents = pool.cli({"hub", "agents"});
  for (const auto& listed : agents.at("agents"))
    CHECK((listed.at("state") == "quarantined") == (listed.at("agent") != outvoted));
  pool.cli({"bundle", job, "--output", pool.path("after.json")});
  CHECK_THAT(pool.cli({"verify", pool.path("after.json"), "--root", root}, 1).at("reason").get<std::string>(),
             ContainsSubstring("the accepted result is wrong"));
}

TEST_CASE(
    "of an adapter with digests of steps, the step at which a liar went wrong is named by verdict, explain, verify and "
    "replay") {
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("a");
  pool.start_agent("b");
  pool.start_agent("liar", {"--fault", "wrong-step"});
  const auto end = pool.cli({"submit", pool.contract(orbits(40)), "--wait"});
  REQUIRE(end.at("state") == "done");
  REQUIRE(end.at("caught").size() == 1);
  CHECK_THAT(end.at("caught")[0].at("reason").get<std::string>(), ContainsSubstring("they differ from step 32 on"));
  const std::string job = end.at("job"), bundle = pool.path("bundle.json"), root = pool.path("hub/identity/root.json");
  const std::string liar = end.at("caught")[0].at("agent");
  CHECK_THAT(pool.cli({"explain", job}).dump(), ContainsSubstring("they differ from step 32 on"));
  pool.cli({"bundle", job, "--output", bundle});
  const auto report = pool.cli({"verify", bundle, "--root", root, "--details"});
  CHECK(report.at("verified") == true);
  CHECK_THAT(pool.cli_text({"verify", bundle, "--root", root, "--details"}).output,
             ContainsSubstring(liar + " differs from step 32 on"));
  const std::string shard = std::to_string(end.at("caught")[0].at("shard").get<int>());
  const auto replayed = pool.cli({"replay", bundle, "--shard", shard, "--allow-sandbox-level", sandbox_level()});
  CHECK(replayed.at("identical") == true);
  CHECK(replayed.at("shards")[0].at("diverges_at_step") == nullptr);
  REQUIRE(replayed.at("shards")[0].at("lost").size() == 1);
  CHECK(replayed.at("shards")[0].at("lost")[0].at("agent") == liar);
  CHECK(replayed.at("shards")[0].at("lost")[0].at("diverges_at_step") == 32);
  CHECK(replayed.at("shards")[0].at("lost")[0].at("is_what_came_here") == false);
}

TEST_CASE(
    "where liars outvoted an honest agent, a replay's steps say that it was they who went another way, and from where on") {
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("honest");
  pool.start_agent("liar-1", {"--fault", "wrong-step"});
  pool.start_agent("liar-2", {"--fault", "wrong-step"});
  const auto end = pool.cli({"submit", pool.contract(orbits(40)), "--wait"});
  REQUIRE(end.at("state") == "done");
  REQUIRE(end.at("caught").size() == 1);
  const std::string bundle = pool.path("bundle.json");
  pool.cli({"bundle", end.at("job"), "--output", bundle});
  const std::string shard = std::to_string(end.at("caught")[0].at("shard").get<int>());
  const auto replayed =
      pool.cli({"replay", bundle, "--shard", shard, "--allow-sandbox-level", sandbox_level()}, 1).at("shards")[0];
  CHECK(replayed.at("agrees") == false);
  CHECK(replayed.at("diverges_at_step") == 32);
  REQUIRE(replayed.at("lost").size() == 1);
  CHECK(replayed.at("lost")[0].at("agent") == end.at("caught")[0].at("agent"));
  CHECK(replayed.at("lost")[0].at("result") == replayed.at("replayed"));
  CHECK(replayed.at("lost")[0].at("is_what_came_here") == true);
}

TEST_CASE("samples that every machine draws for itself agree by their distribution, and those of another are outvoted") {
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("a");
  pool.start_agent("b");
  const json contract{{"op", {{"name", "walk"}, {"version", "1"}, {"profile", "ends.v1"}}},
                      {"args", {{"walks", 40000}, {"shard_walks", 2000}}},
                      {"policy", {{"verify", "full"}, {"replicas", 2}, {"min_agents", 2}, {"timeout_ms", 60000}}},
                      {"artifacts", {{"include", {"result"}}}}};
  const auto end = pool.cli({"submit", pool.contract(contract), "--wait"});
  REQUIRE(end.at("state") == "done");
  CHECK(end.at("caught").empty());
  CHECK(end.at("executions") == 40);
  const std::string bundle = pool.path("bundle.json"), root = pool.path("hub/identity/root.json");
  pool.cli({"bundle", end.at("job"), "--output", bundle});
  CHECK(pool.cli({"verify", bundle, "--root", root}).at("verified") == true);
  CHECK(json::parse(std::ifstream(bundle)).at("compared").size() == 40);  // No two outputs were equal.
  const auto replayed = pool.cli({"replay", bundle, "--allow-sandbox-level", sandbox_level()});
  CHECK(replayed.at("agrees") == true);
  CHECK(replayed.at("identical") == false);
  CHECK(replayed.at("shards").size() == 20);

  pool.start_agent("liar", {"--fault", "other-arguments"});
  json other = contract;
  other["policy"]["min_agents"] = 3;
  const auto again = pool.cli({"submit", pool.contract(other), "--wait"});
  REQUIRE(again.at("state") == "done");
  REQUIRE(again.at("caught").size() == 1);
  pool.cli({"bundle", again.at("job"), "--output", bundle});
  CHECK(pool.cli({"verify", bundle, "--root", root}).at("verified") == true);
  const auto agents = pool.cli({"hub", "agents"});
  const auto result = pool.cli({"result", again.at("job")});
  CHECK(std::abs(result.at("mean").get<double>() - 50) < 0.25);  // Ten standard errors. The liar's walks end at 56.5.
}

TEST_CASE("what machines round differently agrees within the adapter's tolerance, and what lies beyond it is caught") {
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("a");
  pool.start_agent("b", {"--fault", "rounds-differently"});
  json numbers = json::array();
  for (int i = 1; i <= 64; ++i) numbers.push_back(i);
  const json contract{{"op", {{"name", "table"}, {"version", "1"}, {"profile", "trigamma.v1"}}},
                      {"args", {{"at", numbers}, {"per_shard", 4}, {"terms", 1000}}},
                      {"policy", {{"verify", "full"}, {"replicas", 2}, {"min_agents", 2}, {"timeout_ms", 60000}}},
                      {"artifacts", {{"include", {"result"}}}}};
  const auto end = pool.cli({"submit", pool.contract(contract), "--wait"});
  REQUIRE(end.at("state") == "done");
  CHECK(end.at("caught").empty());
  CHECK(end.at("executions") == 32);
  const std::string bundle = pool.path("bundle.json"), root = pool.path("hub/identity/root.json");
  pool.cli({"bundle", end.at("job"), "--output", bundle});
  CHECK(pool.cli({"verify", bundle, "--root", root}).at("verified") == true);

  pool.start_agent("lazy", {"--fault", "lazy-result"});
  json other = contract;
  other["policy"]["min_agents"] = 3;
  other["args"]["terms"] = 1001;
  const auto again = pool.cli({"submit", pool.contract(other), "--wait"});
  REQUIRE(again.at("state") == "done");
  CHECK(again.at("caught").size() == 1);
  pool.cli({"bundle", again.at("job"), "--output", bundle});
  CHECK(pool.cli({"verify", bundle, "--root", root}).at("verified") == true);
}
