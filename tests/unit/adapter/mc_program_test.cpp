#include "run_program.hpp"

#include "wire/json.hpp"

#include <cmath>

using namespace forgepool;
using namespace forgepool::test;

namespace {

json::Object simulate(const std::string& profile, const std::string& args,
                      const std::string& seed = R"({"mode":"explicit","value":1})") {
  const auto package = built_package("mc-1.fpa");
  const Contract job = contract_of(R"({"op":{"name":"mc","version":"1","profile":")" + profile + R"("},"args":)" + args +
                                   R"(,"seed":)" + seed + "}");
  const auto plan = package->plan(job);
  INFO((plan ? "" : plan.error().message));
  REQUIRE(plan.has_value());
  const auto result = json::parse_canonical(reduce_all(*package, job, run_all(*package, *plan)), 16 << 20);
  REQUIRE(result.has_value());
  return *result->as_object();
}

double number(const json::Object& object, std::string_view key) {
  return object.find(key)->as_number();
}

double percentile(const json::Object& result, std::string_view key) {
  return number(*result.find("percentiles")->as_object(), key);
}

/// How many standard errors the mean is away from what it should be.
double deviations(const json::Object& result, double mean) {
  return std::abs(number(result, "mean") - mean) / number(result, "standard_error");
}

std::string insurance_args(double frequency, double mu, double sigma, const std::string& more = "") {
  return R"({"iterations":400000,"shard_iterations":100000,"claim_freq":)" + json::number_to_string(frequency) +
         R"(,"claim_severity_mu":)" + json::number_to_string(mu) + R"(,"claim_severity_sig":)" + json::number_to_string(sigma) +
         more + "}";
}

}  // namespace

TEST_CASE("an insurer's mean yearly loss is that of the formula") {
  for (const auto& [frequency, mu, sigma] : {std::tuple{2.5, 8.0, 0.5}, {0.1, 6.0, 1.0}, {40.0, 3.0, 0.25}}) {
    INFO("claim_freq " << frequency << " mu " << mu << " sigma " << sigma);
    const auto result = simulate("insurance.v1", insurance_args(frequency, mu, sigma));
    CHECK(number(result, "count") == 400'000);
    CHECK(deviations(result, 100 * frequency * std::exp(mu + sigma * sigma / 2)) < 4);
    // And the variance: λ E[X²].
    const double variance = 1e4 * frequency * std::exp(2 * mu + 2 * sigma * sigma);
    CHECK(std::abs(number(result, "standard_deviation") / std::sqrt(variance) - 1) < 0.03);
  }
}

TEST_CASE("catastrophes add their share, and limits cut") {
  const auto with_catastrophe =
      simulate("insurance.v1", insurance_args(1, 5, 0.5, R"(,"cat_prob":0.02,"cat_mu":10,"cat_sig":0.3)"));
  CHECK(deviations(with_catastrophe, 100 * (std::exp(5 + 0.125) + 0.02 * std::exp(10 + 0.045))) < 4);

  // Claims of exactly e^5 ≈ 148.41, each cut to 100: the loss is 100 times the number of claims.
  const auto limited = simulate("insurance.v1", insurance_args(3, 5, 0, R"(,"policy_limit":100,"aggregate_limit":350)"));
  CHECK(number(limited, "max") == 35'000);
  CHECK(percentile(limited, "p99") == 35'000);
  double mean = 0, probability = std::exp(-3.0), rest = 1;
  for (int k = 0; k < 4; ++k) {
    mean += probability * 10'000 * k;
    rest -= probability;
    probability *= 3.0 / (k + 1);
  }
  CHECK(deviations(limited, mean + rest * 35'000) < 4);
}

TEST_CASE("percentiles of a known distribution come out where they belong") {
  // Exactly one lognormal loss a year, as a catastrophe that is certain: percentiles are exp(mu + sigma z).
  const auto result = simulate("insurance.v1", insurance_args(0, 0, 0, R"(,"cat_prob":1,"cat_mu":8,"cat_sig":0.5)"));
  for (const auto& [key, z] :
       {std::pair{"p50", 0.0}, {"p90", 1.2815515655446004}, {"p95", 1.6448536269514722}, {"p99", 2.3263478740408408}}) {
    INFO(key);
    CHECK(std::abs(percentile(result, key) / (100 * std::exp(8 + 0.5 * z)) - 1) < 0.02);
  }
}

TEST_CASE("travel times are base, traffic, weather and incidents together") {
  const auto result = simulate(
      "eta.v1",
      R"({"iterations":200000,"shard_iterations":60000,"base_ms":1800000,"traffic_mean_ms":300000,"traffic_sd_ms":100000,)"
      R"("weather_prob":0.2,"weather_delay_ms":400000,"incident_prob":0.05,"incident_delay_ms":1000000})");
  CHECK(*result.find("unit")->as_string() == "ms");
  CHECK(deviations(result, 1'800'000 + 300'000 + 0.2 * 400'000 + 0.05 * 1'000'000) < 4);
  const double variance = 1e10 + 0.2 * 0.8 * 1.6e11 + 0.05 * 0.95 * 1e12;
  CHECK(std::abs(number(result, "standard_deviation") / std::sqrt(variance) - 1) < 0.02);
  // Never below nothing.
  CHECK(number(simulate("eta.v1", R"({"iterations":1000,"base_ms":0,"traffic_sd_ms":5})"), "min") == 0);
}

TEST_CASE("equal parameters give equal bytes, other shards and seeds other ones") {
  const auto package = built_package("mc-1.fpa");
  const std::string op = R"({"op":{"name":"mc","version":"1","profile":"insurance.v1"},"args":)" + insurance_args(2, 5, 1);
  const auto plan = package->plan(contract_of(op + R"(,"seed":{"mode":"explicit","value":1}})"));
  const auto other = package->plan(contract_of(op + R"(,"seed":{"mode":"explicit","value":2}})"));
  REQUIRE(plan.has_value());
  REQUIRE(other.has_value());
  const std::string output = run_shard(*package, plan->shards[0]);
  CHECK(run_shard(*package, plan->shards[0]) == output);
  CHECK(run_shard(*package, plan->shards[1]) != output);
  CHECK(run_shard(*package, other->shards[0]) != output);
}

TEST_CASE("an iteration's numbers depend on seed and index, not on where the shard begins") {
  const auto package = built_package("mc-1.fpa");
  const auto params = [](int begin, int end) {
    return R"({"args":{"cat_mu":0,"cat_prob":0.5,"cat_sig":1,"claim_freq":2,"claim_severity_mu":5,"claim_severity_sig":1},"profile":"insurance.v1","range":{"begin":)" +
           std::to_string(begin) + R"(,"end":)" + std::to_string(end) + R"(},"seed":")" + std::string(64, '5') + "\"}";
  };
  const auto sum = [&](int begin, int end) {
    ShardSpec shard;
    shard.params = params(begin, end);
    const auto output = json::parse_canonical(run_shard(*package, shard), 1 << 20);
    REQUIRE(output.has_value());
    return std::stoull(*output->as_object()->find("sum")->as_string());
  };
  CHECK(sum(0, 1000) == sum(0, 1) + sum(1, 700) + sum(700, 1000));
}

TEST_CASE("the result of the example job is the same on every machine") {
  // Nothing in mc@1 may depend on processor, library or build: these digests were computed once and hold for good.
  const auto package = built_package("mc-1.fpa");
  ShardSpec shard;
  shard.params =
      R"({"args":{"aggregate_limit":1000000,"cat_mu":11,"cat_prob":0.01,"cat_sig":0.7,"claim_freq":3.5,"claim_severity_mu":7.5,"claim_severity_sig":1.2,)"
      R"("policy_limit":50000},"profile":"insurance.v1","range":{"begin":1000000,"end":1050000},"seed":")" +
      std::string(64, 'a') + "\"}";
  CHECK(sha256(run_shard(*package, shard)).hex() == "4523f0455fd8e1ff9cfda05280a71c7222c960dc8fe70918711c6e10e0af4fd2");
  shard.params =
      R"({"args":{"base_ms":1800000,"incident_delay_ms":900000,"incident_prob":0.03,"traffic_mean_ms":240000,"traffic_sd_ms":120000,)"
      R"("weather_delay_ms":300000,"weather_prob":0.25},"profile":"eta.v1","range":{"begin":0,"end":50000},"seed":")" +
      std::string(64, 'b') + "\"}";
  CHECK(sha256(run_shard(*package, shard)).hex() == "0c348875128ab943884b9e8d6647606466c978cec0d92abb3e83964a27e560d1");
}

TEST_CASE("parameters that do not fit end the program with status 2") {
  const auto package = built_package("mc-1.fpa");
  ShardSpec shard;
  for (const char* params : {"", "{", "{}", "[]", R"({"profile":"other"})", R"({"profile":"insurance.v1"})",
                             R"({"profile":"insurance.v1","args":{"claim_freq":"x"}})", R"({"profile":"\ud800"})",
                             R"({"a":[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]})", R"({"profile)"}) {
    INFO(params);
    shard.params = params;
    CHECK(run_shard(*package, shard) == "exited with code 2");
  }
}

TEST_CASE("a noop shard counts one") {
  const auto package = built_package("noop-1.fpa");
  CHECK(package->bytes().size() < 20'000);
  const Contract job = contract_of(R"({"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":3}})");
  const auto plan = package->plan(job);
  REQUIRE(plan.has_value());
  CHECK(reduce_all(*package, job, run_all(*package, *plan)) == R"({"count":3,"reduce":"count"})");
}
