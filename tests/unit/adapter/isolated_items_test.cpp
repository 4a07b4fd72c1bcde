/// Shards whose items run in boxes of their own, in a sandbox that does as the item says.
#include "sample_packages.hpp"

#include "wire/json.hpp"

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;

namespace {

using Kind = SandboxOutcome::Kind;

Contract execution(const std::vector<std::string>& items, const std::string& more = "") {
  std::string list;
  for (const std::string& item : items) list += (list.empty() ? "\"" : ",\"") + sha256(item).str() + "\"";
  return contract("exec", "run.v1", R"({"program":")" + sha256("p").str() + R"(","items":[)" + list + "]" + more + "}");
}

/// Ends each run as the item in it is named, and keeps what it was asked for.
class ObedientSandbox final : public Sandbox {
 public:
  std::string_view name() const override { return "obedient"; }
  SandboxLevel level() const override { return SandboxLevel::full; }

  SandboxReport run(const SandboxRequest& request) override {
    requests.push_back(request);
    const auto params = json::parse_canonical(as_text(*request.files.front().content), 1 << 20);
    REQUIRE(params.has_value());
    const json::Array& items = *params->as_object()->find("items")->as_array();
    REQUIRE(items.size() == 1);
    const std::int64_t index = *items.front().as_object()->find("index")->as_integer();
    const std::string& file = *items.front().as_object()->find("file")->as_string();
    const auto item = std::ranges::find(request.files, file, &SandboxFile::name);
    REQUIRE(item != request.files.end());
    const std::string word = to_text(*item->content);

    SandboxReport report;
    report.level = SandboxLevel::full;
    report.determinism = Determinism::standard;
    report.usage = {10, 20, 30};
    report.standard_error = to_bytes("about " + word);
    report.outcome = {Kind::exited, 0, {}, SandboxStep::none};
    const auto ends = [&](Kind kind, int code) { report.outcome = {kind, code, "as asked", SandboxStep::none}; };
    if (word == "memory") ends(Kind::out_of_memory, 0);
    if (word == "processes") ends(Kind::pids_limit, 0);
    if (word == "spin") ends(Kind::timed_out_cpu, 0);
    if (word == "hang") ends(Kind::timed_out_wall, 0);
    if (word == "call") ends(Kind::policy_violation, 29);
    if (word == "file") ends(Kind::output_limit, 0);
    if (word == "parent") ends(Kind::signalled, 9);
    if (word == "broken") ends(Kind::exited, 1);
    if (word == "weak") report.level = SandboxLevel::namespaces;
    if (word == "machine") ends(Kind::setup_failed, 0), report.outcome.step = SandboxStep::cgroup;
    if (word == "stopped") ends(Kind::cancelled, 0);
    if (report.outcome.ok() && word != "nothing")
      report.outputs["result"] =
          to_bytes(word == "garbage" ? "{}"
                                     : R"({"format":"concat/1","items":[{"code":0,"index":)" + std::to_string(index) +
                                           R"(,"outcome":"exited","stdout":")" + to_base64(to_bytes(word)) + "\"}]}");
    return report;
  }

  std::vector<SandboxRequest> requests;
};

struct Shard {
  std::shared_ptr<const AdapterPackage> package = sample_package("exec");
  Contract job;
  SandboxRequest request;
  ObedientSandbox sandbox;

  explicit Shard(const std::vector<std::string>& items, const std::string& more = "") : job(execution(items, more)) {
    const auto plan = package->plan(job);
    REQUIRE(plan.has_value());
    REQUIRE(plan->shards.size() == 1);
    request.limits = plan->limits;
    request.files.push_back({"params.json", std::make_shared<const Bytes>(to_bytes(plan->shards.front().params)), false});
    std::size_t next = 0;
    for (const ShardInput& input : plan->shards.front().inputs)
      request.files.push_back({input.name,
                               std::make_shared<const Bytes>(to_bytes(input.name == "program" ? "p" : items.at(next++))),
                               input.executable});
  }

  SandboxReport run() { return package->run(request, sandbox); }
  json::Array items() {
    const SandboxReport report = run();
    INFO(describe(report.outcome));
    REQUIRE(report.outcome.ok());
    const Bytes& output = report.outputs.at("result");
    const auto checked = package->check_output(job, output);
    INFO((checked ? "" : checked.error().message));
    CHECK(checked.has_value());
    const auto result = package->reduce(job, {output});
    REQUIRE(result.has_value());
    return *json::parse_canonical(*result, 1 << 20)->as_object()->find("items")->as_array();
  }
};

std::string text(const json::Value& item, std::string_view key) {
  const json::Value* found = item.as_object()->find(key);
  return found && found->as_string() ? *found->as_string() : "(absent)";
}

}  // namespace

TEST_CASE("however an item ends, that is the item's result, and the others go on") {
  Shard shard(
      {"first", "memory", "processes", "spin", "hang", "call", "file", "parent", "broken", "nothing", "garbage", "last"});
  const json::Array items = shard.items();
  REQUIRE(items.size() == 12);
  const char* const outcomes[] = {"exited",         "out_of_memory",    "pids_limit",   "timed_out_cpu",
                                  "timed_out_wall", "policy_violation", "output_limit", "signalled",
                                  "adapter_exited", "output_limit",     "output_limit", "exited"};
  for (std::size_t i = 0; i < items.size(); ++i) {
    INFO(i);
    CHECK(text(items[i], "outcome") == outcomes[i]);
    CHECK(text(items[i], "stdout") == (i == 0 ? "first" : i == 11 ? "last" : ""));
    CHECK(text(items[i], "stderr") == "(absent)");
  }
  CHECK(*items[5].as_object()->find("code")->as_integer() == 29);
  CHECK(*items[7].as_object()->find("code")->as_integer() == 9);
  CHECK(items[1].as_object()->find("code") == nullptr);
}

TEST_CASE("an item's box holds the item alone, whatever else is in its shard") {
  Shard both({"one", "two"}), alone({"two"});
  both.items();
  alone.items();
  REQUIRE(both.sandbox.requests.size() == 2);
  for (const SandboxRequest& request : both.sandbox.requests) {
    CHECK(request.files.size() == 3);
    CHECK(request.limits == both.request.limits);
  }
  CHECK(both.sandbox.requests[1].files[2].name == "item.1");
  CHECK(to_text(*both.sandbox.requests[1].files[2].content) == "two");
  CHECK(both.sandbox.requests[0].seed != both.sandbox.requests[1].seed);
  CHECK(both.sandbox.requests[1].seed == sha256(*both.sandbox.requests[1].files.front().content));
}

TEST_CASE("a shard ends as the run of an item that says nothing of the item") {
  const auto outcome = [](const std::string& word) { return Shard({"fine", word, "never"}).run(); };
  CHECK(outcome("machine").outcome == SandboxOutcome{Kind::setup_failed, 0, "item 1: as asked", SandboxStep::cgroup});
  CHECK(outcome("stopped").outcome.kind == Kind::cancelled);
  Shard shard({"fine", "machine", "never"});
  shard.run();
  CHECK(shard.sandbox.requests.size() == 2);
}

TEST_CASE("a shard used what its items used, and was as isolated as the least of them") {
  const SandboxReport report = Shard({"one", "weak", "three"}).run();
  CHECK(report.usage.cpu_ms == 30);
  CHECK(report.usage.wall_ms == 60);
  CHECK(report.usage.peak_memory_bytes == 30);
  CHECK(report.level == SandboxLevel::namespaces);
  CHECK(report.determinism == Determinism::standard);
}

TEST_CASE("standard error is part of the result where the contract asks for it") {
  const json::Array items = Shard({"fine", "memory", "spin"}, R"(,"stderr_limit_bytes":9)").items();
  CHECK(text(items[0], "stderr") == "about fin");
  CHECK(text(items[1], "stderr") == "about mem");
  // How much it had written when its time was over is no matter of the item's.
  CHECK(text(items[2], "stderr").empty());
}

TEST_CASE("a shard whose items' outputs cannot go into one output is refused before it is planned") {
  const auto package = sample_package("exec");
  const auto plan_of = [&](int items, int limit) {
    std::vector<std::string> names;
    for (int i = 0; i < items; ++i) names.push_back(std::to_string(i));
    return package->plan(execution(names, R"(,"items_per_shard":10000,"stdout_limit_bytes":)" + std::to_string(limit)));
  };
  CHECK(plan_of(64, 1 << 19).has_value());
  const auto refused = plan_of(64, 1 << 20);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::invalid_input);
  CHECK(refused.error().message.starts_with("/args/items_per_shard: 64 items of up to 1048576 bytes"));
  CHECK(refused.error().message.ends_with("expected at most 44 items a shard"));
}

TEST_CASE("items in boxes of their own go with what can be put together again") {
  const auto mistake = [](const std::string& split, const std::string& reduce) {
    const auto packed = pack_adapter(R"({"format":"forgepool-adapter-manifest/1","name":"x","version":"1","profiles":{"p":{
      "args":{"list":{"type":"list","of":{"type":"integer","min":0,"max":9},"min_items":1,"max_items":9},
              "limit":{"type":"integer","min":0,"max":9}},
      "split":)" + split + R"(,"determinism":"standard","compare":"exact","reduce":)" +
                                         reduce + "}}}",
                                     tiny_elf());
    return packed ? std::string("packed") : packed.error().message;
  };
  const std::string isolated = R"({"by":"items","over":"list","shard_size":1,"isolate_items":true})";
  const std::string together = R"({"by":"items","over":"list","shard_size":1})";
  CHECK(mistake(isolated, R"({"by":"concat","item_limit":"limit","error_limit":"limit"})") == "packed");
  CHECK(mistake(isolated, R"({"by":"count"})").starts_with("/profiles/p/reduce/by: expected concat"));
  CHECK(mistake(together, R"({"by":"concat","item_limit":"limit","error_limit":"limit"})")
            .starts_with("/profiles/p/reduce/error_limit: expected isolate_items"));
  CHECK(mistake(R"({"by":"range","over":"limit","shard_size":1,"isolate_items":true})", R"({"by":"count"})")
            .find("isolate_items: unknown key") != std::string::npos);
}
