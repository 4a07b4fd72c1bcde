/// Lies that are signed all over: each is told by a hub that holds its keys, or by agents that hold theirs, and must be found
/// by what it says. The fragment is what the auditor is told.
#include "story.hpp"

#include "crypto/x509.hpp"
#include "identity/dsse.hpp"
#include "identity/svid.hpp"

#include <forgepool/merkle.hpp>

#include <catch2/catch_test_macros.hpp>

namespace forgepool {
namespace {

using testing::Named;
using testing::Story;

void refuses(const Result<AuditReport>& report, std::string_view fragment) {
  REQUIRE_FALSE(report);
  INFO(report.error().message);
  INFO("expected: " << fragment);
  CHECK(report.error().kind == ErrorKind::corrupt);
  CHECK(report.error().message.find(fragment) != std::string::npos);
}
void refuses(const Story& story, std::string_view fragment) {
  refuses(story.verify(), fragment);
}

/// The honest bundle, changed by the hub and signed again.
void refuses_changed(const Story& story, std::string_view fragment, const std::function<void(wire::Bundle&)>& change) {
  wire::Bundle bundle = story.bundle();
  change(bundle);
  refuses(verify_bundle(story.sign(bundle), story.root()), fragment);
}

Story honest() {
  Story story;
  story.tell();
  return story;
}

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

// --- document and ledger ---------------------------------------------------------------------------------------------

TEST_CASE("a document that somebody else signed is refused") {
  const Story story = honest();
  const wire::Bundle bundle = story.bundle();
  const auto signature = story.agents.at("mallory").identity.key->sign(as_bytes(wire::bundle_body(bundle)));
  REQUIRE(signature);
  refuses(verify_bundle(wire::write_bundle(bundle, *signature), story.root()), "/signature: is not the hub's");
  refuses(verify_bundle(wire::write_bundle(bundle, {}), story.root()), "/signature: is not the hub's");
}

TEST_CASE("a checkpoint of another log is refused") {
  Story story = honest();
  const LedgerHead head = story.ledger().head();
  refuses_changed(story, "/checkpoint: ", [&](wire::Bundle& bundle) {
    bundle.checkpoint = *sign_checkpoint("other.example", head, *story.hub.log_key);
  });
  const auto stranger = *generate_key(KeyAlgorithm::ed25519);
  refuses_changed(story, "/checkpoint: ", [&](wire::Bundle& bundle) {
    bundle.checkpoint = *sign_checkpoint("pool.example", head, *stranger);
  });
}

TEST_CASE("a checkpoint older than what the bundle shows is refused") {
  Story story;
  story.tell_until_verdicts();
  const std::string older = *story.ledger().checkpoint();
  const std::uint64_t size = story.ledger().head().size;
  story.tell_verdicts();
  story.result_event();
  refuses(verify_bundle(story.sign(story.bundle(older, size)), story.root()),
          "is not in the ledger of 10 leaves that the checkpoint is for; is the checkpoint an older one?");
}

TEST_CASE("a leaf that is not in the ledger where the bundle says is refused") {
  const Story story = honest();
  refuses_changed(story, "/events/0: leaf 2: its inclusion in the ledger is not proved",
                  [](wire::Bundle& bundle) { bundle.events[0].position.index = 2; });
  refuses_changed(story, "/receipts/1: leaf 7: its inclusion in the ledger is not proved",
                  [](wire::Bundle& bundle) { bundle.receipts[1].position.path.pop_back(); });
  refuses_changed(story, "its inclusion in the ledger is not proved",
                  [](wire::Bundle& bundle) { bundle.verdicts[0].position.path[0].bytes[0] ^= 1; });
  refuses_changed(story, "its inclusion in the ledger is not proved",
                  [](wire::Bundle& bundle) { bundle.events[1].salt[0] ^= 1; });
  refuses_changed(story, "its inclusion in the ledger is not proved",
                  [](wire::Bundle& bundle) { bundle.events[1].kind = "contract"; });
}

TEST_CASE("one receipt shown twice is refused") {
  refuses_changed(honest(), "stands twice in the bundle",
                  [](wire::Bundle& bundle) { bundle.receipts.push_back(bundle.receipts[0]); });
}

// --- what was to be computed -----------------------------------------------------------------------------------------

TEST_CASE("a contract other than the committed one is refused") {
  Story story = honest();
  SECTION("of the same plan otherwise") {
    refuses_changed(story, "/plan: is not what the adapter plans for the contract: it names the contract",
                    [&](wire::Bundle& bundle) {
                      const auto at = bundle.contract.find("\"replicas\":2");
                      REQUIRE(at != std::string::npos);
                      bundle.contract[at + 11] = '1';
                    });
  }
  SECTION("not canonical") {
    refuses_changed(story, "/contract: is not in canonical form", [](wire::Bundle& bundle) { bundle.contract += " "; });
  }
  SECTION("no contract at all") {
    refuses_changed(story, "/contract: ", [](wire::Bundle& bundle) { bundle.contract = "{}"; });
  }
  SECTION("swapped together with its plan") {
    const auto easier =
        parse_contract(R"({"args":{"items":5},"artifacts":{"include":["result","shard_outputs"]},)"
                       R"("op":{"name":"tally","profile":"tally.v1","version":"1"},"policy":{"verify":"none"}})");
    REQUIRE(easier);
    refuses_changed(story, "/events/0/content/contract: is sha256:", [&](wire::Bundle& bundle) {
      bundle.contract = easier->canonical;
      bundle.plan = story.adapter->plan(*easier)->canonical();
    });
  }
}

TEST_CASE("a contract that names another job is refused") {
  Story story = honest();
  refuses_changed(story, "/contract: names job job-2", [&](wire::Bundle& bundle) {
    bundle.contract.insert(bundle.contract.find("\"op\""), R"("ctx":{"job_id":"job-2"},)");
    bundle.contract = json::canonicalize(*json::parse(bundle.contract, 10'000));
  });
}

TEST_CASE("a plan that is not what the planner plans is refused, though the ledger committed to it") {
  Story story;
  SECTION("other parameters") {
    story.plan.shards[1].params = story.plan.shards[0].params;
    story.tell();
    refuses(story, "/plan: is not what the adapter plans for the contract: shard 1 differs");
  }
  SECTION("a shard less") {
    story.plan.shards.pop_back();
    story.contract_event();
    story.plan_event();
    story.result_event();
    refuses(story, "/plan: is not what the adapter plans for the contract: it has 2 shards instead of 3");
  }
  SECTION("other limits") {
    story.plan.limits.cpu_ms *= 2;
    story.tell();
    refuses(story, "the limits differ");
  }
  SECTION("other arguments") {
    story.plan.arguments = {"--cheat"};
    story.tell();
    refuses(story, "the program's arguments differ");
  }
  SECTION("no plan at all") {
    story.tell();
    refuses_changed(story, "/plan: ", [](wire::Bundle& bundle) { bundle.plan = "{}"; });
  }
}

TEST_CASE("another adapter than the committed one is refused") {
  const Story story = honest();
  refuses_changed(story, "/adapter: not a well-formed adapter package",
                  [](wire::Bundle& bundle) { bundle.adapter.pop_back(); });
  refuses_changed(story, "/adapter: not a well-formed adapter package",
                  [](wire::Bundle& bundle) { bundle.adapter.back() ^= 1; });
  refuses_changed(story, "it names the adapter", [&](wire::Bundle& bundle) {
    std::string manifest = story.adapter->manifest();
    manifest.replace(manifest.find("\"counts\""), 8, "\"Counts\"");
    bundle.adapter = *pack_adapter(manifest, *story.adapter->program());
  });
  refuses_changed(story, "/adapter: is tally@2, the contract asks for tally@1", [&](wire::Bundle& bundle) {
    std::string manifest = story.adapter->manifest();
    manifest.replace(manifest.find("\"version\":\"1\""), 13, "\"version\":\"2\"");
    bundle.adapter = *pack_adapter(manifest, *story.adapter->program());
  });
}

// --- events ----------------------------------------------------------------------------------------------------------

TEST_CASE("where hub and agents were when they had a contract's data must be where the contract allows it") {
  Story story({{"verify", "full"}, {"replicas", 2}, {"regions", json::Array{"eu-1", "eu-2"}}, {"target", "private"}});
  story.agent_region = "eu-2";
  story.agent_tier = "private";
  SECTION("as it was") {
    story.tell();
    const auto report = story.verify();
    REQUIRE(report.has_value());
  }
  SECTION("an agent elsewhere") {
    story.agent_region = "us-1";
    story.tell();
    refuses(story, "/content/admitted/region: is \"us-1\", which the contract does not allow");
  }
  SECTION("an agent of which nothing was attested") {
    story.agent_region = "";
    story.tell();
    refuses(story, "/content/admitted/region: is \"\", which the contract does not allow");
  }
  SECTION("an agent of another tier") {
    story.agent_tier = "public";
    story.tell();
    refuses(story, "/content/admitted/tier: is public, but the contract asks for private");
  }
  SECTION("a hub elsewhere") {
    story.contract_event();
    story.event("plan", {{"adapter", story.adapter->digest().str()},
                         {"job", story.job.str()},
                         {"plan", story.plan.digest().str()},
                         {"pseudonym", "w-1"},
                         {"shards", story.plan.shards.size()}});
    story.residency_event("us-1");
    story.result_event();
    refuses(story, "/content/hub_region: is us-1, where the contract does not allow its data to be");
  }
}

TEST_CASE("the hub's commitments must all be there, once, in their order, about this job") {
  Story story;
  SECTION("no plan") {
    story.contract_event();
    story.result_event();
    refuses(story, "/events: the event of kind plan is missing");
  }
  SECTION("no contract") {
    story.plan_event();
    story.result_event();
    refuses(story, "/events: the event of kind contract is missing");
  }
  SECTION("no result") {
    story.tell_until_verdicts();
    story.tell_verdicts();
    refuses(story, "/events: the event of kind result is missing");
  }
  SECTION("no residency") {
    story.contract_event();
    story.event("plan", {{"adapter", story.adapter->digest().str()},
                         {"job", story.job.str()},
                         {"plan", story.plan.digest().str()},
                         {"pseudonym", "w-1"},
                         {"shards", story.plan.shards.size()}});
    story.result_event();
    refuses(story, "/events: the event of kind residency is missing");
  }
  SECTION("two plans") {
    story.tell();
    story.plan_event();
    refuses(story, "there is a second event of this kind");
  }
  SECTION("two results") {
    story.tell();
    story.result = "{}";
    story.result_event();
    refuses(story, "there is a second event of this kind");
  }
  SECTION("the plan before the contract") {
    story.plan_event();
    story.contract_event();
    story.result_event();
    refuses(story, "do not stand in this order");
  }
  SECTION("of another job") {
    story.tell();
    story.event("quarantine", {{"agent", "bob"}, {"job", "job-2"}});
    refuses(story, "/content/job: is job job-2, the bundle is of job job-1");
  }
  SECTION("of an unknown kind") {
    story.event("erasure", {{"job", story.job.str()}});
    story.tell();
    refuses(story, "/events/0: unknown kind of event");
  }
  SECTION("with more to say than is known") {
    story.tell();
    story.event("quarantine", {{"agent", "bob"}, {"job", story.job.str()}, {"reason", "whim"}});
    refuses(story, "/content/reason: unknown key");
  }
  SECTION("with another plan") {
    story.contract_event();
    const Plan plan = story.plan;
    story.plan.arguments = {"--cheat"};
    story.plan_event();
    story.plan = plan;
    refuses(story, "/events/1/content/plan: is sha256:");
  }
  SECTION("with another number of shards") {
    story.contract_event();
    story.event("plan", {{"adapter", story.adapter->digest().str()},
                         {"job", story.job.str()},
                         {"plan", story.plan.digest().str()},
                         {"pseudonym", "w-1"},
                         {"shards", 4}});
    refuses(story, "/events/1/content/shards: is 4, but the plan has 3");
  }
}

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
  refuses(story, "/receipts/0: stands in the ledger before the plan");
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
    refuses(story, "/receipts/0: is for lease l-a, which the ledger does not say was granted");
  }
  SECTION("granted when it was reported") {
    story.grant_later("l-a");
    story.receipt("alice", "l-a", {{0, story.right(0)}});
    story.lease("alice", "l-a", {0});
    story.result_event();
    refuses(story, "/receipts/0: stands in the ledger before the grant of its lease");
  }
  SECTION("granted to another") {
    story.lease("bob", "l-a", {0});
    story.receipt("alice", "l-a", {{0, story.right(0)}});
    story.result_event();
    refuses(story, "/receipts/0: is by alice, but its lease was granted to bob");
  }
  SECTION("granted for other shards") {
    story.lease("alice", "l-a", {0, 1});
    story.receipt("alice", "l-a", {{0, story.right(0)}});
    story.result_event();
    refuses(story, "/receipts/0: names other shards than its lease");
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
    refuses(story, "/outputs: have the root ");
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
          "/verdicts/0: stands in the ledger before the receipt of the answer of bob under lease l-b, which it rests on");
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
  refuses(story, "/receipts/1: is a second receipt for lease l-a");
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

// --- verdicts --------------------------------------------------------------------------------------------------------

TEST_CASE("a shard accepted without the agreement that the contract asks for is refused") {
  Story story;
  story.tell_until_verdicts();
  SECTION("one agent instead of two") {
    story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}});
    story.verdict(1, story.right(1), {{"alice", "l-a", story.right(1)}, {"bob", "l-b", story.right(1)}});
    story.verdict(2, story.right(2), {{"alice", "l-a", story.right(2)}});
    story.result_event();
    refuses(story, "/verdicts/0: 1 agents agree on the accepted result, the contract's policy (full) asks for 2");
  }
  SECTION("one agent twice, under two leases") {
    story.receipt("alice", "l-a2", {{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}});
    for (std::uint32_t i = 0; i < 3; ++i)
      story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"alice", "l-a2", story.right(i)}});
    story.result_event();
    refuses(story, "/verdicts/0: names alice twice in its evidence");
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
    refuses(story, "/verdicts/0: 2 agents agree on the accepted result, but 2 on sha256:");
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
    refuses(story, "/verdicts/2: 1 agents agree");
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
    refuses(story, "/verdicts/1: states that the result is wrong with a probability of at most");
  }
  SECTION("for another adversary") {
    Story story = adaptive(1e-3, 0);
    tell(story, [&](identity::Verdict& verdict) { verdict.adversary.fraction = 0.01; });
    refuses(story, "/verdicts/1: gives its error bound for another adversary");
  }
  SECTION("larger than the contract allows") {
    Story story = adaptive(one / 2, 0);
    tell(story, {});
    refuses(story, "/verdicts/0: accepts a result that is wrong with a probability of up to");
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
    refuses(story, "/verdicts/2: counts the answer of mallory under lease l-m, which does not agree with the accepted one");
  }
  SECTION("without the comparisons that the contract asks for in any case") {
    Story story = adaptive(1e-3, 0.5);
    tell(story, {});
    refuses(story, "/verdicts: a second agent confirmed 0 shards, the contract's policy (adaptive) asks for 2");
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
  refuses(story, "/verdicts/0: names the answer of alice under lease l-a, but no receipt in the bundle shows it");
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
    refuses(story, "/verdicts/3: is a second verdict on shard 1");
  }
  SECTION("none") {
    story.tell_until_verdicts();
    story.tell_verdicts();
    story.forget_last_verdict();
    story.result_event();
    refuses(story, "/verdicts: there is none on shard 2");
  }
  SECTION("undecided") {
    story.tell_until_verdicts();
    story.verdict(0, story.right(0), {{"alice", "l-a", story.right(0)}}, [](identity::Verdict& verdict) {
      verdict.shard.decision = Decision::undecided;
      verdict.shard.result = Digest{};
    });
    story.result_event();
    refuses(story, "/verdicts/0: leaves shard 0 undecided");
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
    tells("/verdicts/0: is not signed by the hub", {});
  }
  SECTION("another verifier") {
    tells("names spiffe://other.example/hub as verifier",
          [](auto& verdict) { verdict.verifier = "spiffe://other.example/hub"; });
  }
  SECTION("another contract") {
    tells("/verdicts/0: is for the contract sha256:", [](auto& verdict) { verdict.contract = sha256("other"); });
  }
  SECTION("another job") {
    tells("/verdicts/0: is for job job-2", [](auto& verdict) {
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
  refuses(story, "/verdicts: a second agent confirmed 1 shards, the contract's policy (spotcheck) asks for 2");
}

TEST_CASE("an agent accused without proof is refused") {
  Story story;
  SECTION("that never answered") {
    story.tell();
    story.quarantine("carol", 0);
    refuses(story, "/events/7: no receipt before it shows that carol returned sha256:");
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
    refuses(story, "/events/3: no receipt before it shows that mallory returned");
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
  refuses_changed(story, "/outputs: reduce to a result with the digest",
                  [&](wire::Bundle& bundle) { bundle.result = story.result; });
  refuses_changed(story, "/result: has the digest", [](wire::Bundle&) {});
}

TEST_CASE("outputs other than the accepted ones are refused") {
  const Story story = honest();
  refuses_changed(story, "/outputs/1: has the digest", [](wire::Bundle& bundle) { bundle.outputs->at(1) = Story::wrong(1); });
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
