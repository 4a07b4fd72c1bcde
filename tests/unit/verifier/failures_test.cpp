/// That an execution fails is an answer like any other, believed with as much agreement as a result, and in part-checked jobs
/// with more: it ends the job.
#include <forgepool/backends/adaptive_verifier.hpp>
#include <forgepool/backends/boinc_verifier.hpp>
#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/majority_verifier.hpp>

#include <catch2/catch_test_macros.hpp>

#include "court.hpp"

using namespace forgepool;
using namespace forgepool::testing;

namespace {

struct Failing : testing::Court {
  explicit Failing(std::unique_ptr<Verifier> by) : testing::Court{std::move(by)} {}
  Lines fails(const std::string& agent, std::uint32_t shard, char how = 'F', const std::string& job = "j") {
    return describe(verifier->answer({{JobId(job), shard}, AgentId(agent), LeaseId("of-" + agent), result(how), true}));
  }
};

ContractPolicy policy(VerifyMode mode, std::uint32_t replicas = 2, double ratio = 0) {
  ContractPolicy policy;
  policy.verify = mode;
  policy.replicas = replicas;
  policy.spotcheck_ratio = ratio;
  return policy;
}

}  // namespace

TEST_CASE("one agent's claim that a shard fails is not believed where two must agree on a result, and costs it its credit") {
  Failing court(make_duplication_verifier());
  court.begin(policy(VerifyMode::full), 1);
  CHECK(court.fails("liar", 0).empty());
  CHECK(court.answer("a", 0, 'X') == Lines{"execute j/0 x1"});
  CHECK(court.answer("b", 0, 'X') == Lines{"accept j/0 X [liar=F a=X b=X] full 2 of 3", "discredit liar at j/0 F!=X, 1"});
  CHECK(court.checks("a") == 1);
  CHECK(court.checks("liar") == 0);
}

TEST_CASE(
    "a program that fails in the same way everywhere is found failing by its replicas, and nobody is accused or trusted") {
  Failing court(make_duplication_verifier());
  court.begin(policy(VerifyMode::full), 1);
  CHECK(court.fails("a", 0).empty());
  CHECK(court.fails("b", 0) == Lines{"fail j/0 F [a=F b=F] full 2 of 2"});
  CHECK(court.checks("a") == 0);
  CHECK(court.answer("c", 0, 'X').empty());
  CHECK(court.explain(0).find("fails, as sha256:") != std::string::npos);
}

TEST_CASE("different ways to fail do not agree") {
  Failing court(make_duplication_verifier());
  court.begin(policy(VerifyMode::full), 1);
  CHECK(court.fails("a", 0, 'F').empty());
  CHECK(court.fails("b", 0, 'G') == Lines{"execute j/0 x1"});
  CHECK(court.fails("c", 0, 'G') == Lines{"fail j/0 G [a=F b=G c=G] full 2 of 3"});
}

TEST_CASE("with verify none one failure is as good as one result") {
  Failing court(make_duplication_verifier());
  court.begin(policy(VerifyMode::none), 1);
  CHECK(court.fails("a", 0) == Lines{"fail j/0 F [a=F] none"});
}

TEST_CASE("where part of the shards is compared, a failure is compared always: it would end the whole job") {
  SECTION("spotcheck") {
    Failing court(make_duplication_verifier());
    court.begin(policy(VerifyMode::spotcheck, 1, 0), 2);
    CHECK(court.fails("liar", 0) == Lines{"execute j/0 x1"});
    CHECK(court.answer("a", 0, 'X') == Lines{"execute j/0 x1"});
    CHECK(court.answer("b", 0, 'X').front().starts_with("accept j/0 X"));
  }
  SECTION("adaptive, of an agent that is trusted") {
    Failing court(make_adaptive_verifier({.canary_ratio = 0}));
    court.verifier->credit({{AgentId("trusted"), 1'000'000}});
    court.begin(adaptive(0.05), 2);
    CHECK(court.answer("trusted", 1, 'X').front().starts_with("accept j/1 X"));
    CHECK(court.fails("trusted", 0) == Lines{"execute j/0 x1"});
    CHECK(court.fails("other", 0).front().starts_with("fail j/0 F"));
  }
  SECTION("boinc, of an agent that is trusted") {
    Failing court(make_boinc_verifier({.trusted_after = 1}));
    court.verifier->credit({{AgentId("trusted"), 1}});
    court.begin(policy(VerifyMode::full), 1);
    CHECK(court.fails("trusted", 0) == Lines{"execute j/0 x1"});
  }
}

TEST_CASE("the third refuted claim ends in quarantine, unless enough was earned in between") {
  Failing court(make_duplication_verifier());
  for (int round = 0; round < 2; ++round) {
    const std::string job = "j" + std::to_string(round);
    court.begin(policy(VerifyMode::full), 1, job);
    court.fails("a", 0, 'F', job);
    court.answer("b", 0, 'X', job);
    const auto lines = court.answer("c", 0, 'X', job);
    CHECK(lines.back() == "discredit a at " + job + "/0 F!=X, " + std::to_string(round + 1));
    court.verifier->end(JobId(job));
  }
  SECTION("the third") {
    court.begin(policy(VerifyMode::full), 1, "k");
    court.fails("a", 0, 'F', "k");
    court.answer("b", 0, 'X', "k");
    CHECK(court.answer("c", 0, 'X', "k").back() == "quarantine a at k/0 F!=X");
  }
  SECTION("forgiven") {
    court.verifier->credit({{AgentId("a"), refuted_claims_forgiven}});
    court.begin(policy(VerifyMode::full), 1, "k");
    court.fails("a", 0, 'F', "k");
    court.answer("b", 0, 'X', "k");
    CHECK(court.answer("c", 0, 'X', "k").back() == "discredit a at k/0 F!=X, 1");
  }
}

TEST_CASE("a job is decided by the terms that it was begun with, whatever the verifier's own are") {
  const auto before = make_adaptive_verifier({.canary_ratio = 0, .min_spotcheck_ratio = 1, .max_executions = 7});
  const std::string terms = before->terms();
  CHECK(terms == "adaptive canary_ratio=0 max_executions=7 min_spotcheck_ratio=1");
  const auto after = make_adaptive_verifier({.canary_ratio = 0.5});
  CHECK(after->understands(terms));
  VerifierJob job{JobId("j"), 1, adaptive(0.05)};
  job.terms = terms;
  CHECK(describe(after->begin(job)) == Lines{"execute j/0 x2"});
  job.id = JobId("k");
  job.terms.clear();
  CHECK(describe(after->begin(job)) == Lines{"execute k/0 x1"});

  for (const auto& verifier : {make_duplication_verifier(), make_majority_verifier(), make_boinc_verifier()}) {
    CHECK(verifier->understands(verifier->terms()));
    CHECK(verifier->understands(""));
    CHECK_FALSE(verifier->understands(terms));
  }
  for (const char* other :
       {"adaptive", "adaptive canary_ratio=0", "adaptive canary_ratio=0 max_executions=7 min_spotcheck_ratio=1 ",
        "adaptive canary_ratio=0.0 max_executions=7 min_spotcheck_ratio=1",
        "adaptive canary_ratio=x max_executions=7 min_spotcheck_ratio=1"})
    CHECK_FALSE(after->understands(other));
}
