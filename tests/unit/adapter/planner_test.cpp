#include "sample_packages.hpp"

#include "adapter/planner.hpp"
#include "crypto/hkdf.hpp"
#include "wire/json.hpp"

#include <set>

using namespace forgepool;
using namespace forgepool::test;

namespace {

const std::string insurance_args =
    R"({"iterations":1000,"shard_iterations":300,"claim_freq":2,"claim_severity_mu":1,"claim_severity_sig":0.5})";

json::Object params_of(const ShardSpec& shard) {
  const auto params = json::parse_canonical(shard.params, 1 << 20);
  REQUIRE(params.has_value());
  return *params->as_object();
}

std::string digest_text(const std::string& content) {
  return "\"" + sha256(content).str() + "\"";
}

std::string mistake(const std::string& adapter, const Contract& contract) {
  const auto plan = sample_package(adapter)->plan(contract);
  if (plan) return "planned";
  CHECK(plan.error().kind == ErrorKind::invalid_input);
  return plan.error().message;
}

std::string insurance_mistake(const std::string& args, const std::string& more = "") {
  return mistake("mc", contract("mc", "insurance.v1", args, more));
}

}  // namespace

TEST_CASE("a range is cut into shards that cover it once, in order") {
  const auto package = sample_package("mc");
  const Contract job = contract("mc", "insurance.v1", insurance_args);
  const auto plan = package->plan(job);
  REQUIRE(plan.has_value());
  CHECK(plan->contract == job.digest);
  CHECK(plan->adapter == package->digest());
  CHECK(plan->program == package->program_digest());
  CHECK(plan->limits.cpu_ms == 600'000);
  REQUIRE(plan->shards.size() == 4);
  CHECK(plan->shards[0].params ==
        R"({"args":{"cat_mu":0,"cat_prob":0,"cat_sig":0,"claim_freq":2,"claim_severity_mu":1,"claim_severity_sig":0.5,)"
        R"("iterations":1000,"shard_iterations":300},"profile":"insurance.v1","range":{"begin":0,"end":300},"seed":")" +
            to_hex(adapter::shard_seed(job, 0)) + "\"}");
  std::int64_t end = 0;
  for (const ShardSpec& shard : plan->shards) {
    const json::Object range = *params_of(shard).find("range")->as_object();
    CHECK(*range.find("begin")->as_integer() == end);
    end = *range.find("end")->as_integer();
  }
  CHECK(end == 1000);
}

TEST_CASE("the plan of a contract never changes") {
  // Fixed by hand once: a change here breaks every bundle out there.
  const Contract job = contract("noop", "noop.v1", R"({"shards":3})", R"(,"seed":{"mode":"explicit","value":42})");
  CHECK(
      job.digest.hex() ==
      sha256(
          R"({"args":{"shards":3},"op":{"name":"noop","profile":"noop.v1","version":"1"},"seed":{"mode":"explicit","value":42}})")
          .hex());
  const auto first = sample_package("noop")->plan(job), second = sample_package("noop")->plan(job);
  REQUIRE(first.has_value());
  CHECK(first == second);
  CHECK(first->digest() == second->digest());
  CHECK(first->canonical() == second->canonical());
}

TEST_CASE("shard seeds are HKDF-SHA-256 of root seed, contract digest and shard index") {
  const Contract given = contract("noop", "noop.v1", R"({"shards":3})", R"(,"seed":{"mode":"explicit","value":"x"})");
  CHECK(adapter::root_seed(given) == sha256("\"x\""));
  const Contract derived = contract("noop", "noop.v1", R"({"shards":3})");
  Bytes preimage = to_bytes("forgepool derived seed");
  preimage.insert(preimage.end(), derived.digest.bytes.begin(), derived.digest.bytes.end());
  CHECK(adapter::root_seed(derived) == sha256(preimage));

  Bytes info = to_bytes("forgepool shard seed");
  info.insert(info.end(), {0, 0x01, 0x02, 0x03});
  // RFC 5869, by hand: one block of output is HMAC(PRK, info || 1).
  Bytes block = info;
  block.push_back(1);
  const Digest prk = hmac_sha256(given.digest.view(), adapter::root_seed(given).view());
  CHECK(to_hex(adapter::shard_seed(given, 0x010203)) == hmac_sha256(prk.view(), block).hex());

  std::set<Bytes> seeds;
  for (std::uint32_t i = 0; i < 1000; ++i) seeds.insert(adapter::shard_seed(given, i));
  CHECK(seeds.size() == 1000);
  CHECK(adapter::shard_seed(given, 0) != adapter::shard_seed(derived, 0));
  std::string pinned_text = derived.canonical;
  pinned_text.insert(pinned_text.find(R"("name":"noop")"), R"("digest":")" + sha256("p").str() + R"(",)");
  const auto pinned = parse_contract(pinned_text);
  REQUIRE(pinned.has_value());
  CHECK(pinned->digest != derived.digest);
  CHECK(adapter::shard_seed(*pinned, 0) == adapter::shard_seed(derived, 0));
}

TEST_CASE("items are dealt out as files, and a shard is told of its own only") {
  const std::string items = "[" + digest_text("a") + "," + digest_text("b") + "," + digest_text("a") + "]";
  const auto plan = sample_package("exec")->plan(contract(
      "exec", "run.v1",
      R"({"program":)" + digest_text("p") + R"(,"items":)" + items + R"(,"items_per_shard":2,"arguments":["--x={}"]})"));
  REQUIRE(plan.has_value());
  CHECK(plan->relaxations == std::vector{SandboxRelaxation::spawn});
  REQUIRE(plan->shards.size() == 2);
  CHECK(plan->shards[0].inputs == std::vector<ShardInput>{{"program", sha256("p"), true},
                                                          {"item.0", sha256("a"), false},
                                                          {"item.1", sha256("b"), false}});
  CHECK(plan->shards[1].inputs == std::vector<ShardInput>{{"program", sha256("p"), true}, {"item.2", sha256("a"), false}});
  const json::Object params = params_of(plan->shards[1]);
  CHECK(json::canonicalize(*params.find("items")) == R"([{"file":"item.2","index":2}])");
  CHECK(json::canonicalize(*params.find("args")) == R"({"arguments":["--x={}"],"items_per_shard":2,"program":)" +
                                                        digest_text("p") + R"(,"stderr_limit_bytes":0,"stdin":true,"stdout_limit_bytes":16384})");
}

TEST_CASE("arguments that a profile does not take are named by their pointer into the contract") {
  const auto args = [](const std::string& changed) {
    return R"({"claim_freq":2,"claim_severity_mu":1,"claim_severity_sig":0.5,"iterations":1000)" + changed + "}";
  };
  CHECK(insurance_mistake(args("")) == "planned");
  CHECK(insurance_mistake("{}") == "/args/claim_freq: missing; expected a number from 0 to 10000");
  CHECK(insurance_mistake(args(R"(,"claims":1)"))
            .starts_with("/args/claims: unknown argument; expected aggregate_limit, cat_mu,"));
  CHECK(insurance_mistake(args(R"(,"cat_prob":1.5)")) == "/args/cat_prob: expected a number from 0 to 1, got 1.5");
  CHECK(insurance_mistake(args(R"(,"cat_prob":"1")")) == "/args/cat_prob: expected a number from 0 to 1, got \"1\"");
  CHECK(insurance_mistake(args(R"(,"cat_prob":null)")) == "/args/cat_prob: expected a number from 0 to 1, got null");
  CHECK(insurance_mistake(args(R"(,"shard_iterations":0)")) ==
        "/args/shard_iterations: expected an integer from 1 to 100000000, got 0");
  CHECK(insurance_mistake(args(R"(,"shard_iterations":1.5)")) ==
        "/args/shard_iterations: expected an integer from 1 to 100000000, got 1.5");
  CHECK(insurance_mistake(
            R"({"claim_freq":2,"claim_severity_mu":1,"claim_severity_sig":0.5,"iterations":1000001,"shard_iterations":1})") ==
        "/args/iterations: makes 1000001 shards of 1; expected at most 1000000 shards");

  const auto exec = [](const std::string& rest) {
    return mistake("exec", contract("exec", "run.v1", R"({"program":)" + digest_text("p") + rest + "}"));
  };
  const std::string one = digest_text("a");
  CHECK(exec(R"(,"items":[])") == "/args/items: expected an array of 1 to 100000 elements, got 0");
  CHECK(exec(R"(,"items":[)" + one + ",7]")
            .starts_with("/args/items/1: expected \"sha256:\" and 64 lower-case hex digits, got 7"));
  CHECK(exec(R"(,"items":["sha256:00"])").starts_with("/args/items/0: expected \"sha256:\""));
  CHECK(exec(R"(,"items":[)" + one + R"(],"stdin":1)") == "/args/stdin: expected true or false, got 1");
  std::string many = one;
  for (int i = 0; i < 99; ++i) many += "," + one;
  CHECK(exec(R"(,"items":[)" + many + R"(],"stdout_limit_bytes":1000000)")
            .starts_with("/args/stdout_limit_bytes: 100 items of up to 1000000 bytes"));
}

TEST_CASE("contracts for another adapter, profile or data class are refused") {
  CHECK(mistake("mc", contract("exec", "insurance.v1", "{}")) == "/op/name: expected mc, which this adapter is, got \"exec\"");
  CHECK(insurance_mistake(insurance_args, R"(,"policy":{"data_class":"secret"})") ==
        "/policy/data_class: the profile is not cleared for \"secret\"");
  CHECK(insurance_mistake(insurance_args, R"(,"policy":{"data_class":"internal"})") == "planned");
  CHECK(mistake("mc", contract("mc", "insurance.v9", "{}")) ==
        "/op/profile: expected one of eta.v1, insurance.v1, got \"insurance.v9\"");
  Contract other = contract("mc", "insurance.v1", insurance_args);
  other.op.version = "2";
  CHECK(mistake("mc", other) == "/op/version: expected 1, which this adapter is, got \"2\"");
  other.op.version = "1";
  other.args = "[]";
  CHECK(mistake("mc", other) == "/args: expected an object, got an array");
  other.args = "{";
  CHECK(mistake("mc", other).starts_with("/args: (root): malformed JSON"));
}

TEST_CASE("the example contracts are planned in a few dozen shards") {
  const auto insurance = parse_contract(read_text(std::string(FORGEPOOL_CONTRACTS_DIR) + "/insurance.json"));
  REQUIRE(insurance.has_value());
  CHECK(insurance->policy.verify == VerifyMode::full);
  CHECK(insurance->policy.replicas == 2);
  const auto plan = sample_package("mc")->plan(*insurance);
  REQUIRE(plan.has_value());
  CHECK(plan->shards.size() == 40);
  const auto eta = parse_contract(read_text(std::string(FORGEPOOL_CONTRACTS_DIR) + "/eta.json"));
  REQUIRE(eta.has_value());
  CHECK(sample_package("mc")->plan(*eta)->shards.size() == 8);
}

TEST_CASE("a plan of a million shards is made and is the largest there is") {
  const auto plan = sample_package("noop")->plan(contract("noop", "noop.v1", R"({"shards":1000000})"));
  REQUIRE(plan.has_value());
  CHECK(plan->shards.size() == 1'000'000);
  CHECK(mistake("noop", contract("noop", "noop.v1", R"({"shards":1000001})")) ==
        "/args/shards: expected an integer from 1 to 1000000, got 1000001");
}

TEST_CASE("what a plan would come to is known before it is made, and not much more than it then is") {
  std::string items = "[" + digest_text("a");
  for (int i = 0; i < 500; ++i) items += "," + digest_text(std::to_string(i));
  for (const auto& [adapter, profile, args] :
       {std::tuple("mc", "insurance.v1", insurance_args), std::tuple("noop", "noop.v1", std::string(R"({"shards":5000})")),
        std::tuple("exec", "run.v1",
                   R"({"program":)" + digest_text("p") + R"(,"items":)" + items + R"(],"items_per_shard":3})")}) {
    const Contract asked = contract(adapter, profile, args);
    const auto size = sample_package(adapter)->measure(asked);
    const auto plan = sample_package(adapter)->plan(asked);
    REQUIRE(size);
    REQUIRE(plan);
    CHECK(size->shards == plan->shards.size());
    std::uint64_t bytes = 0;
    for (const auto& shard : plan->shards) {
      bytes += shard.params.size();
      for (const auto& input : shard.inputs) bytes += input.name.size() + sizeof input.digest;
    }
    CHECK(size->bytes >= bytes);
    CHECK(size->bytes <= 4 * bytes);
  }
  // Whatever its size: there is no plan of it.
  const auto huge = sample_package("noop")->measure(contract("noop", "noop.v1", R"({"shards":1000000})"));
  CHECK(huge->shards == 1'000'000);
  CHECK_FALSE(sample_package("noop")->measure(contract("noop", "noop.v1", R"({"shards":1000001})")));
}

TEST_CASE("a plan reads back from its canonical form and from nothing else") {
  const auto plan =
      sample_package("exec")->plan(contract("exec", "run.v1",
                                            R"({"program":)" + digest_text("p") + R"(,"items":[)" + digest_text("a") + "," +
                                                digest_text("b") + R"(],"items_per_shard":1})"));
  REQUIRE(plan.has_value());
  const std::string text = plan->canonical();
  const auto back = parse_plan(text);
  REQUIRE(back.has_value());
  CHECK(*back == *plan);
  CHECK(plan->digest() == sha256(text));

  CHECK_FALSE(parse_plan(text + " ").has_value());
  const auto value = json::parse(text, 1 << 20);
  for (const auto& [key, member] : *value->as_object()) {
    INFO(key);
    json::Object without = *value->as_object();
    without.erase(key);
    const auto refused = parse_plan(json::canonicalize(without));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == ErrorKind::invalid_input);
  }
  json::Object wrong = *value->as_object();
  wrong.set("limits", json::Object{{"cpu_ms", 1}});
  CHECK(parse_plan(json::canonicalize(wrong)).error().message ==
        "(root): not a plan as this library writes it; a member is missing");
  json::Array shards = *value->as_object()->find("shards")->as_array();
  std::swap(shards[0], shards[1]);
  wrong = *value->as_object();
  wrong.set("shards", shards);
  CHECK(parse_plan(json::canonicalize(wrong)).error().message == "/shards/0/index: expected an integer from 0 to 0, got 1");
}
