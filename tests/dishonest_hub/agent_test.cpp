// A hub that speaks for agents: with its CA it makes certificates for any name and any key.
#include "lies.hpp"

#include "identity/svid.hpp"

namespace forgepool {
namespace {

using testing::named;
using testing::Story;

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

/// A certificate of the hub's own CA, for this name and whatever key.
Credentials certified(const Story& story, const std::string& name, std::shared_ptr<Signer> key) {
  const auto ca = must(parse_certificate(story.hub.ca_certificate));
  const identity::SpiffeId id{"pool.example", identity::NodeRole::agent, name, ""};
  Credentials credentials;
  credentials.identity.certificate_chain = {
      must(identity::issue_svid(ca, *story.hub.ca_key, key->public_key(), id, testing::story_time(), {}))};
  credentials.identity.key = std::move(key);
  credentials.name = id.uri();
  return credentials;
}

/// Three shards of which the second answer comes from `second`.
void tell_with(Story& story, const std::string& second) {
  story.contract_event();
  story.plan_event();
  const std::map<std::uint32_t, Bytes> right{{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}};
  story.receipt("alice", "l-a", right);
  story.receipt(second, "l-b", right);
  for (std::uint32_t i = 0; i < 3; ++i)
    story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {second, "l-b", story.right(i)}});
  story.result_event();
}

}  // namespace

TEST_CASE("a receipt that the hub signed for an honest agent, with a second certificate of its CA, is refused") {
  Story story;
  story.enrol("bob");
  story.agents.at("bob") = certified(story, "bob", must(generate_key(KeyAlgorithm::ecdsa_p256)));
  tell_with(story, "bob");
  named(story, "key_not_enrolled");
}

TEST_CASE("a receipt of an agent of which the ledger has no enrolment is refused") {
  Story story;
  SECTION("it never enrolled") {
    story.enrol_later("bob");
  }
  SECTION("it enrolled, and the bundle does not show it") {}
  tell_with(story, "bob");
  wire::Bundle bundle = story.bundle();
  std::erase_if(bundle.events, [](const auto& event) {
    return event.kind == "enrolment" && event.content.find("\"agent\":\"bob\"") != std::string::npos;
  });
  named(verify_bundle(story.sign(bundle), story.root()), "agent_not_enrolled");
}

TEST_CASE("an agent that enrolled only after it was given work is refused") {
  Story story;
  story.enrol_later("bob");
  tell_with(story, "bob");
  story.enrol("bob");
  named(story, "agent_not_enrolled");
}

TEST_CASE("an agent that enrolled twice, under two keys, is refused") {
  Story story;
  story.enrol("bob");
  story.agents.at("bob") = certified(story, "bob", must(generate_key(KeyAlgorithm::ecdsa_p256)));
  story.enrol("bob");
  tell_with(story, "bob");
  named(story, "agent_enrolled_twice");
}

TEST_CASE("two agents with one key count as one") {
  Story story;
  story.agents.insert_or_assign("dave", certified(story, "dave", story.agents.at("alice").identity.key));
  tell_with(story, "dave");
  named(story, "too_few_agree");
}

TEST_CASE("two agents of one operator count as one") {
  Story story;
  SECTION("of two operators, or of none: as two") {
    story.operators = {{"alice", "o-1"}};
    tell_with(story, "bob");
    CHECK(story.verify());
  }
  SECTION("of one") {
    story.operators = {{"alice", "o-1"}, {"bob", "o-1"}};
    tell_with(story, "bob");
    named(story, "too_few_agree");
  }
  SECTION("by way of a third that has the key of one, and the operator of the other") {
    story.operators = {{"alice", "o-1"}, {"dave", "o-1"}};
    story.agents.insert_or_assign("dave", certified(story, "dave", story.agents.at("bob").identity.key));
    tell_with(story, "bob");
    story.lease("dave", "l-d", {0});
    named(story, "too_few_agree");
  }
}

TEST_CASE("agents of one operator make a bound no smaller than the most trusted of them does") {
  const auto told = [](double stated) {
    Story story({{"verify", "adaptive"}, {"max_error", 0.01}, {"spotcheck_ratio", 0.0}});
    story.operators = {{"alice", "o-1"}, {"bob", "o-1"}};
    story.contract_event();
    story.plan_event();
    const std::map<std::uint32_t, Bytes> right{{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}};
    story.receipt("alice", "l-a", right);
    story.receipt("bob", "l-b", right);
    for (std::uint32_t i = 0; i < 3; ++i)
      story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"bob", "l-b", story.right(i)}},
                    [&](identity::Verdict& verdict) {
                      verdict.shard.error_bound = stated;
                      verdict.shard.evidence[0].trust.checks = 20;
                      verdict.shard.evidence[1].trust.checks = 9;
                    });
    story.result_event();
    return story.verify();
  };
  const double one = error_bound({}, std::vector<AgentTrust>{{20}}, 0),
               two = error_bound({}, std::vector<AgentTrust>{{20}, {9}}, 0);
  REQUIRE(two < one);
  CHECK(told(one));
  testing::refuses(told(two), "its evidence shows");
}

TEST_CASE("an agent that was admitted as something else than what its join token attested is refused") {
  Story story({{"verify", "full"}, {"replicas", 2}, {"regions", json::Array{"eu-1"}}});
  story.agent_region = "us-1";
  story.enrol("bob");
  story.agent_region = "eu-1";
  tell_with(story, "bob");
  named(story, "admitted_not_attested");
}

}  // namespace forgepool
