// What an auditor can hold against a hub with the command line alone.
#include "process_pool.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <filesystem>
#include <fstream>

using namespace forgepool_test;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

json contract(const json& artifacts) {
  return {{"op", {{"name", "noop"}, {"version", "1"}, {"profile", "noop.v1"}}},
          {"args", {{"shards", 4}}},
          {"policy", {{"verify", "none"}, {"timeout_ms", 120000}}},
          {"artifacts", artifacts}};
}

json read_json(const std::string& path) {
  std::ifstream file(path);
  return json::parse(file);
}

}  // namespace

TEST_CASE("submitting pins the program that the hub shows, and verifying says what was not pinned or checked") {
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("agent");
  const std::string root = pool.path("hub/identity/root.json"), bundle = pool.path("bundle.json"),
                    package = packages + "/noop-1.fpa";
  const auto fetch = [&](const json& asked) {
    const std::string job = pool.cli({"submit", pool.contract(asked), "--wait"}).at("job");
    std::filesystem::remove(bundle);
    pool.cli({"bundle", job, "--output", bundle});
  };
  fetch(contract({{"persist", true}}));
  const auto pinned = pool.cli({"verify", bundle, "--root", root});
  CHECK(pinned.at("verified") == true);
  CHECK(pinned.at("unpinned").empty());
  CHECK(json::parse(read_json(bundle).at("contract").get<std::string>()).at("op").at("digest") == pinned.at("adapter"));
  CHECK(pool.cli({"verify", bundle, "--root", root, "--adapter", package}).at("verified") == true);
  CHECK_THAT(
      pool.cli({"verify", bundle, "--root", root, "--adapter", packages + "/exec-1.fpa"}, 1).at("reason").get<std::string>(),
      ContainsSubstring("adapter_not_yours"));
  auto other = contract({{"persist", true}});
  other["op"]["digest"] = "sha256:" + std::string(64, '0');
  CHECK_THAT(pool.cli({"submit", pool.contract(other)}, 2).at("error").at("message").get<std::string>(),
             ContainsSubstring("/op/digest"));
  CHECK(pool.cli({"submit", pool.contract(other), "--adapter", package}, 2).at("exit_code") == 2);

  // Nobody kept the outputs: whoever has them can still check the result.
  fetch(contract({{"persist", false}}));
  const auto unchecked = pool.cli({"verify", bundle, "--root", root}, 7);
  CHECK(unchecked.at("verified") == false);
  REQUIRE(unchecked.at("unchecked").size() == 1);
  CHECK_THAT(unchecked.at("unchecked")[0].at("detail").get<std::string>(), ContainsSubstring("artifacts.persist is false"));
  const auto text = pool.cli_text({"verify", bundle, "--root", root});
  CHECK(text.code == 7);
  CHECK(text.output.starts_with("NOT CHECKED: "));
  CHECK(pool.cli({"audit", bundle, "--root", root}, 7).at("verified") == false);
  std::filesystem::create_directory(pool.path("outputs"));
  std::ofstream(pool.path("outputs/any-name")) << R"({"count":1,"format":"count/1"})";
  CHECK(pool.cli({"verify", bundle, "--root", root, "--outputs", pool.path("outputs")}).at("verified") == true);
}

TEST_CASE("an agent holds its hub to what it promised, and after a rotation an old root is gone on from") {
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("agent");
  const std::string root = pool.path("root.json"), bundle = pool.path("bundle.json");
  std::filesystem::copy_file(pool.path("hub/identity/root.json"), root);
  const auto run = [&] {
    return pool.cli({"submit", pool.contract(contract({{"persist", true}})), "--wait"}).at("job").get<std::string>();
  };
  run();
  const auto promises = [&](int code = 0) {
    return pool.cli_as(pool.path("agent"), {"agent", "promises", "--root", root}, code);
  };
  // The last acknowledgement may still be under way.
  CHECK(eventually([&] { return promises().at("kept").get<int>() >= 2; }));
  CHECK(promises().at("kept") == promises().at("of"));
  const std::string kept = pool.path("agent/promises.jsonl");
  CHECK(std::filesystem::status(kept).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK(pool.cli({"audit", "--promise", kept, "--root", root}).at("verified") == true);

  // Against the log of another pool's key, or a log that another wrote, it does not hold.
  pool.cli({"ledger", "export", "--root", root, "--output", pool.path("export")});
  CHECK(pool.cli_as(pool.path("agent"), {"agent", "promises", "--root", root, "--dir", pool.path("export")}).at("kept") ==
        promises().at("kept"));

  pool.cli({"keys", "rotate", "hub"});
  pool.cli({"bundle", run(), "--output", bundle});
  CHECK_THAT(pool.cli({"verify", bundle, "--root", root}, 1).at("reason").get<std::string>(),
             ContainsSubstring("keys_rotated"));
  CHECK(pool.cli({"root", "accept", bundle, "--root", root}).at("changed") == true);
  CHECK(pool.cli({"verify", bundle, "--root", root}).at("verified") == true);
  CHECK(promises().at("kept") == promises().at("of"));
}
