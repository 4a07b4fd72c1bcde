// A hub that is killed at any moment goes on where it was.
#include "process_pool.hpp"

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <random>
#include <thread>

using namespace forgepool_test;
using nlohmann::json;

TEST_CASE("a hub killed at 20 random moments completes the job, loses nothing it acknowledged and counts nothing twice") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);

  ProcessPool pool;
  pool.start_hub();
  for (int i = 0; i < 3; ++i) pool.start_agent("agent-" + std::to_string(i));
  const json contract{{"op", {{"name", "mc"}, {"version", "1"}, {"profile", "insurance.v1"}}},
                      {"args",
                       {{"iterations", 6000000},
                        {"shard_iterations", 20000},
                        {"claim_freq", 2},
                        {"claim_severity_mu", 8},
                        {"claim_severity_sig", 1}}},
                      {"seed", {{"mode", "derived"}}},
                      {"policy", {{"verify", "full"}, {"replicas", 2}, {"timeout_ms", 300000}}},
                      {"artifacts", {{"persist", true}, {"include", {"result", "shard_outputs"}}}}};
  const std::string job = pool.cli({"submit", pool.contract(contract)}).at("job");
  const auto accepted_so_far = [&] { return pool.cli({"status", job}).at("accepted").get<std::uint32_t>(); };

  std::uint32_t acknowledged = 0;
  int kills = 0;
  for (; kills < 20; ++kills) {
    // The moment is what is random here; nothing depends on how long it is.
    std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<>(0, 300)(random)));
    const auto before = accepted_so_far();
    CHECK(before >= acknowledged);
    acknowledged = before;
    pool.kill_hub();
    pool.start_hub();
    const auto after = accepted_so_far();
    CHECK(after >= acknowledged);  // What was shown to a client is durable.
    acknowledged = after;
  }
  const auto end = pool.cli({"wait", job});
  CHECK(end.at("state") == "done");
  CHECK(end.at("accepted") == 300);
  CHECK(end.at("caught").empty());

  // The evidence agrees: every shard exactly once, and the outputs in it add up to the result.
  pool.cli({"bundle", job, "--output", pool.path("bundle.json")});
  const auto verified = pool.cli({"verify", pool.path("bundle.json"), "--root", pool.path("hub/identity/root.json")});
  CHECK(verified.at("verified") == true);
  CHECK(verified.at("shards") == 300);
  CHECK(json::parse(pool.cli_text({"result", job}).output).at("count") == 6000000);
}
