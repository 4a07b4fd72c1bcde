// Lies in receipts, and about whose they are and when they came.
#include "attacks.hpp"

#include "crypto/x509.hpp"
#include "identity/dsse.hpp"
#include "identity/svid.hpp"

namespace forgepool {
namespace {

using testing::honest;
using testing::refuses;
using testing::refuses_changed;
using testing::Story;

/// A certificate for `agent`'s own key, issued as told.
std::vector<Bytes> chain_for(const Story& story, const std::string& agent, const HubIdentity& issuer, const std::string& path,
                             Time now) {
  const auto ca = parse_certificate(issuer.ca_certificate);
  REQUIRE(ca);
  const auto id = identity::spiffe_id_from_path(issuer.trust_domain, path);
  REQUIRE(id);
  auto certificate = identity::issue_svid(*ca, *issuer.ca_key, story.agents.at(agent).identity.key->public_key(), *id, now);
  REQUIRE(certificate);
  return {std::move(*certificate)};
}

}  // namespace

// --- receipts --------------------------------------------------------------------------------------------------------

TEST_CASE("a verdict that rests on a receipt missing from the bundle is refused") {
  refuses_changed(honest(), "names the answer of alice under lease l-a, but no receipt in the bundle shows it",
                  [](wire::Bundle& bundle) { bundle.receipts.erase(bundle.receipts.begin()); });
}

TEST_CASE("a receipt from before the plan is refused: the plan may have been made to fit it") {
  Story story;
  story.contract_event();
  story.grant_later("l-0");
  story.receipt("alice", "l-0", {{0, story.right(0)}});
  story.plan_event();
  story.lease("alice", "l-0", {0});
  story.receipt("alice", "l-a", {{0, story.right(0)}});
  story.result_event();
  refuses(story, "/receipts/0: out_of_order: stands in the ledger before the plan");
}

TEST_CASE("work that was not given out first, to whom, and as what it is reported, is refused") {
  Story story;
  story.contract_event();
  SECTION("given out before the plan") {
    story.lease("alice", "l-a", {0});
    story.plan_event();
    story.result_event();
    return refuses(story, "lease l-a was granted before plan and residency were committed to");
  }
  story.plan_event();
  SECTION("never granted") {
    story.grant_later("l-a");
    story.receipt("alice", "l-a", {{0, story.right(0)}});
    story.result_event();
    refuses(story, "/receipts/0: lease_not_granted: is for lease l-a, which the ledger does not say was granted");
  }
  SECTION("granted when it was reported") {
    story.grant_later("l-a");
    story.receipt("alice", "l-a", {{0, story.right(0)}});
    story.lease("alice", "l-a", {0});
    story.result_event();
    refuses(story, "/receipts/0: out_of_order: stands in the ledger before the grant of its lease");
  }
  SECTION("granted to another") {
    story.lease("bob", "l-a", {0});
    story.receipt("alice", "l-a", {{0, story.right(0)}});
    story.result_event();
    refuses(story, "/receipts/0: lease_of_another: is by alice, but its lease was granted to bob");
  }
  SECTION("granted for other shards") {
    story.lease("alice", "l-a", {0, 1});
    story.receipt("alice", "l-a", {{0, story.right(0)}});
    story.result_event();
    refuses(story, "/receipts/0: lease_other_shards: names other shards than its lease");
  }
  SECTION("granted twice") {
    story.lease("alice", "l-a", {0});
    story.lease("bob", "l-a", {1});
    story.result_event();
    refuses(story, "was granted twice");
  }
  SECTION("granted for shards that there are not") {
    story.lease("alice", "l-a", {0, 7});
    story.result_event();
    refuses(story, "are not shards of the plan, each once, in ascending order");
  }
}

TEST_CASE("artifacts must be the ones that the hub committed itself to") {
  Story story;
  story.tell_until_verdicts();
  story.tell_verdicts();
  const std::string digest = sha256(story.result).str();
  const auto result = [&] { story.event("result", {{"job", story.job.str()}, {"result", digest}}); };
  const auto artifact = [&](const std::string& name, const std::string& of) {
    story.event("artifact", {{"digest", of}, {"job", story.job.str()}, {"name", name}});
  };
  SECTION("missing") {
    result();
    artifact("result", digest);
    refuses(story, "the event of kind artifact for shard_outputs is missing");
  }
  SECTION("before the result") {
    story.artifact_events();
    result();
    refuses(story, "an artifact was committed to before the result");
  }
  SECTION("twice") {
    result();
    story.artifact_events();
    artifact("result", digest);
    refuses(story, "there is a second event for this artifact");
  }
  SECTION("another result") {
    result();
    artifact("result", sha256("other").str());
    artifact("shard_outputs", digest);
    refuses(story, "the artifact named result is not the result");
  }
  SECTION("other outputs") {
    result();
    artifact("result", digest);
    artifact("shard_outputs", digest);
    refuses(story, "/outputs: outputs_not_committed: have the root ");
  }
  SECTION("that nobody asked for") {
    result();
    story.artifact_events();
    artifact("diary", digest);
    refuses(story, "there is an artifact that the contract does not ask for");
  }
}

TEST_CASE("a receipt from after the verdict that rests on it is refused") {
  Story story;
  story.contract_event();
  story.plan_event();
  story.receipt("alice", "l-a", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
  for (std::uint32_t i = 0; i < 3; ++i)
    story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"bob", "l-b", story.right(i)}});
  story.receipt("bob", "l-b", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
  story.result_event();
  refuses(story,
          "/verdicts/0: out_of_order: stands in the ledger before the receipt of the answer of bob under lease l-b, which it "
          "rests on");
}

TEST_CASE("a receipt by somebody who is no agent of this pool is refused") {
  Story story;
  Credentials& alice = story.agents.at("alice");
  SECTION("with a certificate of another CA") {
    const auto other = make_hub_identity("pool.example", testing::story_time());
    REQUIRE(other);
    alice.identity.certificate_chain = chain_for(story, "alice", *other, "agent/alice", testing::story_time());
    story.tell();
    refuses(story, "/receipts/0: chain_");
  }
  SECTION("with an expired certificate") {
    alice.identity.certificate_chain = chain_for(story, "alice", story.hub, "agent/alice", testing::story_time());
    story.contract_event();
    story.plan_event();
    story.receipt("alice", "l-a", {{0, story.right(0)}},
                  [](identity::Receipt& receipt) { receipt.finished_at += std::chrono::hours(2); });
    story.result_event();
    refuses(story, "/receipts/0: certificate_expired");
  }
  SECTION("with a certificate that was not yet valid") {
    alice.identity.certificate_chain =
        chain_for(story, "alice", story.hub, "agent/alice", testing::story_time() + std::chrono::hours(2));
    story.tell();
    refuses(story, "/receipts/0: certificate_not_yet_valid");
  }
  SECTION("with a client's certificate") {
    alice.identity.certificate_chain = chain_for(story, "alice", story.hub, "client/alice", testing::story_time());
    alice.name = "spiffe://pool.example/client/alice";
    story.tell();
    refuses(story, "/receipts/0: svid_role");
  }
  SECTION("with another agent's certificate") {
    alice.identity.certificate_chain = story.agents.at("bob").identity.certificate_chain;
    story.tell();
    refuses(story, "/receipts/0: receipt_signature");
  }
  SECTION("in another agent's name") {
    alice.name = story.agents.at("bob").name;
    story.tell();
    refuses(story, "/receipts/0: receipt_agent");
  }
  SECTION("without a certificate") {
    alice.identity.certificate_chain.clear();
    story.tell();
    refuses(story, "/receipts/0: chain_");
  }
}

TEST_CASE("a receipt about something else than the plan is refused") {
  Story story;
  story.contract_event();
  story.plan_event();
  const auto tells = [&](std::string_view fragment, const std::function<void(identity::Receipt&)>& edit) {
    story.receipt("alice", "l-a", {{0, story.right(0)}}, edit);
    story.result_event();
    refuses(story, fragment);
  };
  SECTION("another job") {
    tells("/receipts/0: receipt: it is for another job", [](auto& receipt) { receipt.job = "w-2"; });
  }
  SECTION("another adapter") {
    tells("it is for another adapter", [](auto& receipt) { receipt.adapter = sha256("other"); });
  }
  SECTION("other parameters") {
    tells("shard 0 ran with other parameters", [](auto& receipt) { receipt.shards[0].params = sha256("other"); });
  }
  SECTION("other inputs") {
    tells("shard 0 ran with other inputs", [](auto& receipt) { receipt.shards[0].inputs = {{"data", sha256("x")}}; });
  }
  SECTION("other limits") {
    tells("the limits are not the plan's", [](auto& receipt) { receipt.limits.cpu_ms += 1; });
  }
  SECTION("relaxations") {
    tells("relaxations are not the plan's", [](auto& receipt) { receipt.relaxations = {SandboxRelaxation::spawn}; });
  }
  SECTION("a weaker determinism class") {
    tells("receipt_determinism: it ran with determinism class standard, the adapter asks for strict",
          [](auto& receipt) { receipt.determinism = Determinism::standard; });
  }
  SECTION("another world") {
    tells("receipt_world: its programs saw world/7, the plan is for world/1", [](auto& receipt) { receipt.world = 7; });
  }
  SECTION("a shard that does not exist") {
    tells("there is no shard 7", [](auto& receipt) { receipt.shards[0].index = 7; });
  }
  SECTION("a time that runs backwards") {
    tells("ended before it began", [](auto& receipt) { receipt.started_at += std::chrono::hours(1); });
  }
}

TEST_CASE("a receipt of a weaker sandbox than the contract asks for is refused") {
  for (const auto level : {SandboxLevel::process, SandboxLevel::namespaces, SandboxLevel::full}) {
    Story story({{"verify", "full"}, {"replicas", 2}, {"sandbox_level", "namespaces"}});
    story.contract_event();
    story.plan_event();
    story.receipt("alice", "l-a", {{0, story.right(0)}}, [&](auto& receipt) { receipt.level = level; });
    story.result_event();
    if (level < SandboxLevel::namespaces)
      refuses(story, "receipt_sandbox_level: it ran at sandbox level process, the contract asks for namespaces or better");
    else
      refuses(story, "/verdicts");
  }
}

TEST_CASE("two receipts for one lease are refused") {
  Story story;
  story.contract_event();
  story.plan_event();
  story.receipt("alice", "l-a", {{0, story.right(0)}});
  story.receipt("alice", "l-a", {{0, Story::wrong(0)}});
  story.result_event();
  refuses(story, "/receipts/1: receipt_twice: is a second receipt for lease l-a");
}

TEST_CASE("a receipt changed after its agent signed it is refused, though the hub logged the change") {
  Story story = honest();
  refuses_changed(story, "/receipts/0: receipt_signature", [&](wire::Bundle& bundle) {
    const auto envelope = identity::parse_envelope(bundle.receipts[0].envelope);
    REQUIRE(envelope);
    std::string payload = to_text(envelope->payload);
    const auto at = payload.find(sha256(story.right(0)).hex());
    REQUIRE(at != std::string::npos);
    payload[at] = payload[at] == '0' ? '1' : '0';
    json::Value document = *json::parse(bundle.receipts[0].envelope, 1 << 20);
    document.as_object()->set("payload", to_base64(as_bytes(payload)));
    bundle.receipts[0].envelope = json::canonicalize(document);
  });
}

TEST_CASE("an envelope with a second signature is refused") {
  refuses_changed(honest(), "/receipts/0/envelope: expected exactly one signature", [](wire::Bundle& bundle) {
    json::Value document = *json::parse(bundle.receipts[0].envelope, 1 << 20);
    json::Array twice = *document.as_object()->find("signatures")->as_array();
    twice.push_back(twice[0]);
    document.as_object()->set("signatures", twice);
    bundle.receipts[0].envelope = json::canonicalize(document);
  });
}

}  // namespace forgepool
