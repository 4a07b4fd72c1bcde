#include "run_program.hpp"

#include "wire/json.hpp"

#include <cmath>

using namespace forgepool;
using namespace forgepool::test;

namespace {

Contract walks(const std::string& args) {
  return contract_of(R"({"op":{"name":"walk","version":"1","profile":"ends.v1"},"args":{"walks":10000)" + args +
                     R"(},"policy":{"verify":"full"}})");
}

std::string run_once(const AdapterPackage& package, const Contract& job) {
  const auto plan = package.plan(job);
  INFO((plan ? "" : plan.error().message));
  REQUIRE(plan.has_value());
  return run_shard(package, plan->shards.front());
}

}  // namespace

TEST_CASE("no two runs of a walk's shard give the same output, and all agree but those of other walks") {
  const auto package = built_package("walk-1.fpa");
  const Contract job = walks("");
  CHECK_FALSE(package->compares_exactly(job));
  const std::string one = run_once(*package, job), other = run_once(*package, job);
  CHECK(one != other);
  CHECK(package->agree(job, as_bytes(one), as_bytes(other)));
  for (const char* args : {R"(,"length":110)", R"(,"right":520)"}) {
    const std::string wrong = run_once(*package, walks(args));
    CHECK(package->check_output(job, as_bytes(wrong)));
    CHECK_FALSE(package->agree(job, as_bytes(one), as_bytes(wrong)));
  }
}

TEST_CASE("walks end where the binomial distribution says") {
  const auto package = built_package("walk-1.fpa");
  for (const auto& [right, args] : {std::pair{0.5, ""}, {0.2, R"(,"right":200)"}}) {
    const Contract job = walks(args);
    const std::vector<std::string> outputs{run_once(*package, job)};
    const auto result = json::parse_canonical(reduce_all(*package, job, outputs), 16 << 20);
    REQUIRE(result.has_value());
    const auto value = [&](const char* name) { return result->as_object()->find(name)->as_number(); };
    CHECK(std::abs(value("mean") - 100 * right) < 6 * value("standard_error"));
    CHECK(std::abs(value("standard_deviation") / std::sqrt(100 * right * (1 - right)) - 1) < 0.05);
  }
  const Contract job = walks(R"(,"right":1000)");
  CHECK(run_once(*package, job).find(R"("max":100,"min":100)") != std::string::npos);
}
