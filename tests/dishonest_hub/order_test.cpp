// A hub that changes what it has written, leaves something out, or writes it in another order.
#include "lies.hpp"

namespace forgepool {
namespace {

using testing::honest;
using testing::named;
using testing::Story;

/// The honest bundle, changed and signed again, against the log as it was.
void named_after(std::string_view code, const std::function<void(wire::Bundle&)>& change) {
  const Story story = honest();
  wire::Bundle bundle = story.bundle();
  change(bundle);
  named(verify_bundle(story.sign(bundle), story.root()), code);
}

std::map<std::uint32_t, Bytes> all_right(const Story& story) {
  return {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}};
}
void all_verdicts(Story& story) {
  for (std::uint32_t i = 0; i < 3; ++i)
    story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"bob", "l-b", story.right(i)}});
}

}  // namespace

// --- changed afterwards ----------------------------------------------------------------------------------------------

TEST_CASE("what the hub committed itself to cannot be told otherwise afterwards") {
  const std::size_t events = honest().bundle().events.size();
  for (std::size_t i = 0; i < events; ++i) {
    INFO("event " << i);
    named_after("not_in_log", [&](wire::Bundle& bundle) { bundle.events[i].content += " "; });
    named_after("not_in_log", [&](wire::Bundle& bundle) { bundle.events[i].salt[0] ^= 1; });
  }
}

TEST_CASE("a statement that is not the one in the log is refused") {
  SECTION("a verdict signed anew") {
    Story story = honest();
    wire::Bundle bundle = story.bundle();
    const auto position = bundle.verdicts[0].position;
    story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}, {"bob", "l-b", story.right(0)}},
                  [](identity::Verdict& verdict) { verdict.shard.rule = "as told later"; });
    bundle.verdicts[0] = story.bundle().verdicts.back();
    bundle.verdicts[0].position = position;
    named(verify_bundle(story.sign(bundle), story.root()), "not_in_log");
  }
  SECTION("a receipt that its agent signed anew") {
    Story story = honest();
    wire::Bundle bundle = story.bundle();
    const auto position = bundle.receipts[0].position;
    story.receipt("alice", "l-a", all_right(story), [](identity::Receipt& receipt) { receipt.salt[0] ^= 1; });
    bundle.receipts[0] = story.bundle().receipts.back();
    bundle.receipts[0].position = position;
    named(verify_bundle(story.sign(bundle), story.root()), "not_in_log");
  }
  SECTION("a result that is not the committed one") {
    named_after("result_not_committed", [](wire::Bundle& bundle) { bundle.result->back() = ' '; });
  }
  SECTION("a plan that the contract does not lead to") {
    named_after("plan_not_planned", [](wire::Bundle& bundle) {
      const auto at = bundle.plan.find("\"cpu_ms\":1000");
      REQUIRE(at != std::string::npos);
      bundle.plan[at + 9] = '2';
    });
  }
}

TEST_CASE("a checkpoint that the log's key did not sign is refused") {
  const Story story = honest(), other = honest();
  wire::Bundle bundle = story.bundle();
  bundle.checkpoint = other.bundle().checkpoint;
  named(verify_bundle(story.sign(bundle), story.root()), "checkpoint_not_the_logs");
}

// --- left out --------------------------------------------------------------------------------------------------------

TEST_CASE("a verdict that is left out, or stands there twice, is missed") {
  named_after("verdict_missing", [](wire::Bundle& bundle) { bundle.verdicts.erase(bundle.verdicts.begin() + 1); });
  Story story;
  story.tell_until_verdicts();
  story.tell_verdicts();
  story.verdict(1, story.right(1), {{"alice", "l-a", story.right(1)}, {"bob", "l-b", story.right(1)}});
  story.result_event();
  named(story, "verdict_twice");
}

TEST_CASE("a receipt that a verdict rests on, and that is left out, is missed") {
  for (const std::size_t i : {0, 1, 3}) {
    INFO("receipt " << i);
    named_after("answer_not_receipted",
                [&](wire::Bundle& bundle) { bundle.receipts.erase(bundle.receipts.begin() + static_cast<std::ptrdiff_t>(i)); });
  }
}

TEST_CASE("a grant that is left out is missed: who got which shard was committed to before it was told") {
  named_after("lease_not_granted", [](wire::Bundle& bundle) {
    std::erase_if(bundle.events, [](const auto& event) {
      return event.content.find("\"agent\":\"mallory\"") != std::string::npos && event.kind != "quarantine";
    });
  });
}

TEST_CASE("who had which shard cannot be made up afterwards") {
  Story story;
  story.contract_event();
  story.plan_event();
  std::string code;
  SECTION("the lease was another's") {
    story.lease("bob", "l-a", {0, 1, 2});
    code = "lease_of_another";
  }
  SECTION("the lease was for fewer shards") {
    story.lease("alice", "l-a", {0, 1});
    code = "lease_other_shards";
  }
  story.receipt("alice", "l-a", all_right(story));
  story.receipt("bob", "l-b", all_right(story));
  all_verdicts(story);
  story.result_event();
  named(story, code);
}

TEST_CASE("one leaf is not shown as two things") {
  named_after("leaf_twice", [](wire::Bundle& bundle) { bundle.receipts.push_back(bundle.receipts[0]); });
}

TEST_CASE("one that answered is not accused of what it did not return") {
  named_after("quarantine_unfounded", [](wire::Bundle& bundle) { bundle.receipts.erase(bundle.receipts.begin() + 2); });
}

// --- in another order ------------------------------------------------------------------------------------------------

TEST_CASE("each thing stands in the ledger after what it rests on") {
  Story story;
  SECTION("the plan before the contract") {
    story.plan_event();
    story.contract_event();
    story.receipt("alice", "l-a", all_right(story));
    story.receipt("bob", "l-b", all_right(story));
    all_verdicts(story);
    story.result_event();
  }
  SECTION("a lease, and the answers, before the plan") {
    story.contract_event();
    story.receipt("alice", "l-a", all_right(story));
    story.plan_event();
    story.receipt("bob", "l-b", all_right(story));
    all_verdicts(story);
    story.result_event();
  }
  SECTION("an answer before its lease was granted") {
    story.contract_event();
    story.plan_event();
    story.enrol("bob");
    story.receipt("alice", "l-a", all_right(story));
    story.grant_later("l-b");
    story.receipt("bob", "l-b", all_right(story));
    story.lease("bob", "l-b", {0, 1, 2});
    all_verdicts(story);
    story.result_event();
  }
  SECTION("a verdict before an answer that it rests on") {
    story.contract_event();
    story.plan_event();
    story.receipt("alice", "l-a", all_right(story));
    all_verdicts(story);
    story.receipt("bob", "l-b", all_right(story));
    story.result_event();
  }
  SECTION("the result before a verdict") {
    story.contract_event();
    story.plan_event();
    story.receipt("alice", "l-a", all_right(story));
    story.receipt("bob", "l-b", all_right(story));
    story.result_event();
    all_verdicts(story);
  }
  named(story, "out_of_order");
}

// --- by others, or for less ------------------------------------------------------------------------------------------

TEST_CASE("a verdict that the hub's key did not sign is refused") {
  Story story;
  story.verdict_key = story.agents.at("mallory").identity.key;
  story.tell();
  named(story, "verdict_not_hubs");
}

TEST_CASE("a verdict with fewer agents than the policy asks for, or not with the most, is refused") {
  Story story;
  story.contract_event();
  story.plan_event();
  story.receipt("alice", "l-a", all_right(story));
  SECTION("one, twice") {
    story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}, {"alice", "l-a", story.right(0)}});
    for (std::uint32_t i = 1; i < 3; ++i) story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}});
    story.result_event();
    named(story, "agent_counted_twice");
  }
  SECTION("one") {
    for (std::uint32_t i = 0; i < 3; ++i) story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}});
    story.result_event();
    named(story, "too_few_agree");
  }
  SECTION("two of four") {
    story.receipt("bob", "l-b", all_right(story));
    story.receipt("carol", "l-c", {{2, Story::wrong(2)}});
    story.receipt("mallory", "l-m", {{2, Story::wrong(2)}});
    for (std::uint32_t i = 0; i < 2; ++i)
      story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"bob", "l-b", story.right(i)}});
    story.verdict(2, story.right(2),
                  {{"alice", "l-a", story.right(2)},
                   {"bob", "l-b", story.right(2)},
                   {"carol", "l-c", Story::wrong(2)},
                   {"mallory", "l-m", Story::wrong(2)}});
    story.result_event();
    named(story, "not_the_most");
  }
}

TEST_CASE("a bound that the evidence does not lead to is refused") {
  Story story;
  story.tell_until_verdicts();
  story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}, {"bob", "l-b", story.right(0)}},
                [](identity::Verdict& verdict) { verdict.shard.error_bound = 1e-12; });
  story.verdict(1, story.right(1), {{"alice", "l-a", story.right(1)}, {"bob", "l-b", story.right(1)}});
  story.receipt("bob", "l-b2", {{2, story.right(2)}});
  story.verdict(2, story.right(2), {{"alice", "l-a", story.right(2)}, {"bob", "l-b2", story.right(2)}});
  story.result_event();
  named(story, "bound_understated");
}

TEST_CASE("a spot check with fewer confirmed shards than the contract asks for is refused") {
  Story story({{"verify", "spotcheck"}, {"spotcheck_ratio", 0.5}});
  story.contract_event();
  story.plan_event();
  story.receipt("alice", "l-a", all_right(story));
  story.receipt("bob", "l-b", {{0, story.right(0)}});
  story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}, {"bob", "l-b", story.right(0)}});
  for (std::uint32_t i = 1; i < 3; ++i) story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}});
  story.result_event();
  named(story, "too_few_confirmed");
}

}  // namespace forgepool
