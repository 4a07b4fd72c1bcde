/// What is written about bundles: the facts, and nothing that foreign text could make of them.
#include "story.hpp"

#include "audit/html.hpp"

#include <forgepool/audit_report.hpp>

#include <catch2/catch_test_macros.hpp>

#include <regex>

namespace forgepool {
namespace {

using testing::Story;

JobRecord record_of(const Story& story) {
  auto record = record_job(story.document(), story.root());
  if (!record) FAIL(record.error().message);
  return std::move(*record);
}

AuditScope scope_of(const Story& story) {
  AuditScope scope;
  scope.title = "Job job-1";
  scope.made_at = testing::story_time();
  scope.trust_domain = "pool.example";
  scope.jobs.push_back(record_of(story));
  return scope;
}

const json::Value& at(const json::Value& value, std::string_view key) {
  const auto* found = value.as_object() ? value.as_object()->find(key) : nullptr;
  if (!found) FAIL("there is no " << key);
  return *found;
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++found;
  return found;
}

}  // namespace

TEST_CASE("the record of a job tells what its bundle proves, with the entries in which it stands") {
  Story story;
  story.tell();
  const JobRecord record = record_of(story);
  CHECK(record.report.job == story.job);
  CHECK(record.operation == "tally@1 tally.v1");
  CHECK(record.head.root == story.ledger().head().root);
  CHECK(record.log_origin == "pool.example");
  REQUIRE(record.receipts.size() == 4);
  REQUIRE(record.verdicts.size() == 3);
  for (const auto& receipt : record.receipts) {
    CHECK(receipt.lease_entry < receipt.entry);
    CHECK(receipt.agent.starts_with("spiffe://pool.example/agent/"));
  }
  CHECK(record.verdicts[2].shard == 2);
  CHECK(record.verdicts[2].agree == 2);
  CHECK(record.verdicts[2].answers == 3);
  CHECK(record.verdicts[2].accepted == sha256(story.right(2)));
  CHECK(record.quarantined == std::map<std::string, std::uint32_t>{{"mallory", 2}});
  CHECK(record.began() == testing::story_time() + std::chrono::minutes(1));
  CHECK(record.ended() == testing::story_time() + std::chrono::minutes(3));
  CHECK(record_job(story.document() + " ", story.root()).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("the JSON report holds all of it") {
  Story story;
  story.tell();
  AuditScope scope = scope_of(story);
  scope.log = LogRecord{"pool.example", scope.jobs[0].head, 2, 1, true};
  const std::string text = write_audit_report_json(scope);
  REQUIRE(text.ends_with("}\n"));
  const auto report = json::parse_canonical(std::string_view(text).substr(0, text.size() - 1), text.size());
  REQUIRE(report);
  CHECK(*at(at(*report, "log"), "witness_quorum").as_bool());
  const json::Value& job = at(*report, "jobs").as_array()->at(0);
  CHECK(*at(job, "result").as_string() == sha256(story.result).str());
  CHECK(at(job, "receipts").as_array()->size() == 4);
  CHECK(at(job, "verdicts").as_array()->size() == 3);
  CHECK(*at(at(job, "quarantined"), "mallory").as_integer() == 2);
  CHECK(*at(at(at(job, "events").as_array()->at(0), "content"), "contract").as_string() == story.contract.digest.str());
}

TEST_CASE("foreign text stays text in the page") {
  Story story;
  story.tell_until_verdicts();
  const std::string hostile = "\"'><script>alert(1)</script><style>*{display:none}</style>&amp;\x01 \xe2\x80\xae";
  const auto hostile_rule = [&](identity::Verdict& verdict) { verdict.shard.rule = hostile; };
  for (const std::uint32_t shard : {0u, 1u})
    story.verdict(shard, story.right(shard), {{"alice", "l-a", story.right(shard)}, {"bob", "l-b", story.right(shard)}},
                  hostile_rule);
  story.receipt("bob", "l-b2", {{2, story.right(2)}});
  story.verdict(2, story.right(2),
                {{"alice", "l-a", story.right(2)}, {"mallory", "l-m", story.wrong(2)}, {"bob", "l-b2", story.right(2)}},
                hostile_rule);
  story.result_event();
  AuditScope scope = scope_of(story);
  scope.title = hostile;
  const std::string page = write_audit_report_html(scope);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(count(page, "<style") == 1);
  CHECK(page.find("\x01") == std::string::npos);
  CHECK(page.find("\xe2\x80\xae") == std::string::npos);
  CHECK(count(page,
              "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;style&gt;*{display:none}&lt;/style&gt;&amp;amp;") >= 4);
  CHECK(page.find("http://") == std::string::npos);
  CHECK(page.find("https://") == std::string::npos);
}

TEST_CASE("markup escapes text and attributes, and closes what it opened") {
  audit::Markup markup;
  markup.open("p", {{"title", "\"<&>'"}}).text("a < b & \"c\"").element("b", "\xe2\x81\xa6x\xd8\x9cy").empty("br");
  markup.open("i").text(std::string("nul\0byte", 8));
  CHECK(markup.finish() ==
        "<p title=\"&quot;&lt;&amp;&gt;&#39;\">a &lt; b &amp; "
        "&quot;c&quot;<b>\xef\xbf\xbdx\xef\xbf\xbdy</b>\n<br/>\n<i>nul\xef\xbf\xbd"
        "byte</i>\n</p>\n");
  CHECK(audit::escape_html("\xe2\x80\x94 ä 中") == "\xe2\x80\x94 ä 中");
}

TEST_CASE("a page of a large job is cut, and says so; its JSON is not") {
  Story story({{"verify", "none"}}, "tally.v1", {{"items", 800}});
  story.contract_event();
  story.plan_event();
  for (std::uint32_t first = 0; first < 400; first += 100) {
    std::map<std::uint32_t, Bytes> outputs;
    for (std::uint32_t shard = first; shard < first + 100; ++shard) outputs.emplace(shard, story.right(shard));
    story.receipt("alice", "l-" + std::to_string(first), outputs);
  }
  for (std::uint32_t shard = 0; shard < 400; ++shard)
    story.verdict(shard, story.right(shard), {{"alice", "l-" + std::to_string(shard / 100 * 100), story.right(shard)}});
  story.result_event();
  const AuditScope scope = scope_of(story);
  const std::string page = write_audit_report_html(scope);
  CHECK(page.find("100 more verdicts are in the JSON report.") != std::string::npos);
  CHECK(count(write_audit_report_json(scope), "\"error_bound\"") == 401);
}

TEST_CASE("assessment results say of each control what the evidence shows, and nothing of others") {
  Story story({{"verify", "full"}, {"replicas", 2}, {"regions", json::Array{"eu"}}});
  story.agent_region = "eu";
  story.tell();
  const std::string text = write_oscal_assessment_results(scope_of(story));
  const auto document = json::parse(text, text.size());
  REQUIRE(document);
  const json::Value& result = at(at(*document, "assessment-results"), "results").as_array()->at(0);
  std::map<std::string, std::string> found;
  for (const auto& finding : *at(result, "findings").as_array())
    found[*at(at(finding, "target"), "target-id").as_string()] = *at(at(at(finding, "target"), "status"), "state").as_string();
  CHECK(found.at("au-10_smt") == "satisfied");
  CHECK(found.at("ir-4_smt") == "satisfied");
  // All leases went to agents attested to be there: anything else would not verify.
  CHECK(found.at("ac-4_smt") == "satisfied");
  // No log was read: there is nothing to say about witnesses.
  CHECK_FALSE(found.contains("au-9.2_smt"));
  CHECK_FALSE(found.contains("sc-39_smt"));
  for (const std::string& words : {text, write_oscal_component_definition(testing::story_time())})
    CHECK(words.find("no claim of certification") != std::string::npos);
  CHECK(write_oscal_assessment_results(scope_of(story)) == text);
}

TEST_CASE("controls are named once, and their likes elsewhere as each framework numbers its own") {
  // The numbers that there are, as far as they can be told by their form: CC1 to CC9 and so on have so many criteria, annex A's
  // four themes so many controls, PCI DSS twelve requirements.
  const std::map<std::string, std::regex> form{
      {"soc2",
       std::regex(
           R"(CC(1\.[1-5]|2\.[1-3]|3\.[1-4]|4\.[12]|5\.[1-3]|6\.[1-8]|7\.[1-5]|8\.1|9\.[12])|A1\.[1-3]|C1\.[12]|PI1\.[1-5])")},
      {"iso27001-2022",
       std::regex(R"(A\.(5\.([1-9]|[12][0-9]|3[0-7])|6\.[1-8]|7\.([1-9]|1[0-4])|8\.([1-9]|[12][0-9]|3[0-4])))")},
      {"hipaa", std::regex(R"(164\.3(08|10|12|14|16)\([a-e]\)(\([1-8]\)(\(i{1,3}\)|\(iv\))?(\([A-H]\))?)?)")},
      {"pci-dss-4.0.1", std::regex(R"(([1-9]|1[0-2])\.[1-9][0-9]?(\.[1-9][0-9]?){1,2})")}};
  const std::regex nist("(ac|at|au|ca|cm|cp|ia|ir|ma|mp|pe|pl|pm|ps|pt|ra|sa|sc|si|sr)-[1-9][0-9]?(\\.[1-9][0-9]?)?");
  const std::string text = write_oscal_component_definition(testing::story_time());
  const auto document = json::parse(text, text.size());
  REQUIRE(document);
  const json::Value& component = at(at(*document, "component-definition"), "components").as_array()->at(0);
  std::set<std::string> controls;
  for (const auto& requirement :
       *at(at(component, "control-implementations").as_array()->at(0), "implemented-requirements").as_array()) {
    const std::string id(*at(requirement, "control-id").as_string());
    CAPTURE(id);
    CHECK(std::regex_match(id, nist));
    CHECK(controls.insert(id).second);
    std::set<std::string> frameworks;
    for (const auto& property : *at(requirement, "props").as_array()) {
      const std::string framework(*at(property, "name").as_string()), other(*at(property, "value").as_string());
      CAPTURE(framework, other);
      REQUIRE(form.contains(framework));
      CHECK(std::regex_match(other, form.at(framework)));
      frameworks.insert(framework);
    }
    CHECK(frameworks.size() == form.size());
  }
  // Features that a reader looks for.
  for (const char* id : {"au-9.3", "mp-6", "sc-28.1", "sc-39"}) CHECK(controls.contains(id));
}

TEST_CASE("an export is of what verifies, and of all of it") {
  Story story;
  story.tell();
  const auto exported = export_to_sigstore(story.document(), story.root());
  REQUIRE(exported);
  CHECK(count(exported->receipts, "\n") == 4);
  CHECK(count(exported->verdicts, "\n") == 3);
  CHECK(count(exported->events, "\n") == story.bundle().events.size());
  std::string bent = story.document();
  bent[bent.size() / 2] ^= 1;
  CHECK_FALSE(export_to_sigstore(bent, story.root()));
  CHECK_FALSE(export_to_sigstore(story.document(), Story().root()));
}

}  // namespace forgepool
