// Results that nobody asked for, of others, too late, twice, changed, and signed by somebody else.
#include "world.hpp"

using namespace forgepool;
using namespace forgepool::attacks;
using namespace std::chrono_literals;

namespace {

struct Working : World {
  Node worker = agent(), other = agent(), owner = client();
  wire::fb::LeaseGrantT grant;
  explicit Working(FairShareOptions scheduler = {}, std::uint32_t shards = 2) : World(scheduler) {
    REQUIRE(submit(owner, 8)->status == 200);
    grant = lease(worker, shards);
  }
  Refusal reported(const wire::fb::LeaseResultT& report) { return refusal(worker, result(report, grant.token)); }
  /// An honest report with a receipt that was changed before it was signed.
  Refusal with_receipt(const std::function<void(identity::Receipt&)>& change) {
    auto changed = receipt(worker, grant);
    change(changed);
    auto report = this->report(worker, grant);
    report.receipt = sign(changed, *worker.credentials.identity.key);
    return reported(report);
  }
};

}  // namespace

TEST_CASE("a result for a lease that was never granted is refused") {
  Working world;
  auto report = world.report(world.worker, world.grant);
  report.lease = "l-invented";
  CHECK(world.reported(report) == Refusal{403, "token_lease"});
  report.lease = "../../job";
  CHECK(world.reported(report) == Refusal{400, "invalid_input"});
  world.honest_work_goes_on();
}

TEST_CASE("a result after the deadline counts, once, unless its agent got the shards anew") {
  FairShareOptions options;
  options.lease_duration = 50ms;
  SECTION("nobody else has them") {
    Working world(options);
    world.run_for(120ms);
    const auto report = world.report(world.worker, world.grant);
    CHECK(world.reported(report) == Refusal{200, "accepted"});
    CHECK(world.reported(report) == Refusal{200, "accepted"});
  }
  SECTION("it has them under another lease") {
    Working world(options, 8);
    world.run_for(120ms);
    const auto anew = world.lease(world.worker, 16);
    REQUIRE(anew.shards.front()->index == world.grant.shards.front()->index);
    CHECK(world.reported(world.report(world.worker, world.grant)) == Refusal{409, "lease_ended"});
  }
}

TEST_CASE("a result for another agent's lease is refused") {
  Working world;
  auto grant = world.lease(world.other);
  // With one's own token for the other's lease, and with the other's token.
  CHECK(world.refusal(world.worker, result(world.report(world.worker, grant), world.grant.token)) ==
        Refusal{403, "token_lease"});
  CHECK(world.refusal(world.worker, result(world.report(world.worker, grant), grant.token)) == Refusal{401, "token_holder"});
  world.honest_work_goes_on();
}

TEST_CASE("a result that comes twice counts once") {
  Working world;
  const auto report = world.report(world.worker, world.grant);
  CHECK(world.reported(report) == Refusal{200, "accepted"});
  CHECK(world.reported(report) == Refusal{200, "accepted"});
  Node boss = world.operator_();
  const auto agents = must(wire::decode<wire::fb::AgentListT>(world.ask(*boss.connection, get("/v1/agents"))->body));
  std::uint64_t answers = 0;
  for (const auto& agent : agents.agents) answers += agent->answers;
  CHECK(answers == world.grant.shards.size());
  world.honest_work_goes_on();
}

TEST_CASE("a second result for the same lease, with another digest, is refused") {
  Working world;
  CHECK(world.reported(world.report(world.worker, world.grant)) == Refusal{200, "accepted"});
  auto second = world.report(world.worker, world.grant);
  second.shards.front()->output = to_bytes(R"({"count":2,"format":"count/1"})");
  CHECK(world.reported(second) == Refusal{409, "report_replayed"});
  auto receipt = world.receipt(world.worker, world.grant);
  receipt.shards.front().output = sha256(second.shards.front()->output);
  second.receipt = World::sign(receipt, *world.worker.credentials.identity.key);
  CHECK(world.reported(second) == Refusal{409, "report_replayed"});
  world.honest_work_goes_on();
}

TEST_CASE("a receipt signed by another key is refused") {
  Working world;
  auto report = world.report(world.worker, world.grant);
  report.receipt = World::sign(world.receipt(world.worker, world.grant), *world.other.credentials.identity.key);
  CHECK(world.reported(report) == Refusal{401, "receipt_signature"});
  world.honest_work_goes_on();
}

TEST_CASE("a receipt in another agent's name is refused") {
  Working world;
  CHECK(world.with_receipt([&](auto& receipt) { receipt.agent = world.other.credentials.name; }) ==
        Refusal{401, "receipt_agent"});
  world.honest_work_goes_on();
}

TEST_CASE("a receipt for another lease is refused") {
  Working world;
  CHECK(world.with_receipt([](auto& receipt) { receipt.lease = LeaseId("l-other"); }) == Refusal{400, "receipt"});
  world.honest_work_goes_on();
}

TEST_CASE("a receipt for another job is refused") {
  Working world;
  CHECK(world.with_receipt([](auto& receipt) { receipt.job = "w-other"; }) == Refusal{400, "receipt"});
  world.honest_work_goes_on();
}

TEST_CASE("a receipt for another contract is refused") {
  Working world;
  CHECK(world.with_receipt([](auto& receipt) { receipt.contract.bytes[0] ^= 1; }) == Refusal{400, "receipt_contract"});
  world.honest_work_goes_on();
}

TEST_CASE("a receipt for another program, other parameters or other limits is refused") {
  SECTION("program") {
    Working world;
    CHECK(world.with_receipt([](auto& receipt) { receipt.adapter = sha256(Bytes{1}); }) == Refusal{400, "receipt"});
    world.honest_work_goes_on();
  }
  SECTION("parameters") {
    Working world;
    CHECK(world.with_receipt([](auto& receipt) { receipt.shards.front().params = sha256(Bytes{1}); }) ==
          Refusal{400, "receipt"});
  }
  SECTION("a weaker determinism class") {
    Working world;
    CHECK(world.with_receipt([](auto& receipt) { receipt.determinism = Determinism::standard; }) ==
          Refusal{400, "receipt_determinism"});
  }
  SECTION("another world") {
    Working world;
    CHECK(world.with_receipt([](auto& receipt) { ++receipt.world; }) == Refusal{400, "receipt_world"});
  }
  SECTION("limits") {
    Working world;
    CHECK(world.with_receipt([](auto& receipt) { receipt.limits.memory_bytes *= 2; }) == Refusal{400, "receipt"});
  }
}

TEST_CASE("a receipt for another output than the report's is refused") {
  Working world;
  CHECK(world.with_receipt([](auto& receipt) { receipt.shards.front().output = sha256(Bytes{1}); }) == Refusal{400, "receipt"});
  world.honest_work_goes_on();
}

TEST_CASE("a receipt that says of a shard that it ended otherwise than the report does is refused") {
  Working world;
  auto report = world.report(world.worker, world.grant);
  auto receipt = world.receipt(world.worker, world.grant);
  report.shards.front()->outcome = "exited";
  report.shards.front()->code = 3;
  report.shards.front()->output.clear();
  receipt.shards.front().outcome = {SandboxOutcome::Kind::exited, 4, ""};
  receipt.shards.front().output.reset();
  report.receipt = World::sign(receipt, *world.worker.credentials.identity.key);
  CHECK(world.reported(report) == Refusal{400, "receipt"});
  world.honest_work_goes_on();
}

TEST_CASE("a receipt from a time for which the agent has no certificate is refused") {
  Working world;
  CHECK(world.with_receipt([](auto& receipt) { receipt.started_at = receipt.finished_at += 48h; }) ==
        Refusal{401, "certificate_expired"});
  Working past;
  CHECK(past.with_receipt([](auto& receipt) { receipt.started_at = receipt.finished_at -= 48h; }) ==
        Refusal{401, "certificate_not_yet_valid"});
}

TEST_CASE("a receipt that is no envelope, or is another statement, is refused") {
  Working world;
  auto report = world.report(world.worker, world.grant);
  report.receipt = R"({"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]})";
  CHECK(world.reported(report).status == 400);
  Working other;
  report = other.report(other.worker, other.grant);
  report.receipt.clear();
  CHECK(other.reported(report).status == 400);
  other.honest_work_goes_on();
}

TEST_CASE("a report that leaves shards out, adds some, or names others is refused") {
  const auto change = [](const std::function<void(wire::fb::LeaseResultT&)>& bend) {
    Working world;
    auto report = world.report(world.worker, world.grant);
    bend(report);
    const auto refusal = world.reported(report);
    CHECK((refusal == Refusal{400, "report_shards"} || refusal == Refusal{400, "message_repeats"}));
    world.honest_work_goes_on();
  };
  change([](auto& report) { report.shards.pop_back(); });
  change([](auto& report) { report.shards.clear(); });
  change([](auto& report) { report.shards.front()->index = 7; });
  change([](auto& report) { std::swap(report.shards[0]->index, report.shards[1]->index); });
  change([](auto& report) { report.shards.push_back(std::make_unique<wire::fb::ShardReportT>(*report.shards.back())); });
}

TEST_CASE("an output over the shard's limit is refused") {
  Working world;
  auto report = world.report(world.worker, world.grant);
  report.shards.front()->output.resize(5000);
  CHECK(world.reported(report) == Refusal{413, "output_too_large"});
  world.honest_work_goes_on();
}

TEST_CASE("an outcome that there is not is refused") {
  Working world;
  auto report = world.report(world.worker, world.grant);
  report.shards.front()->outcome = "won";
  CHECK(world.reported(report) == Refusal{400, "report_outcome"});
  world.honest_work_goes_on();
}

TEST_CASE("a heartbeat does not keep another agent's lease alive, and gives no token for it") {
  Working world;
  wire::fb::HeartbeatT heartbeat;
  heartbeat.leases = {world.grant.lease};
  const auto answer = must(wire::decode<wire::fb::HeartbeatAnswerT>(
      must(world.ask(*world.other.connection, post("/v1/agent/heartbeat", wire::encode(heartbeat)))).body));
  CHECK(answer.renewed.empty());
  CHECK(answer.ended == heartbeat.leases);
  CHECK(world.reported(world.report(world.worker, world.grant)) == Refusal{200, "accepted"});
  world.honest_work_goes_on();
}
