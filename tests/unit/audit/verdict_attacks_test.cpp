// Lies in verdicts, and about the result.
#include "attacks.hpp"

#include "identity/dsse.hpp"

namespace forgepool {
namespace {

using testing::honest;
using testing::refuses;
using testing::refuses_changed;
using testing::Story;

}  // namespace

// --- verdicts --------------------------------------------------------------------------------------------------------

TEST_CASE("a shard accepted without the agreement that the contract asks for is refused") {
  Story story;
  story.tell_until_verdicts();
  SECTION("one agent instead of two") {
    story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}});
    story.verdict(1, story.right(1), {{"alice", "l-a", story.right(1)}, {"bob", "l-b", story.right(1)}});
    story.verdict(2, story.right(2), {{"alice", "l-a", story.right(2)}});
    story.result_event();
    refuses(story,
            "/verdicts/0: too_few_agree: 1 agents agree on the accepted result, the contract's policy (full) asks for 2");
  }
  SECTION("one agent twice, under two leases") {
    story.receipt("alice", "l-a2", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
    for (std::uint32_t i = 0; i < 3; ++i)
      story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"alice", "l-a2", story.right(i)}});
    story.result_event();
    refuses(story, "/verdicts/0: agent_counted_twice: names alice twice in its evidence");
  }
  SECTION("against as many who say otherwise") {
    story.receipt("carol", "l-c", {{0, Story::wrong(0)}});
    story.receipt("mallory", "l-m0", {{0, Story::wrong(0)}});
    story.verdict(0, story.right(0),
                  {{"alice", "l-a", story.right(0)},
                   {"bob", "l-b", story.right(0)},
                   {"carol", "l-c", Story::wrong(0)},
                   {"mallory", "l-m0", Story::wrong(0)}});
    story.verdict(1, story.right(1), {{"alice", "l-a", story.right(1)}, {"bob", "l-b", story.right(1)}});
    story.verdict(2, story.right(2), {{"alice", "l-a", story.right(2)}});
    story.result_event();
    refuses(story, "/verdicts/0: not_the_most: 2 agents agree on the accepted result, but 2 on sha256:");
  }
  SECTION("by an agent in quarantine") {
    story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}, {"bob", "l-b", story.right(0)}});
    story.receipt("bob", "l-b2", {{2, story.right(2)}});
    story.verdict(2, story.right(2),
                  {{"alice", "l-a", story.right(2)}, {"mallory", "l-m", Story::wrong(2)}, {"bob", "l-b2", story.right(2)}});
    story.quarantine("mallory", 2);
    story.receipt("mallory", "l-m2", {{1, story.right(1)}});
    story.verdict(1, story.right(1), {{"alice", "l-a", story.right(1)}, {"mallory", "l-m2", story.right(1)}});
    story.result_event();
    refuses(story, "/verdicts/2: too_few_agree: 1 agents agree");
  }
}

TEST_CASE("an error bound that does not follow from the evidence, or not from the contract, is refused") {
  const double one = lie_bound({}, {100});
  const auto tell = [&](Story& story, const std::function<void(identity::Verdict&)>& edit) {
    story.tell_until_verdicts();
    for (std::uint32_t i = 0; i < 3; ++i)
      story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}}, [&](identity::Verdict& verdict) {
        verdict.shard.error_bound = one;
        verdict.shard.evidence[0].trust.checks = 100;
        if (edit && i == 1) edit(verdict);
      });
    story.result_event();
  };
  const auto adaptive = [](double max_error, double ratio) {
    return Story({{"verify", "adaptive"}, {"max_error", max_error}, {"spotcheck_ratio", ratio}});
  };
  SECTION("smaller than the evidence leads to") {
    Story story = adaptive(1e-3, 0);
    tell(story, [&](identity::Verdict& verdict) { verdict.shard.error_bound = one / 2; });
    refuses(story, "/verdicts/1: bound_understated: states that the result is wrong with a probability of at most");
  }
  SECTION("for another adversary") {
    Story story = adaptive(1e-3, 0);
    tell(story, [&](identity::Verdict& verdict) { verdict.adversary.fraction = 0.01; });
    refuses(story, "/verdicts/1: gives its error bound for another adversary");
  }
  SECTION("larger than the contract allows") {
    Story story = adaptive(one / 2, 0);
    tell(story, {});
    refuses(story, "/verdicts/0: bound_too_large: accepts a result that is wrong with a probability of up to");
  }
  SECTION("with an answer that agrees with nothing accepted") {
    Story story;
    story.tell_until_verdicts();
    story.receipt("bob", "l-b2", {{2, story.right(2)}});
    for (std::uint32_t i = 0; i < 2; ++i)
      story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"bob", "l-b", story.right(i)}});
    story.verdict(2, story.right(2),
                  {{"alice", "l-a", story.right(2)}, {"bob", "l-b2", story.right(2)}, {"mallory", "l-m", Story::wrong(2)}},
                  [](identity::Verdict& verdict) { verdict.shard.evidence[2].agrees = true; });
    story.result_event();
    refuses(story,
            "/verdicts/2: counted_wrongly: counts the answer of mallory under lease l-m, which does not agree with the "
            "accepted one");
  }
  SECTION("without the comparisons that the contract asks for in any case") {
    Story story = adaptive(1e-3, 0.5);
    tell(story, {});
    refuses(story,
            "/verdicts: too_few_confirmed: a second agent confirmed 0 shards, the contract's policy (adaptive) asks for 2");
  }
}

TEST_CASE("a job whose accepted result an appeal overturned does not verify") {
  Story story;
  story.tell();
  story.event("appeal",
              {{"agent", "mallory"}, {"job", story.job.str()}, {"replayed", sha256(Story::wrong(2)).str()}, {"shard", 2}});
  refuses(story, "on appeal of mallory a replay of shard 2 gave");
}

TEST_CASE("a result that nobody returned is refused") {
  Story story;
  story.tell_until_verdicts();
  const Bytes invented = testing::tally_output(9);
  for (std::uint32_t i = 0; i < 3; ++i) story.verdict(i, invented, {{"alice", "l-a", invented}, {"bob", "l-b", invented}});
  story.result_event();
  refuses(
      story,
      "/verdicts/0: answer_not_receipted: names the answer of alice under lease l-a, but no receipt in the bundle shows it");
}

TEST_CASE("an answer of one agent put into another's mouth is refused") {
  Story story;
  story.tell_until_verdicts();
  for (std::uint32_t i = 0; i < 3; ++i)
    story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"carol", "l-a", story.right(i)}});
  story.result_event();
  refuses(story, "names the answer of carol under lease l-a, but no receipt");
}

TEST_CASE("every shard needs one verdict and no more") {
  Story story;
  SECTION("two") {
    story.tell_until_verdicts();
    story.tell_verdicts();
    story.verdict(1, story.right(1), {{"alice", "l-a", story.right(1)}, {"bob", "l-b", story.right(1)}});
    story.result_event();
    refuses(story, "/verdicts/3: verdict_twice: is a second verdict on shard 1");
  }
  SECTION("none") {
    story.tell_until_verdicts();
    story.tell_verdicts();
    story.forget_last_verdict();
    story.result_event();
    refuses(story, "/verdicts: verdict_missing: there is none on shard 2");
  }
  SECTION("undecided") {
    story.tell_until_verdicts();
    story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}}, [](identity::Verdict& verdict) {
      verdict.shard.decision = Decision::undecided;
      verdict.shard.result = Digest{};
    });
    story.result_event();
    refuses(story, "/verdicts/0: verdict_undecided: leaves shard 0 undecided");
  }
  SECTION("after the result") {
    story.tell_until_verdicts();
    story.result_event();
    story.tell_verdicts();
    refuses(story, "stands in the ledger after the result that rests on it");
  }
}

TEST_CASE("a verdict that is not the hub's, or not about this job, is refused") {
  Story story;
  story.tell_until_verdicts();
  const auto tells = [&](std::string_view fragment, const std::function<void(identity::Verdict&)>& edit) {
    story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}, {"bob", "l-b", story.right(0)}}, edit);
    story.result_event();
    refuses(story, fragment);
  };
  SECTION("signed by an agent") {
    story.verdict_key = story.agents.at("mallory").identity.key;
    tells("/verdicts/0: verdict_not_hubs: is not signed by the hub", {});
  }
  SECTION("another verifier") {
    tells("names spiffe://other.example/hub as verifier",
          [](auto& verdict) { verdict.verifier = "spiffe://other.example/hub"; });
  }
  SECTION("another contract") {
    tells("/verdicts/0: verdict_other_job: is for the contract sha256:",
          [](auto& verdict) { verdict.contract = sha256("other"); });
  }
  SECTION("another job") {
    tells("/verdicts/0: verdict_other_job: is for job job-2", [](auto& verdict) {
      verdict.shard.shard.job = JobId("job-2");
      for (auto& answer : verdict.shard.evidence) answer.shard.job = JobId("job-2");
    });
  }
  SECTION("a shard that does not exist") {
    tells("/verdicts/0: is for shard 3, which the plan does not have", [](auto& verdict) {
      verdict.shard.shard.index = 3;
      for (auto& answer : verdict.shard.evidence) answer.shard.index = 3;
    });
  }
  SECTION("with certificates that nobody asked for") {
    story.tell_verdicts();
    story.result_event();
    refuses_changed(story, "/verdicts/0/chain: must be empty",
                    [&](wire::Bundle& bundle) { bundle.verdicts[0].chain = story.hub.tls.certificate_chain; });
  }
}

TEST_CASE("a spot-checked job without its spot checks is refused") {
  Story story({{"verify", "spotcheck"}, {"spotcheck_ratio", 0.5}});
  story.contract_event();
  story.plan_event();
  story.receipt("alice", "l-a", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
  story.receipt("bob", "l-b", {{0, story.right(0)}});
  story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}, {"bob", "l-b", story.right(0)}});
  for (const std::uint32_t i : {1u, 2u}) story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}});
  story.result_event();
  refuses(story,
          "/verdicts: too_few_confirmed: a second agent confirmed 1 shards, the contract's policy (spotcheck) asks for 2");
}

TEST_CASE("an agent accused without proof is refused") {
  Story story;
  SECTION("that never answered") {
    story.tell();
    story.quarantine("carol", 0);
    refuses(story, "/events/7: quarantine_unfounded: no receipt before it shows that carol returned sha256:");
  }
  SECTION("before it answered") {
    story.contract_event();
    story.plan_event();
    story.quarantine("mallory", 2);
    story.receipt("alice", "l-a", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
    story.receipt("bob", "l-b", {{0, story.right(0)}, {1, story.right(1)}});
    story.receipt("mallory", "l-m", {{2, Story::wrong(2)}});
    story.receipt("bob", "l-b2", {{2, story.right(2)}});
    for (std::uint32_t i = 0; i < 2; ++i)
      story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"bob", "l-b", story.right(i)}});
    story.verdict(2, story.right(2), {{"alice", "l-a", story.right(2)}, {"bob", "l-b2", story.right(2)}});
    story.result_event();
    refuses(story, "/events/3: quarantine_unfounded: no receipt before it shows that mallory returned");
  }
  SECTION("of the accepted answer") {
    story.tell();
    const std::string right = sha256(story.right(0)).str();
    story.event("quarantine",
                {{"accepted", right}, {"agent", "alice"}, {"job", story.job.str()}, {"returned", right}, {"shard", 0}});
    refuses(story, "accuses alice of the accepted answer");
  }
  SECTION("against an answer that was not accepted") {
    story.tell();
    story.event("quarantine", {{"accepted", sha256(Story::wrong(0)).str()},
                               {"agent", "alice"},
                               {"job", story.job.str()},
                               {"returned", sha256(story.right(0)).str()},
                               {"shard", 0}});
    refuses(story, "was accepted of shard 0, which was");
  }
  SECTION("twice") {
    story.tell();
    story.quarantine("mallory", 2);
    refuses(story, "there is a second quarantine event for mallory");
  }
  SECTION("with half an accusation") {
    story.tell();
    story.event("quarantine", {{"agent", "carol"}, {"job", story.job.str()}, {"shard", 0}});
    refuses(story, "/content/returned: missing");
  }
}

// --- the result ------------------------------------------------------------------------------------------------------

TEST_CASE("a result other than what the accepted outputs give is refused") {
  Story story;
  story.tell_until_verdicts();
  story.tell_verdicts();
  story.result = R"({"count":6,"reduce":"count"})";
  story.result_event();
  refuses(story, "/outputs: result_not_reduced: ");
  refuses_changed(story, "/result: result_not_committed: has the digest",
                  [](wire::Bundle& bundle) { bundle.result = R"({"count":5,"reduce":"count"})"; });
}

TEST_CASE("outputs other than the accepted ones are refused") {
  const Story story = honest();
  refuses_changed(story, "/outputs/1: output_not_accepted: has the digest",
                  [](wire::Bundle& bundle) { bundle.outputs->at(1) = Story::wrong(1); });
  refuses_changed(story, "/outputs: expected one for each of the 3 shards",
                  [](wire::Bundle& bundle) { bundle.outputs->erase(1); });
  refuses_changed(story, "/outputs: expected one for each of the 3 shards",
                  [](wire::Bundle& bundle) { bundle.outputs->emplace(3, Bytes{}); });
  refuses_changed(story, "/outputs: expected one for each of the 3 shards", [](wire::Bundle& bundle) {
    bundle.outputs->erase(1);
    bundle.outputs->emplace(7, Bytes{});
  });
}

TEST_CASE("a bundle holds what the contract asks to include") {
  const Story story = honest();
  refuses_changed(story, "/result: is missing", [](wire::Bundle& bundle) { bundle.result.reset(); });
  refuses_changed(story, "/outputs: is missing", [](wire::Bundle& bundle) { bundle.outputs.reset(); });
}

}  // namespace forgepool
