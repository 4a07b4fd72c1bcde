#include "identity/verdict.hpp"
#include "hostile.hpp"
#include "wire/json.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace forgepool::identity;

namespace {

Verdict sample(Decision decision = Decision::accepted) {
  Verdict verdict;
  verdict.verifier = "spiffe://pool.example/hub";
  verdict.verified_at = *from_rfc3339("2026-01-31T08:15:00Z");
  verdict.contract = sha256("contract");
  verdict.salt = Bytes(verdict_salt_bytes, 7);
  auto& shard = verdict.shard;
  shard.shard = {JobId("j-1"), 3};
  shard.decision = decision;
  if (decision == Decision::accepted) shard.result = sha256("right");
  shard.rule = "full 2 of 2";
  for (const auto& [agent, result] : {std::pair{"a-1", "right"}, {"a-2", "wrong"}, {"a-3", "right"}})
    shard.evidence.push_back({{shard.shard, AgentId(agent), LeaseId(std::string("l-") + agent), sha256(result)},
                              decision == Decision::accepted && result == std::string_view("right"),
                              {shard.evidence.size() * 40, result == std::string_view("wrong")}});
  shard.evidence[1].diverges_at = 17;
  if (decision == Decision::accepted) shard.error_bound = 2.5e-7;
  verdict.adversary = {0.125, true};
  return verdict;
}

bool same(const Verdict& a, const Verdict& b) {
  return a.verifier == b.verifier && a.verified_at == b.verified_at && a.contract == b.contract && a.salt == b.salt &&
         a.shard.shard == b.shard.shard && a.shard.decision == b.shard.decision && a.shard.result == b.shard.result &&
         a.shard.evidence == b.shard.evidence && a.shard.rule == b.shard.rule && a.shard.error_bound == b.shard.error_bound &&
         a.adversary == b.adversary;
}

}  // namespace

TEST_CASE("verdicts survive being written and read, accepted and undecided") {
  for (const auto decision : {Decision::accepted, Decision::undecided}) {
    const auto text = write_verdict(sample(decision));
    REQUIRE(text);
    const auto read = parse_verdict(*text);
    REQUIRE(read);
    CHECK(same(*read, sample(decision)));
    CHECK(json::parse_canonical(*text, 1u << 20));
  }
}

TEST_CASE("a verdict has the members that readers of SLSA verification summaries look for") {
  const auto read = [](Decision decision) { return *json::parse(*write_verdict(sample(decision)), 1u << 20); };
  const auto accepted = read(Decision::accepted), undecided = read(Decision::undecided);
  const auto predicate = [](const json::Value& value) { return *value.as_object()->find("predicate")->as_object(); };
  CHECK(*accepted.as_object()->find("predicateType")->as_string() == "https://slsa.dev/verification_summary/v1");
  CHECK(*predicate(accepted).find("verificationResult")->as_string() == "PASSED");
  CHECK(*predicate(accepted).find("verifiedLevels")->as_array()->front().as_string() == "FORGEPOOL_AGREED_BY_2");
  CHECK(accepted.as_object()->find("subject")->as_array()->size() == 1);
  CHECK(*predicate(undecided).find("verificationResult")->as_string() == "FAILED");
  CHECK(predicate(undecided).find("verifiedLevels")->as_array()->empty());
  CHECK(undecided.as_object()->find("subject")->as_array()->size() == 2);  // Each different output once.
}

TEST_CASE("a verdict that does not follow from its evidence is not written") {
  const auto written = [](auto change) {
    auto verdict = sample();
    change(verdict);
    return write_verdict(verdict).has_value();
  };
  CHECK(written([](auto&) {}));
  CHECK_FALSE(written([](auto& v) { v.shard.result = sha256("nobody said so"); }));
  CHECK_FALSE(written([](auto& v) { v.shard.evidence.clear(); }));
  CHECK_FALSE(written([](auto& v) { v.shard.evidence.assign(65, v.shard.evidence[0]); }));
  CHECK_FALSE(written([](auto& v) { v.salt.clear(); }));
  CHECK_FALSE(written([](auto& v) { v.shard.rule = "\xff"; }));
  CHECK_FALSE(written([](auto& v) { v.verifier = "https://pool.example"; }));
}

TEST_CASE("a verdict has one spelling: anything added, repeated, reordered or respelt is refused") {
  for (const auto decision : {Decision::accepted, Decision::undecided})
    test::check_one_spelling(*write_verdict(sample(decision)), parse_verdict, write_verdict);
}

TEST_CASE("no damage to a verdict goes unnoticed or crashes the reader") {
  const auto text = *write_verdict(sample());
  test::for_each_damage(text, [&](const std::string& damaged) {
    const auto read = parse_verdict(damaged);
    return !read || *write_verdict(*read) == damaged;
  });
  auto levels = text;
  levels.replace(levels.find("AGREED_BY_2"), 11, "AGREED_BY_3");
  CHECK_FALSE(parse_verdict(levels));
}
