// Lies about the ledger, about what was to be computed, and about what the hub committed itself to.
#include "attacks.hpp"

#include <forgepool/merkle.hpp>

namespace forgepool {
namespace {

using testing::honest;
using testing::refuses;
using testing::refuses_changed;
using testing::Story;

}  // namespace

// --- document and ledger ---------------------------------------------------------------------------------------------

TEST_CASE("a document that somebody else signed is refused") {
  const Story story = honest();
  const wire::Bundle bundle = story.bundle();
  const auto signature = story.agents.at("mallory").identity.key->sign(as_bytes(wire::bundle_body(bundle)));
  REQUIRE(signature);
  refuses(verify_bundle(wire::write_bundle(bundle, *signature), story.root()), "/signature: not_the_hubs: is not the hub's");
  refuses(verify_bundle(wire::write_bundle(bundle, {}), story.root()), "/signature: not_the_hubs: is not the hub's");
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
          "is not in the ledger of 13 leaves that the checkpoint is for; is the checkpoint an older one?");
}

TEST_CASE("a leaf that is not in the ledger where the bundle says is refused") {
  const Story story = honest();
  refuses_changed(story, "/events/0: leaf 2: not_in_log: its inclusion in the ledger is not proved",
                  [](wire::Bundle& bundle) { bundle.events[0].position.index = 2; });
  refuses_changed(story, "/receipts/1: leaf 9: not_in_log: its inclusion in the ledger is not proved",
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
    refuses_changed(story, "/plan: plan_not_planned: is not what the adapter plans for the contract: it names the contract",
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
    refuses(story, "/plan: plan_not_planned: is not what the adapter plans for the contract: shard 1 differs");
  }
  SECTION("a shard less") {
    story.plan.shards.pop_back();
    story.contract_event();
    story.plan_event();
    story.result_event();
    refuses(story, "/plan: plan_not_planned: is not what the adapter plans for the contract: it has 2 shards instead of 3");
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
                         {"contract_salt", story.contract_salt.hex()},
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
                         {"contract_salt", story.contract_salt.hex()},
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
                         {"contract_salt", story.contract_salt.hex()},
                         {"job", story.job.str()},
                         {"plan", story.plan.digest().str()},
                         {"pseudonym", "w-1"},
                         {"shards", 4}});
    refuses(story, "/events/1/content/shards: is 4, but the plan has 3");
  }
}

}  // namespace forgepool
