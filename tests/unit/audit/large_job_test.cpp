/// A job of so many receipts and verdicts that they are checked on several threads.
#include "story.hpp"

#include <catch2/catch_test_macros.hpp>

namespace forgepool {
namespace {

using testing::Named;
using testing::Story;

constexpr std::uint32_t shards = 200, shards_per_lease = 5;

/// Told honestly; every lease is computed by alice and by bob.
Story large_job() {
  Story story({{"verify", "full"}, {"replicas", 2}}, "tally.v1", {{"items", 2 * shards}});
  story.contract_event();
  story.plan_event();
  const auto lease_of = [](const char* agent, std::uint32_t shard) {
    return std::string(agent) + "-" + std::to_string(shard / shards_per_lease);
  };
  for (std::uint32_t first = 0; first < shards; first += shards_per_lease)
    for (const char* agent : {"alice", "bob"}) {
      std::map<std::uint32_t, Bytes> outputs;
      for (std::uint32_t shard = first; shard < first + shards_per_lease; ++shard) outputs.emplace(shard, story.right(shard));
      story.receipt(agent, lease_of(agent, first), outputs);
    }
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    story.verdict(
        shard, story.right(shard),
        {{"alice", lease_of("alice", shard), story.right(shard)}, {"bob", lease_of("bob", shard), story.right(shard)}});
  story.result_event();
  return story;
}

/// Signed again after the change.
std::string refusal(const Story& story, wire::Bundle bundle, const std::function<void(wire::Bundle&)>& change) {
  change(bundle);
  const auto report = verify_bundle(story.sign(bundle), story.root());
  REQUIRE_FALSE(report);
  return report.error().message;
}

void forge(wire::BundleStatement& statement) {
  statement.position.path.front().bytes[0] ^= 1;
}

}  // namespace

TEST_CASE("a large job verifies, and is told in its order") {
  const Story story = large_job();
  const auto report = story.verify();
  REQUIRE(report);
  CHECK(report->shards == shards);
  CHECK(report->receipts == 2 * shards / shards_per_lease);
  CHECK(report->agents.size() == 2);
  std::vector<std::string> told, expected;
  for (const AuditCheck& check : report->checks)
    if (check.name.starts_with("receipt") || check.name.starts_with("verdict")) told.push_back(check.name);
  for (std::uint32_t lease = 0; lease < shards / shards_per_lease; ++lease)
    for (const char* agent : {"alice", "bob"})
      expected.push_back("receipt of lease " + std::string(agent) + "-" + std::to_string(lease));
  for (std::uint32_t shard = 0; shard < shards; ++shard) expected.push_back("verdict on shard " + std::to_string(shard));
  CHECK(told == expected);
}

TEST_CASE("of many things that are wrong in a large job, the first in its order is told") {
  const Story story = large_job();
  const wire::Bundle told = story.bundle();
  for (const std::size_t first : {0, 7, 8, 100, 199}) {
    const std::string where = "/verdicts/" + std::to_string(first) + ": ";
    for (int round = 0; round < 10; ++round) {
      const auto forged = refusal(story, told, [&](wire::Bundle& bundle) {
        for (std::size_t i = first; i < shards; i += 3) forge(bundle.verdicts[i]);
      });
      CHECK(forged.starts_with(where));
    }
  }
  for (const std::size_t first : {0, 8, 79}) {
    const auto forged = refusal(story, told, [&](wire::Bundle& bundle) {
      for (std::size_t i = first; i < bundle.receipts.size(); ++i) forge(bundle.receipts[i]);
      for (auto& verdict : bundle.verdicts) forge(verdict);
    });
    CHECK(forged.starts_with("/receipts/" + std::to_string(first) + ": "));
  }
  // What only all verdicts together show stands in the same order as what each shows.
  CHECK(refusal(story, told, [](wire::Bundle& bundle) {
          bundle.verdicts[50] = bundle.verdicts[49];
          forge(bundle.verdicts[60]);
        }).starts_with("/verdicts/50: "));
  CHECK(refusal(story, told, [](wire::Bundle& bundle) {
          bundle.verdicts[50] = bundle.verdicts[49];
          forge(bundle.verdicts[40]);
        }).starts_with("/verdicts/40: "));
}

}  // namespace forgepool
