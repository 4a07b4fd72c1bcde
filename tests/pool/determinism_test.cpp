// The result depends on the contract and on nothing else.
#include "process_pool.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cmath>

using namespace forgepool_test;
using nlohmann::json;

namespace {

json simulation(const std::string& verify, std::uint64_t iterations = 60000) {
  return {{"op", {{"name", "mc"}, {"version", "1"}, {"profile", "insurance.v1"}}},
          {"args",
           {{"iterations", iterations},
            {"shard_iterations", iterations / 30},
            {"claim_freq", 2.5},
            {"claim_severity_mu", 8},
            {"claim_severity_sig", 1}}},
          {"seed", {{"mode", "explicit"}, {"value", 42}}},
          {"policy", {{"verify", verify}, {"replicas", 2}, {"timeout_ms", 120000}}}};
}

std::string result_of(ProcessPool& pool, const json& contract) {
  const auto end = pool.cli({"submit", pool.contract(contract), "--wait"});
  REQUIRE(end.at("state") == "done");
  return end.at("result");
}

std::string result_with_agents(int agents, const json& contract) {
  ProcessPool pool;
  pool.start_hub();
  for (int i = 0; i < agents; ++i) pool.start_agent("agent-" + std::to_string(i));
  return result_of(pool, contract);
}

std::string result_with_a_death(int agents, const json& contract) {
  ProcessPool pool;
  pool.start_hub();
  for (int i = 0; i < agents; ++i) pool.start_agent("agent-" + std::to_string(i));
  const std::string job = pool.cli({"submit", pool.contract(contract)}).at("job");
  pool.wait_for_shards(job, 10);
  pool.kill_agent("agent-0");
  const auto end = pool.cli({"wait", job});
  REQUIRE(end.at("state") == "done");
  return end.at("result");
}

}  // namespace

TEST_CASE("the result is the same with 1, 2 and 5 agents and with one killed half way") {
  const auto unverified = simulation("none");
  const auto reference = result_with_agents(1, unverified);
  CHECK(result_with_agents(2, unverified) == reference);
  CHECK(result_with_agents(5, unverified) == reference);
  CHECK(result_with_a_death(2, unverified) == reference);

  const auto verified = simulation("full");
  const auto verified_reference = result_with_agents(2, verified);
  CHECK(result_with_agents(5, verified) == verified_reference);
  CHECK(result_with_a_death(3, verified) == verified_reference);
}

TEST_CASE("the mean of an insurance simulation agrees with the analytic one within 4 standard errors") {
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("agent-0");
  pool.start_agent("agent-1");
  struct Parameters {
    double frequency, mu, sigma;
  };
  for (const auto& [frequency, mu, sigma] : {Parameters{2.5, 8.5, 1.1}, Parameters{0.3, 6, 0.5}, Parameters{40, 3, 0.8}}) {
    auto contract = simulation("full", 300000);
    contract["args"]["claim_freq"] = frequency;
    contract["args"]["claim_severity_mu"] = mu;
    contract["args"]["claim_severity_sig"] = sigma;
    const std::string job = pool.cli({"submit", pool.contract(contract), "--wait"}).at("job");
    const auto result = json::parse(pool.cli_text({"result", job}).output);
    const double expected = frequency * std::exp(mu + sigma * sigma / 2);
    const double mean = result.at("mean").get<double>() / 100, error = result.at("standard_error").get<double>() / 100;
    INFO("frequency " << frequency << " mu " << mu << " sigma " << sigma << ": mean " << mean << " ± " << error << ", analytic "
                      << expected);
    CHECK(error > 0);
    CHECK(std::abs(mean - expected) < 4 * error);
  }
}

TEST_CASE("every way of verifying gives an accepted result, and a cheat is caught wherever it is looked for") {
  ProcessPool pool;
  pool.start_hub();
  for (int i = 0; i < 3; ++i) pool.start_agent("honest-" + std::to_string(i));
  pool.start_agent("cheat", {"--fault", "corrupt-result"});
  const auto end = pool.cli({"submit", pool.contract(simulation("quorum")), "--wait"});
  CHECK(end.at("state") == "done");
  const auto spotchecked = pool.cli({"submit", pool.contract(simulation("spotcheck")), "--wait"});
  CHECK(spotchecked.at("state") == "done");
}
