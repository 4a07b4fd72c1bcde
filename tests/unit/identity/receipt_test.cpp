#include "identity/receipt.hpp"
#include "hostile.hpp"
#include "identity/dsse.hpp"
#include "wire/json.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace forgepool::identity;
using namespace std::chrono_literals;

namespace {

Receipt sample() {
  Receipt receipt;
  receipt.agent = "spiffe://pool.example/agent/a-1";
  receipt.job = "w-x";
  receipt.contract = commit_to_contract(Bytes(32, 1), sha256("contract"), JobId("job-1"));
  receipt.lease = LeaseId("l-1");
  receipt.attempt = 2;
  receipt.adapter = sha256("adapter");
  receipt.sandbox = "linux";
  receipt.level = SandboxLevel::full;
  receipt.numeric_class = "x86-64.fma1.simd256.libm-9f3a01c2";
  receipt.relaxations = {SandboxRelaxation::spawn};
  receipt.salt = Bytes(receipt_salt_bytes, 0x5a);
  receipt.started_at = *from_rfc3339("2026-01-31T08:15:00Z");
  receipt.finished_at = receipt.started_at + 3s;
  ReceiptShard good;
  good.index = 1;
  good.params = sha256("params 1");
  good.inputs = {{"program", sha256("p")}, {"data.bin", sha256("d")}};
  good.outcome = {SandboxOutcome::Kind::exited, 0, ""};
  good.usage = {1500, 1600, 1u << 20};
  good.output = sha256("output 1");
  ReceiptShard bad;
  bad.index = 10;
  bad.params = sha256("params 10");
  bad.inputs = {{"program", sha256("p")}};
  bad.outcome = {SandboxOutcome::Kind::policy_violation, 41, "socket"};
  receipt.shards = {good, bad};
  return receipt;
}

}  // namespace

TEST_CASE("a receipt of class strict names its world, others name none") {
  auto receipt = sample();
  receipt.determinism = Determinism::strict;
  CHECK_FALSE(write_receipt(receipt));
  receipt.world = 3;
  const auto text = write_receipt(receipt);
  REQUIRE(text);
  CHECK(text->find(R"("world":"world/3")") != std::string::npos);
  CHECK(parse_receipt(*text) == receipt);
  CHECK(write_receipt(sample())->find("world/") == std::string::npos);
}

TEST_CASE("a receipt survives being written and read") {
  const auto text = write_receipt(sample());
  REQUIRE(text);
  CHECK(parse_receipt(*text) == sample());
  CHECK(json::parse_canonical(*text, 1u << 20));
}

TEST_CASE("a receipt has the members that in-toto and SLSA readers look for") {
  const auto value = *json::parse(*write_receipt(sample()), 1u << 20);
  const auto& statement = *value.as_object();
  CHECK(*statement.find("_type")->as_string() == "https://in-toto.io/Statement/v1");
  CHECK(*statement.find("predicateType")->as_string() == "https://slsa.dev/provenance/v1");
  const auto& subject = *statement.find("subject")->as_array();
  REQUIRE(subject.size() == 1);
  CHECK(*subject[0].as_object()->find("name")->as_string() == "shard-1");
  CHECK(*subject[0].as_object()->find("digest")->as_object()->find("sha256")->as_string() == sha256("output 1").hex());
  const auto& predicate = *statement.find("predicate")->as_object();
  CHECK(*predicate.find("runDetails")->as_object()->find("builder")->as_object()->find("id")->as_string() == sample().agent);
  CHECK(predicate.find("buildDefinition")->as_object()->find("resolvedDependencies")->as_array()->size() == 4);
}

TEST_CASE("what an agent cannot truthfully state is not written") {
  const auto written = [](auto change) {
    auto receipt = sample();
    change(receipt);
    return write_receipt(receipt).has_value();
  };
  CHECK(written([](auto&) {}));
  CHECK(written([](auto& r) { r.shards.erase(r.shards.begin()); }));  // No output at all.
  CHECK_FALSE(written([](auto& r) { r.shards[1].output = sha256("x"); }));
  CHECK_FALSE(written([](auto& r) { r.shards[0].output.reset(); }));
  CHECK_FALSE(written([](auto& r) { r.shards.clear(); }));
  CHECK_FALSE(written([](auto& r) { std::swap(r.shards[0], r.shards[1]); }));
  CHECK_FALSE(written([](auto& r) { r.shards[1].index = 1; }));
  CHECK_FALSE(written([](auto& r) { r.salt.pop_back(); }));
  CHECK_FALSE(written([](auto& r) { r.agent = "somebody"; }));
  CHECK_FALSE(written([](auto& r) { r.job = "two words"; }));
  CHECK_FALSE(written([](auto& r) { r.attempt = 0; }));
  CHECK_FALSE(written([](auto& r) { r.shards[0].usage.cpu_ms = ~std::uint64_t{0}; }));
}

TEST_CASE("the step at which setting up failed is part of a receipt, and of no other outcome") {
  auto receipt = sample();
  receipt.shards[1].outcome = {SandboxOutcome::Kind::setup_failed, 0, "no space", SandboxStep::cgroup};
  const auto text = *write_receipt(receipt);
  const auto read = parse_receipt(text);
  REQUIRE(read);
  CHECK(read->shards[1].outcome == receipt.shards[1].outcome);
  for (const auto& [from, to] : {std::pair<std::string, std::string>{R"("step":"cgroup")", R"("step":"lunch")"},
                                 {R"("step":"cgroup")", R"("step":"none")"},
                                 {R"("kind":"setup_failed")", R"("kind":"signalled")"}}) {
    auto changed = text;
    const auto at = changed.find(from);
    REQUIRE(at != changed.npos);
    CHECK_FALSE(parse_receipt(changed.replace(at, from.size(), to)));
  }
}

TEST_CASE("what a program wrote cannot get into a receipt unescaped") {
  auto receipt = sample();
  receipt.shards[1].outcome.detail = "\x1b[2J\n\xff" + std::string(1000, 'x');
  const auto read = parse_receipt(*write_receipt(receipt));
  REQUIRE(read);
  CHECK(read->shards[1].outcome.detail == "?[2J??" + std::string(506, 'x'));
}

TEST_CASE("a receipt has one spelling: anything added, repeated, reordered or respelt is refused") {
  auto receipt = sample();
  const auto text = *write_receipt(receipt);
  test::check_one_spelling(text, parse_receipt, write_receipt);
  receipt.shards[1].outcome = {SandboxOutcome::Kind::setup_failed, 0, "no space", SandboxStep::cgroup};
  receipt.numeric_class.clear();
  test::check_one_spelling(*write_receipt(receipt), parse_receipt, write_receipt);
  const auto refused_with = [&](const std::string& from, const std::string& to) {
    auto changed = text;
    const auto at = changed.find(from);
    REQUIRE(at != changed.npos);
    return !parse_receipt(changed.replace(at, from.size(), to));
  };
  CHECK(refused_with("{\"_type\"", "{ \"_type\""));
  CHECK(refused_with("{\"_type\"", "{\"A\":1,\"_type\""));
  CHECK(refused_with("\"attempt\":2", "\"attempt\":2.0"));
  CHECK(refused_with("\"attempt\":2", "\"attempt\":2,\"attempt\":2"));
  CHECK(refused_with("T08:15:00Z", "T08:15:00.0Z"));
  CHECK(refused_with("shard-10/program", "shard-1/program"));
  CHECK(refused_with("shard-10/program", "shard-7/program"));
  CHECK(refused_with("\"name\":\"adapter\"", "\"name\":\"Adapter\""));
  CHECK(refused_with("\"invocationId\":\"l-1\"", "\"invocationId\":\"l-2\""));
  CHECK(refused_with("slsa.dev/provenance/v1", "slsa.dev/provenance/v2"));
  CHECK(refused_with("\"kind\":\"exited\"", "\"kind\":\"finished\""));
  CHECK(refused_with("\"level\":\"full\"", "\"level\":\"total\""));
}

TEST_CASE("no damaged receipt is accepted under its signature, and none crashes the reader") {
  const auto key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto text = *write_receipt(sample());
  const auto envelope = *sign_envelope(in_toto_payload_type, as_bytes(text), *key);
  CHECK(open_envelope(envelope, in_toto_payload_type, key->public_key()) == to_bytes(text));
  test::for_each_damage(
      text,
      [&](const std::string& damaged) {
        const auto read = parse_receipt(damaged);
        return !read || *write_receipt(*read) == damaged;  // Another receipt, in its one spelling.
      },
      7);
  test::for_each_damage(
      envelope,
      [&](const std::string& damaged) {
        const auto opened = open_envelope(damaged, in_toto_payload_type, key->public_key());
        return !opened || *opened == to_bytes(text);
      },
      13);
}
