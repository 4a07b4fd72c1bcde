/// Honest bundles pass; what they prove is in the report.
#include "story.hpp"

#include "wire/failure.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

namespace forgepool {
namespace {

using testing::Story;

bool has_check(const AuditReport& report, std::string_view name) {
  return std::ranges::any_of(report.checks, [&](const AuditCheck& check) { return check.name == name; });
}

AuditReport passes(const Story& story) {
  auto report = story.verify();
  if (!report) FAIL(report.error().message);
  return *report;
}

}  // namespace

TEST_CASE("a true bundle passes, and the report says what it proves") {
  Story story;
  story.tell();
  const AuditReport report = passes(story);
  CHECK(report.job == story.job);
  CHECK(report.contract == story.contract.digest);
  CHECK(report.plan == story.plan.digest());
  CHECK(report.adapter == story.adapter->digest());
  CHECK(report.result == sha256(story.result));
  CHECK(report.shards == 3);
  CHECK(report.receipts == 4);
  CHECK(report.agents == std::vector<std::string>{"spiffe://pool.example/agent/alice", "spiffe://pool.example/agent/bob"});
  CHECK(report.rejected == std::vector<std::string>{"spiffe://pool.example/agent/mallory"});
  CHECK(report.ledger_size == story.ledger().head().size);
  for (const char* name : {"document", "checkpoint", "contract", "adapter", "plan", "events", "receipt of lease l-m",
                           "quarantine of mallory", "verdict on shard 2", "result", "outputs"}) {
    INFO(name);
    CHECK(has_check(report, name));
  }
}

TEST_CASE("a bundle passes under every policy") {
  SECTION("none: one answer is enough") {
    Story story({{"verify", "none"}});
    story.contract_event();
    story.plan_event();
    story.receipt("alice", "l-a", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
    for (std::uint32_t i = 0; i < 3; ++i) story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}});
    story.result_event();
    passes(story);
  }
  SECTION("spotcheck: one of three shards is confirmed") {
    Story story({{"verify", "spotcheck"}, {"spotcheck_ratio", 0.3}});
    story.contract_event();
    story.plan_event();
    story.receipt("alice", "l-a", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
    story.receipt("bob", "l-b", {{1, story.right(1)}});
    story.verdict(1, story.right(1), {{"alice", "l-a", story.right(1)}, {"bob", "l-b", story.right(1)}});
    for (const std::uint32_t i : {0u, 2u}) story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}});
    story.result_event();
    passes(story);
  }
  SECTION("quorum of three against one") {
    Story story({{"verify", "quorum"}, {"replicas", 3}});
    story.contract_event();
    story.plan_event();
    for (const char* agent : {"alice", "bob", "carol"})
      story.receipt(agent, std::string("l-") + agent, {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
    for (std::uint32_t i = 0; i < 3; ++i)
      story.verdict(
          i, story.right(i),
          {{"alice", "l-alice", story.right(i)}, {"bob", "l-bob", story.right(i)}, {"carol", "l-carol", story.right(i)}});
    story.result_event();
    passes(story);
  }
}

TEST_CASE("an agent's true answers count up to the moment it is caught, in whichever order the hub logs that moment") {
  Story story;
  story.contract_event();
  story.plan_event();
  story.receipt("alice", "l-a", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
  story.receipt("mallory", "l-m", {{0, story.right(0)}, {1, story.right(1)}, {2, Story::wrong(2)}});
  story.receipt("bob", "l-b", {{1, story.right(1)}, {2, story.right(2)}});
  story.quarantine("mallory", 2);  // Logged with the verdict that catches it, before the one that still rests on it.
  story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}, {"mallory", "l-m", story.right(0)}});
  story.verdict(2, story.right(2),
                {{"alice", "l-a", story.right(2)}, {"mallory", "l-m", Story::wrong(2)}, {"bob", "l-b", story.right(2)}});
  story.verdict(1, story.right(1),
                {{"alice", "l-a", story.right(1)}, {"mallory", "l-m", story.right(1)}, {"bob", "l-b", story.right(1)}},
                [](identity::Verdict& verdict) { verdict.shard.evidence[1].agrees = false; });
  story.result_event();
  passes(story);
}

TEST_CASE("an adaptive job verifies with the bound that its evidence leads to, and says it") {
  Story story({{"verify", "adaptive"}, {"max_error", 0.01}, {"spotcheck_ratio", 0.3}});
  story.tell_until_verdicts();
  const double two = error_bound({}, std::vector<AgentTrust>{{20}, {20}}, 0), one = lie_bound({}, {9});
  const auto say = [&](double bound, std::uint64_t checks) {
    return [=](identity::Verdict& verdict) {
      verdict.shard.error_bound = bound;
      for (auto& answer : verdict.shard.evidence) answer.trust.checks = checks;
    };
  };
  story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}, {"bob", "l-b", story.right(0)}}, say(two, 20));
  story.verdict(1, story.right(1), {{"alice", "l-a", story.right(1)}}, say(one, 9));
  story.verdict(2, story.right(2), {{"alice", "l-a", story.right(2)}}, say(one, 9));
  story.result_event();
  const auto report = story.verify();
  INFO((report ? "" : report.error().message));
  REQUIRE(report);
  CHECK(report->error_bound == one);
  CHECK(report->expected_wrong == one + one + two);
}

namespace {

/// Two agents sampled, and mallory lied; nobody's output is another's.
struct Samples {
  Story story{{{"verify", "full"}, {"replicas", 2}}, "samples.v1", {{"items", 2500}}};
  std::map<Digest, Bytes> compared;

  static Bytes other(std::uint32_t shard) { return testing::sample_output(shard == 2 ? 500 : 1000, shard == 2 ? 260 : 510); }
  static Bytes lie() { return testing::sample_output(500, 100); }

  explicit Samples(bool liar_agrees = false) {
    story.contract_event();
    story.plan_event();
    story.receipt("alice", "l-a", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
    story.receipt("bob", "l-b", {{0, other(0)}, {1, other(1)}, {2, other(2)}});
    story.receipt("mallory", "l-m", {{2, lie()}});
    for (const Bytes& output : {story.right(0), story.right(2), other(0), other(2), lie()})
      compared.emplace(sha256(output), output);
    for (std::uint32_t i = 0; i < 3; ++i) {
      std::vector<testing::Named> evidence{{"alice", "l-a", story.right(i)}, {"bob", "l-b", other(i)}};
      if (i == 2) evidence.push_back({"mallory", "l-m", lie()});
      story.verdict(i, story.right(i), evidence, [&](identity::Verdict& verdict) {
        verdict.shard.evidence[1].agrees = true;
        if (i == 2) verdict.shard.evidence[2].agrees = liar_agrees;
      });
    }
    story.event("quarantine", {{"accepted", sha256(story.right(2)).str()},
                               {"agent", "mallory"},
                               {"job", story.job.str()},
                               {"returned", sha256(lie()).str()},
                               {"shard", 2}});
    story.result_event();
  }
  Result<AuditReport> verify() const {
    wire::Bundle bundle = story.bundle();
    bundle.compared = compared;
    return verify_bundle(story.sign(bundle), story.root());
  }
};

std::string mistake(const Result<AuditReport>& report) {
  return report ? "verified" : report.error().message;
}

}  // namespace

TEST_CASE("samples that differ and agree by the adapter's test are compared again, from the outputs in the bundle") {
  const auto report = Samples().verify();
  INFO(mistake(report));
  REQUIRE(report);
  CHECK(report->agents.size() == 2);
  REQUIRE(report->rejected.size() == 1);
  CHECK(report->rejected[0].ends_with("/mallory"));
}

TEST_CASE("what is said to agree must agree, and be shown") {
  CHECK(mistake(Samples(true).verify()).find("which does not agree with the accepted one") != std::string::npos);
  Samples missing;
  missing.compared.erase(sha256(Samples::other(0)));
  CHECK(mistake(missing.verify())
            .starts_with("/verdicts/0: compares outputs that the bundle does not hold, of the answer of bob"));
  Samples changed;
  changed.compared.begin()->second.push_back(' ');
  CHECK(mistake(changed.verify()).starts_with("/compared/" + changed.compared.begin()->first.hex() + ": has the digest"));
  CHECK(mistake(Samples().story.verify()).starts_with("/compared: is missing"));
  Story exact;
  exact.tell();
  wire::Bundle bundle = exact.bundle();
  bundle.compared.emplace();
  CHECK(mistake(verify_bundle(exact.sign(bundle), exact.root())).starts_with("/compared: is there, but"));
}

TEST_CASE("agents caught elsewhere do not stand against the accepted result") {
  Story story;
  story.contract_event();
  story.plan_event();
  story.receipt("mallory", "l-m", {{0, Story::wrong(0)}});
  story.receipt("carol", "l-c", {{0, Story::wrong(0)}});
  for (const char* agent : {"mallory", "carol"}) story.event("quarantine", {{"agent", agent}, {"job", story.job.str()}});
  story.receipt("alice", "l-a", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
  story.receipt("bob", "l-b", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
  story.verdict(0, story.right(0),
                {{"mallory", "l-m", Story::wrong(0)},
                 {"carol", "l-c", Story::wrong(0)},
                 {"alice", "l-a", story.right(0)},
                 {"bob", "l-b", story.right(0)}});
  for (const std::uint32_t i : {1u, 2u})
    story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"bob", "l-b", story.right(i)}});
  story.result_event();
  const AuditReport report = passes(story);
  CHECK(report.rejected.size() == 2);
}

TEST_CASE("executions that ended badly are receipts like others, and prove no answer") {
  Story story;
  story.contract_event();
  story.plan_event();
  story.receipt("carol", "l-c", {{0, {}}}, [](identity::Receipt& receipt) {
    receipt.shards[0].outcome = {SandboxOutcome::Kind::signalled, 11, "crashed"};
    receipt.shards[0].output.reset();
  });
  story.receipt("alice", "l-a", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
  story.receipt("bob", "l-b", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
  for (std::uint32_t i = 0; i < 3; ++i)
    story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"bob", "l-b", story.right(i)}});
  story.result_event();
  CHECK(passes(story).rejected.empty());
}

TEST_CASE("a claim that a shard fails is an answer of its receipt: refuted it rejects no result, and invented it is refused") {
  const Digest claim = wire::failure_digest(SandboxOutcome::Kind::signalled, 11);
  const auto tell = [](Story& story, int signal, const Digest& named) {
    story.contract_event();
    story.plan_event();
    story.receipt("carol", "l-c", {{0, {}}}, [signal](identity::Receipt& receipt) {
      receipt.shards[0].outcome = {SandboxOutcome::Kind::signalled, signal, "crashed"};
      receipt.shards[0].output.reset();
    });
    story.receipt("alice", "l-a", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
    story.receipt("bob", "l-b", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
    story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}, {"bob", "l-b", story.right(0)}},
                  [&](identity::Verdict& verdict) {
                    verdict.shard.error_bound = 1;
                    Evidence claimed;
                    static_cast<ShardAnswer&>(claimed) = {verdict.shard.shard, AgentId("carol"), LeaseId("l-c"), named, true};
                    verdict.shard.evidence.insert(verdict.shard.evidence.begin(), claimed);
                  });
    for (std::uint32_t i = 1; i < 3; ++i)
      story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"bob", "l-b", story.right(i)}});
    story.result_event();
  };
  Story told, invented;
  tell(told, 11, claim);
  const auto report = passes(told);
  CHECK(report.rejected.empty());
  CHECK(report.agents.size() == 2);
  tell(invented, 9, claim);
  const auto refused = invented.verify();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("no receipt in the bundle shows it") != std::string::npos);
}

TEST_CASE("a trusted root that cannot be one is refused") {
  Story story;
  story.tell();
  const std::string document = story.document();
  const auto refuses = [&](wire::TrustedRoot root, std::string_view fragment) {
    const auto report = verify_bundle(document, wire::write_trusted_root(root));
    REQUIRE_FALSE(report);
    INFO(report.error().message);
    CHECK(report.error().kind == ErrorKind::invalid_input);
    CHECK(report.error().message.find(fragment) != std::string::npos);
  };
  const auto good = wire::read_trusted_root(story.root());
  REQUIRE(good);
  auto root = *good;
  root.trust_domain = "Pool.example";
  refuses(root, "/trustDomain");
  root = *good;
  root.ca_certificate = story.agents.at("alice").identity.certificate_chain[0];
  refuses(root, "/caCertificate");
  root = *good;
  root.hub_spki = story.hub.log_key->public_key().spki;
  refuses(root, "/hubKey");
  root = *good;
  root.log_vkey += "A";
  refuses(root, "/logKey");
  CHECK_FALSE(verify_bundle(document, ""));
  CHECK_FALSE(verify_bundle(document, document));
}

TEST_CASE("another pool's root proves nothing") {
  Story story, other;
  story.tell();
  const auto report = verify_bundle(story.document(), other.root());
  REQUIRE_FALSE(report);
  CHECK(report.error().kind == ErrorKind::corrupt);
  CHECK(report.error().message.starts_with("/signature: "));
}

}  // namespace forgepool
