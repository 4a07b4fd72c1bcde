/// exec@1 as it is built, in the Linux sandbox: items do not see, hold up or end one another.
#include "sandbox_support.hpp"

#include "wire/json.hpp"

#include <forgepool/adapter.hpp>

#include <catch2/catch_test_macros.hpp>

#include <csignal>
#include <fstream>
#include <iterator>

using namespace forgepool;
using namespace forgepool::sandbox_test;

namespace {

std::shared_ptr<const AdapterPackage> exec_package() {
  std::ifstream file(FORGEPOOL_PACKAGES_DIR "/exec-1.fpa", std::ios::binary);
  auto package = open_adapter(Bytes(std::istreambuf_iterator<char>(file), {}));
  INFO((package ? "" : package.error().message));
  REQUIRE(package.has_value());
  return *package;
}

/// The result's items of one job of these, in shards of so many.
json::Array run_items(const std::vector<std::string>& items, int items_per_shard, const std::string& more = "") {
  const auto package = exec_package();
  const auto program = load_program("item_deeds");
  std::map<Digest, std::shared_ptr<const Bytes>> contents{{sha256(*program), program}};
  std::string list;
  for (const std::string& item : items) {
    contents[sha256(item)] = std::make_shared<const Bytes>(to_bytes(item));
    list += (list.empty() ? "\"" : ",\"") + sha256(item).str() + "\"";
  }
  const auto contract =
      parse_contract(R"({"op":{"name":"exec","version":"1","profile":"run.v1"},"args":{"program":")" + sha256(*program).str() +
                     R"(","items":[)" + list + R"(],"items_per_shard":)" + std::to_string(items_per_shard) + more + "}}");
  REQUIRE(contract.has_value());
  const auto plan = package->plan(*contract);
  REQUIRE(plan.has_value());
  std::vector<Bytes> outputs;
  for (const ShardSpec& shard : plan->shards) {
    SandboxRequest request;
    request.program_digest = package->program_digest();
    request.program = package->program();
    request.limits = plan->limits;
    request.limits.cpu_ms = 1000;
    request.limits.wall_ms = 4000;
    request.limits.memory_bytes = 64u << 20;
    request.policy = SandboxPolicy(plan->relaxations);
    request.determinism = plan->determinism;
    request.files.push_back({"params.json", std::make_shared<const Bytes>(to_bytes(shard.params)), false});
    for (const ShardInput& input : shard.inputs)
      request.files.push_back({input.name, contents.at(input.digest), input.executable});
    SandboxReport report = package->run(request, linux_sandbox());
    INFO(describe(report.outcome) << "; " << as_text(report.standard_error));
    REQUIRE(report.outcome.ok());
    outputs.push_back(report.outputs.at("result"));
  }
  const auto result = package->reduce(*contract, {outputs.begin(), outputs.end()});
  INFO((result ? "" : result.error().message));
  REQUIRE(result.has_value());
  return *json::parse_canonical(*result, 1 << 20)->as_object()->find("items")->as_array();
}

std::string text(const json::Value& item, std::string_view key) {
  const json::Value* found = item.as_object()->find(key);
  return found && found->as_string() ? *found->as_string() : "(absent)";
}
std::int64_t code(const json::Value& item) {
  const json::Value* found = item.as_object()->find("code");
  return found && found->as_integer() ? *found->as_integer() : -1;
}

}  // namespace

TEST_CASE("one bad item is one bad result, whatever it did") {
  const json::Array items =
      run_items({"exit", "crash", "forbidden", "parent", "all", "file", "memory", "good"}, 16, R"(,"stderr_limit_bytes":100)");
  REQUIRE(items.size() == 8);
  for (std::size_t i = 0; i < items.size(); ++i) INFO(i << ": " << json::canonicalize(items[i]));
  CHECK(text(items[0], "outcome") == "exited");
  CHECK(code(items[0]) == 7);
  CHECK(text(items[0], "stderr") == "cannot parse record 17\n");
  CHECK(text(items[1], "outcome") == "signalled");
  CHECK(code(items[1]) == SIGSEGV);
  CHECK(text(items[2], "outcome") == "policy_violation");
  CHECK(text(items[3], "outcome") == "signalled");
  CHECK(code(items[3]) == SIGKILL);
  CHECK(text(items[4], "outcome") == "signalled");
  CHECK(text(items[5], "outcome") == "output_limit");
  // Where only each process is limited, it is told that there is no more memory.
  const bool told = text(items[6], "outcome") == "exited" && code(items[6]) == 5;
  CHECK((text(items[6], "outcome") == "out_of_memory" || told));
  CHECK(text(items[7], "outcome") == "exited");
  CHECK(text(items[7], "stdout") == "good sees nothing");
}

TEST_CASE("an item that never ends is out of time, and the next one has all of its own") {
  const json::Array items = run_items({"spin", "hang", "good"}, 16);
  CHECK(text(items[0], "outcome") == "timed_out_cpu");
  CHECK(text(items[1], "outcome") == "timed_out_wall");
  CHECK(text(items[2], "stdout") == "good sees nothing");
}

TEST_CASE("what an item leaves in /tmp, in /out or running is gone before the next, so that shards may be cut anyhow") {
  const std::vector<std::string> deeds{"leave", "first", "result", "second", "leave", "third"};
  const json::Array together = run_items(deeds, 16), apart = run_items(deeds, 1);
  CHECK(json::canonicalize(together) == json::canonicalize(apart));
  for (std::size_t i = 0; i < deeds.size(); ++i) {
    INFO(json::canonicalize(together[i]));
    if (deeds[i] == "result")
      CHECK(text(together[i], "outcome") == "output_limit");
    else
      CHECK(text(together[i], "stdout") == deeds[i] + " sees nothing");
  }
}
