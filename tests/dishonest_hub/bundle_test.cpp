// A hub that ran a job with real agents, and then writes its log and its bundle anew.
#include "bent_log.hpp"

#include <forgepool/audit.hpp>

using namespace forgepool;
using namespace forgepool::test;

namespace {

void named(const Result<AuditReport>& report, const std::string& code) {
  REQUIRE_FALSE(report);
  INFO(report.error().message);
  CHECK(report.error().kind == ErrorKind::corrupt);
  CHECK(report.error().message.find(": " + code + ": ") != std::string::npos);
}

BentJob bent(DoneJob& job) {
  return {job.hub(), job.ledger(), job.bundle};
}

}  // namespace

TEST_CASE("the bundle of a job that includes nothing is checked to the result, as the hub made it and written anew") {
  DoneJob job;
  for (const auto& document : {job.bundle, bent(job).document()}) {
    const auto report = must(verify_bundle(document, job.root()));
    CHECK(report.complete());
    CHECK(report.agents.size() == 2);
    CHECK(report.receipts == job.agents[0]->promises.size() + job.agents[1]->promises.size());
    CHECK(report.unpinned.size() == 1);
  }
}

TEST_CASE("a hub that commits itself to another result than its agents' answers come to is refused") {
  DoneJob job;
  const auto honest = must(verify_bundle(job.bundle, job.root()));
  auto lie = bent(job);
  lie.restate("result", honest.result.str(), sha256("another result").str());
  named(verify_bundle(lie.document(), job.root()), "result_not_reduced");
  lie.bundle.outputs.reset();
  const auto hidden = must(verify_bundle(lie.document(), job.root()));
  CHECK_FALSE(hidden.complete());
}

TEST_CASE("a hub that leaves the enrolment of an agent out, or makes up another one, is refused") {
  DoneJob job;
  auto left_out = bent(job);
  std::erase_if(left_out.bundle.events, [&](const auto& event) {
    return event.kind == "enrolment" && event.content.find(job.agents[0]->id()) != std::string::npos;
  });
  named(verify_bundle(left_out.document(), job.root()), "agent_not_enrolled");

  auto other_key = bent(job);
  const Digest key = job.agents[0]->credentials.identity.key->public_key().pin();
  other_key.restate("enrolment", key.str(), sha256("another key").str());
  named(verify_bundle(other_key.document(), job.root()), "key_not_enrolled");

  auto one_operator = bent(job);
  for (const auto& agent : job.agents)
    one_operator.restate(
        "enrolment",
        R"({"agent":")" + agent->id() +
            R"(","attested":{"adapters":[],"data_classes":[],"network":"","numeric_class":"","operator":"")",
        R"({"agent":")" + agent->id() +
            R"(","attested":{"adapters":[],"data_classes":[],"network":"","numeric_class":"","operator":"o-1")");
  named(verify_bundle(one_operator.document(), job.root()), "too_few_agree");
}

TEST_CASE("a hub that opens what its agents signed as another contract is refused") {
  DoneJob job;
  auto lie = bent(job);
  const std::string member = R"("contract_salt":")";
  for (const auto& event : lie.bundle.events)
    if (event.kind == "plan") {
      const auto at = event.content.find(member);
      REQUIRE(at != std::string::npos);
      const std::string salt = event.content.substr(at, member.size() + 64);
      lie.restate("plan", salt, member + sha256("another salt").hex());
      break;
    }
  named(verify_bundle(lie.document(), job.root()), "receipt_contract");
}

TEST_CASE("a log that was written anew does not continue what somebody kept of it") {
  DoneJob job;
  const LedgerHead kept = job.ledger().head();
  auto lie = bent(job);
  lie.leaves.push_back(to_bytes("one more"));
  const auto grown = lie.log();
  CHECK(prove_consistency(fetch_from(*grown), kept, grown->head()));
  lie.leaves.at(kept.size / 2)[0] ^= 1;
  const auto rewritten = lie.log();
  const auto proved = prove_consistency(fetch_from(*rewritten), kept, rewritten->head());
  REQUIRE_FALSE(proved);
  CHECK(proved.error().kind == ErrorKind::corrupt);
}
