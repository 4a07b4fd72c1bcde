// What is written about an audit, before those who read it: Chromium (by chromedriver), and NIST's JSON schema of OSCAL.
#include "../../support/script.hpp"
#include "../../unit/audit/story.hpp"

#include <forgepool/audit_report.hpp>

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>

#include <stdlib.h>

using namespace forgepool;

namespace {

constexpr std::uint32_t shards = 24;
constexpr std::string_view hostile =
    "</td><script>document.title='owned'</script><img src=x onerror=alert(1)> & \"quoted\" \xe2\x80\xae";

/// Three honest agents that work one after the other, one that lies about a shard, and a hub that writes what it likes.
JobRecord told_job() {
  testing::Story story(
      {{"verify", "full"}, {"replicas", 2}, {"regions", json::Array{"eu-central", "eu-west"}}, {"data_class", "public"}},
      "tally.v1", {{"items", 2 * shards}});
  story.agent_region = "eu-central";
  story.contract_event();
  story.plan_event();
  const std::vector<std::string> honest{"alice", "bob", "carol"};
  std::map<std::uint32_t, std::vector<testing::Named>> answers;
  int second = 0;
  for (std::uint32_t first = 0; first < shards; first += 4)
    for (std::size_t replica = 0; replica < 2; ++replica) {
      const std::string agent = honest[(first / 4 + replica) % honest.size()], lease = agent + "-" + std::to_string(first);
      std::map<std::uint32_t, Bytes> outputs;
      for (std::uint32_t shard = first; shard < first + 4; ++shard) {
        outputs.emplace(shard, story.right(shard));
        answers[shard].push_back({agent, lease, story.right(shard)});
      }
      story.receipt(agent, lease, outputs, [&](identity::Receipt& receipt) {
        receipt.started_at = testing::story_time() + std::chrono::seconds(second);
        receipt.finished_at = receipt.started_at + std::chrono::seconds(7 + second % 5);
        for (auto& shard : receipt.shards) shard.usage.cpu_ms = 1200 + 100 * shard.index;
      });
      second += 6;
    }
  story.receipt("mallory", "l-m", {{3, story.wrong(3)}}, [](identity::Receipt& receipt) {
    receipt.started_at = testing::story_time() + std::chrono::seconds(9);
    receipt.finished_at = receipt.started_at + std::chrono::seconds(8);
  });
  answers[3].push_back({"mallory", "l-m", story.wrong(3)});
  story.quarantine("mallory", 3);
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    story.verdict(shard, story.right(shard), answers[shard], [&](identity::Verdict& verdict) {
      verdict.verified_at = testing::story_time() + std::chrono::seconds(20 + 3 * shard);
      verdict.shard.rule = shard == 5 ? std::string(hostile) : "full 2 of 2";
      verdict.shard.error_bound = shard % 3 == 0 ? 1 : 0.06;
    });
  story.result_event();
  auto job = record_job(story.document(), story.root());
  if (!job) throw std::runtime_error(job.error().message);
  return std::move(*job);
}

AuditScope told_scope() {
  AuditScope scope;
  scope.title = "Job job-1 <b>";
  scope.made_at = testing::story_time() + std::chrono::hours(1);
  scope.trust_domain = "pool.example";
  scope.jobs.push_back(told_job());
  scope.log = LogRecord{scope.jobs[0].log_origin, scope.jobs[0].head, 2, 1, true};
  return scope;
}

/// The folder stays if FORGEPOOL_REPORT_OUTPUT names it: to look at.
class Folder {
 public:
  Folder() : keep_(::getenv("FORGEPOOL_REPORT_OUTPUT")) {
    if (keep_) {
      path_ = keep_;
      std::filesystem::create_directories(path_);
      return;
    }
    std::string name = (std::filesystem::temp_directory_path() / "forgepool-report-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + name);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!keep_) std::filesystem::remove_all(path_, ignored);
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return "'" + path(name) + "'";
  }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  const char* keep_;
  std::string path_;
};

}  // namespace

TEST_CASE("the report shows in Chromium what it should, by itself, in light, in dark, narrow and on paper") {
  const Folder folder;
  const AuditScope scope = told_scope();
  const std::string page = folder.write("report.html", write_audit_report_html(scope));
  const auto& report = scope.jobs[0].report;
  json::Array texts{"Job job-1 <b>",
                    report.result.str(),
                    report.contract.str(),
                    "✕ caught at shard 3",
                    "alice",
                    "mallory",
                    "P(wrong) ≤ 1e-1",
                    "eu-central, eu-west",
                    "24 verdicts",
                    "pool.example",
                    scope.jobs[0].head.root.str(),
                    "</td><script>document.title='owned'</script><img src=x onerror=alert(1)> & \"quoted\""};
  json::Array headings{"The ledger as a whole",
                       "Job job-1",
                       "Timeline",
                       "Participating agents",
                       "Verification outcomes and error bounds",
                       "Residency decisions",
                       "Ledger proofs",
                       "What this does not show"};
  const std::string facts =
      folder.write("facts.json", json::canonicalize(json::Object{{"texts", std::move(texts)},
                                                                 {"headings", std::move(headings)},
                                                                 {"plots", 3},
                                                                 {"title", "Audit report: Job job-1 <b>"}}));
  const test::Ran ran = test::run_script("python3 '" FORGEPOOL_REPORT_SOURCE "/check_page.py' " + page + " " + facts + " '" +
                                         folder.path("shown") + "'");
  INFO(ran.output);
  CHECK(ran.exit_code == 0);
  CHECK(ran.output.find("the page is as it should be") != std::string::npos);
}

TEST_CASE("component definition and assessment results are valid OSCAL 1.1.3, and name controls that exist") {
  const std::string vectors = FORGEPOOL_VECTORS_DIR "/oscal";
  if (!std::filesystem::exists(vectors)) SKIP("needs NIST's schema in " + vectors);
  const Folder folder;
  AuditScope empty = told_scope();
  empty.jobs.clear();
  empty.log.reset();
  const std::string documents = folder.write("controls.json", write_oscal_component_definition(testing::story_time())) + " " +
                                folder.write("results.json", write_oscal_assessment_results(told_scope())) + " " +
                                folder.write("empty.json", write_oscal_assessment_results(empty));
  const test::Ran ran =
      test::run_script("python3 '" FORGEPOOL_REPORT_SOURCE "/check_oscal.py' '" + vectors +
                       "/oscal_complete_schema-1-1-3.json' '" + vectors + "/sp800-53r5-baseline-control-ids.tsv' " + documents);
  INFO(ran.output);
  CHECK(ran.exit_code == 0);
}
