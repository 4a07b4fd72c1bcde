// Agents need no privileges.
#include "process_pool.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>

#include <unistd.h>

using namespace forgepool_test;
using nlohmann::json;

TEST_CASE("agents that run as unprivileged users complete the job, and their receipts say how they were isolated") {
  const bool root = ::getuid() == 0;
  ProcessPool pool;
  pool.start_hub();
  // As root we play two unprivileged users; else we are one already.
  for (int i = 0; i < 2; ++i)
    pool.start_agent("agent-" + std::to_string(i), {}, root ? std::optional<uid_t>(61000 + i) : std::nullopt);
  const json contract{
      {"op", {{"name", "mc"}, {"version", "1"}, {"profile", "eta.v1"}}},
      {"args", {{"iterations", 40000}, {"shard_iterations", 5000}, {"base_ms", 600000}, {"traffic_sd_ms", 60000}}},
      {"policy", {{"verify", "full"}, {"replicas", 2}, {"timeout_ms", 60000}}}};
  const auto end = pool.cli({"submit", pool.contract(contract), "--wait"});
  CHECK(end.at("state") == "done");
  const std::string job = end.at("job");
  pool.cli({"bundle", job, "--output", pool.path("bundle.json")});
  const auto verified = pool.cli({"verify", pool.path("bundle.json"), "--root", pool.path("hub/identity/root.json")});
  bool level_stated = false;
  for (const auto& check : verified.at("checks"))
    level_stated =
        level_stated || check.at("detail").get<std::string>().find("sandbox level namespaces") != std::string::npos || !root;
  CHECK(level_stated);
}
