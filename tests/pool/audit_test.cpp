// Auditing a hub from outside: everything in one go, and a hub that forks or rewrites its log.
#include "process_pool.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <filesystem>
#include <fstream>

using namespace forgepool_test;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

class AuditedPool {
 public:
  std::string root() const { return pool.path("hub/identity/root.json"); }
  std::string run_job(int shards) {
    const json contract{{"op", {{"name", "noop"}, {"version", "1"}, {"profile", "noop.v1"}}},
                        {"args", {{"shards", shards}}},
                        {"policy", {{"verify", "none"}, {"timeout_ms", 120000}}},
                        {"artifacts", {{"include", {"result"}}}}};
    return pool.cli({"submit", pool.contract(contract), "--wait"}).at("job");
  }
  json audit(std::vector<std::string> arguments, int code = 0) {
    arguments.insert(arguments.begin(), "audit");
    arguments.insert(arguments.end(), {"--root", root()});
    return pool.cli(arguments, code);
  }
  /// The first thing that does not hold.
  static std::string refuted(const json& report) {
    for (const auto& check : report.at("checks"))
      if (check.at("holds") == false) return check.at("reason");
    return "";
  }

  ProcessPool pool;
};

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("an audit checks the log and every job in one go, and writes down what it found") {
  AuditedPool audited;
  ProcessPool& pool = audited.pool;
  pool.start_hub({"--ledger", "tiles"});
  pool.start_agent("agent");
  const std::string first = audited.run_job(6), second = audited.run_job(3);

  const auto all = audited.audit({"--keep", pool.path("kept")});
  CHECK(all.at("verified") == true);
  CHECK(all.at("jobs") == 2);
  CHECK(all.at("log").at("size") > 18);
  CHECK(all.at("checks").size() == 6);
  CHECK_THAT(read(pool.path("kept")), ContainsSubstring("\n\xe2\x80\x94 "));
  CHECK(audited.audit({second}).at("jobs") == 1);
  // From files, without a hub; with an export of the log, too.
  pool.cli({"bundle", first, "--output", pool.path("bundle.json")});
  pool.cli({"ledger", "export", "--root", audited.root(), "--output", pool.path("copy")});
  CHECK_FALSE(audited.audit({pool.path("bundle.json")}).contains("log"));
  CHECK(audited.audit({pool.path("bundle.json"), "--dir", pool.path("copy")}).contains("log"));
  CHECK(audited.audit({pool.path("bundle.json"), "--from", "2001-01-01", "--to", "2001-12-31"}).at("jobs") == 0);
  CHECK(audited.audit({pool.path("bundle.json"), "--from", "2001-01-01"}).at("jobs") == 1);
  CHECK(audited.audit({pool.path("bundle.json"), "--from", "yesterday"}, 2).at("error").at("kind") == "invalid_input");
  CHECK(audited.audit({"job-none"}, 5).at("error").at("kind") == "not_found");

  for (const char* format : {"html", "json", "oscal"}) {
    const auto output = pool.path(std::string("report.") + format);
    audited.audit({"report", "--format", format, "--output", output});
    for (const auto& job : {first, second}) CHECK_THAT(read(output), ContainsSubstring(job));
  }
  CHECK(json::parse(read(pool.path("report.json"))).at("jobs").size() == 2);
  CHECK(pool.cli_text({"audit", "controls"}).output.starts_with("{\"component-definition\":"));
  pool.cli({"audit", "export", pool.path("bundle.json"), "--root", audited.root(), "--output", pool.path("exported")});
  CHECK(std::filesystem::exists(pool.path("exported/receipts.sigstore.jsonl")));
  CHECK(pool.cli({"audit", "export", pool.path("bundle.json"), "--root", audited.root(), "--output", pool.path("exported")}, 2)
            .at("error")
            .at("kind") == "conflict");
}

TEST_CASE("a sample of a job is replayed, and anybody can draw it again") {
  AuditedPool audited;
  ProcessPool& pool = audited.pool;
  pool.start_hub();
  pool.start_agent("agent");
  const std::string job = audited.run_job(40);
  pool.cli({"bundle", job, "--output", pool.path("bundle.json")});
  const auto replay = [&](std::vector<std::string> more, int code = 0) {
    more.insert(more.begin(), {"replay", pool.path("bundle.json"), "--allow-sandbox-level", sandbox_level()});
    return pool.cli(more, code);
  };
  const auto replayed = replay({"--sample", "5"});
  CHECK(replayed.at("identical") == true);
  CHECK(replayed.at("shards").size() == 5);
  const std::string nonce = replayed.at("nonce");
  const auto again = replay({"--sample", "5", "--nonce", nonce});
  CHECK(again.at("shards") == replayed.at("shards"));
  CHECK_FALSE(again.contains("result"));
  replay({"--sample", "5", "--shard", "1"}, 2);
  // All of them give the job's result again.
  const auto whole = replay({});
  CHECK(whole.at("shards").size() == 40);
  CHECK(whole.at("result").at("identical") == true);
}

TEST_CASE("a hub that rewrites its log or shows two is caught by an audit") {
  AuditedPool audited;
  ProcessPool& pool = audited.pool;
  const std::vector<std::string> tiles{"--ledger", "tiles"};
  pool.start_hub(tiles);
  pool.start_agent("agent");
  audited.run_job(2);
  pool.stop_hub();
  // From here on there are two logs of one key.
  std::filesystem::copy(pool.path("hub/ledger.tiles"), pool.path("earlier"), std::filesystem::copy_options::recursive);
  pool.start_hub(tiles);
  const std::string hidden = audited.run_job(3);
  pool.cli({"bundle", hidden, "--output", pool.path("hidden.json")});
  audited.audit({"--keep", pool.path("kept")});
  pool.cli({"ledger", "export", "--root", audited.root(), "--output", pool.path("first-view")});
  pool.stop_hub();
  std::filesystem::rename(pool.path("hub/ledger.tiles"), pool.path("other-view"));
  std::filesystem::rename(pool.path("earlier"), pool.path("hub/ledger.tiles"));
  std::filesystem::remove(pool.path("hub.head"));  // By which the hub would notice, and refuse to start.
  pool.start_hub(tiles);

  const std::string kept = read(pool.path("kept"));
  CHECK_THAT(AuditedPool::refuted(audited.audit({"--keep", pool.path("kept")}, 1)), ContainsSubstring("CUT OFF"));
  audited.run_job(20);
  CHECK_THAT(AuditedPool::refuted(audited.audit({"--keep", pool.path("kept")}, 1)), ContainsSubstring("REWRITTEN"));
  CHECK(read(pool.path("kept")) == kept);  // What proves it stays.
  // Who kept no checkpoint, but a bundle from the other view.
  pool.cli({"ledger", "export", "--root", audited.root(), "--output", pool.path("second-view")});
  CHECK(audited.audit({pool.path("hidden.json"), "--dir", pool.path("first-view")}).at("verified") == true);
  CHECK_THAT(AuditedPool::refuted(audited.audit({pool.path("hidden.json"), "--dir", pool.path("second-view")}, 1)),
             ContainsSubstring("REWRITTEN"));
  // No report is written of what does not hold. By itself each view is sound.
  audited.audit({"report", pool.path("hidden.json"), "--dir", pool.path("second-view"), "--output", pool.path("report.html")},
                1);
  CHECK_FALSE(std::filesystem::exists(pool.path("report.html")));
  CHECK(audited.audit({}).at("verified") == true);
}
