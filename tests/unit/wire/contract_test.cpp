#include <forgepool/contract.hpp>

#include "wire/json.hpp"

#include <catch2/catch_test_macros.hpp>

#include <random>

using namespace forgepool;

namespace {

constexpr std::string_view full_contract = R"({
  "ctx": {"job_id": "job-1", "trace_id": "trace.2"},
  "op": {"name": "mc", "version": "1", "profile": "insurance.v1"},
  "args": {"iterations": 1e7, "claim_freq": 2.50},
  "seed": {"mode": "explicit", "value": 42},
  "policy": {"target": "private", "min_agents": 2, "max_agents": 64, "timeout_ms": 600000, "verify": "quorum", "replicas": 3,
             "spotcheck_ratio": 0.25, "max_error": 1e-6, "adversary": {"fraction": 0.125, "collusion": true}, "regions": ["eu-west", "eu-north"], "data_class": "internal",
             "priority": 7, "deadline_ms": 60000, "numeric_class": "x86-64-v3", "homogeneous": true, "sandbox_level": "namespaces", "spread": ["network", "operator"],
             "speculative": false},
  "artifacts": {"persist": false, "include": ["result", "shard_outputs"]}})";

constexpr std::string_view least_contract = R"({"op":{"name":"mc","version":"1","profile":"p"},"args":{}})";

/// The least contract with one more member, or with one of its two replaced.
std::string with(const std::string& key, const std::string& value) {
  const std::string op = key == "op" ? value : R"({"name":"mc","version":"1","profile":"p"})";
  const std::string args = key == "args" ? value : "{}";
  std::string text = R"({"op":)" + op + R"(,"args":)" + args;
  if (key != "op" && key != "args") text += ",\"" + key + "\":" + value;
  return text + "}";
}

std::string mistake(const std::string& text) {
  const auto contract = parse_contract(text);
  return contract ? "accepted" : contract.error().message;
}

}  // namespace

TEST_CASE("a contract with everything in it is read") {
  const auto contract = parse_contract(full_contract);
  REQUIRE(contract.has_value());
  CHECK(contract->job_id == JobId("job-1"));
  CHECK(contract->trace_id == "trace.2");
  CHECK(contract->op.name == "mc");
  CHECK(contract->op.version == "1");
  CHECK(contract->op.profile == "insurance.v1");
  CHECK(contract->args == R"({"claim_freq":2.5,"iterations":10000000})");
  CHECK(contract->seed == "42");
  CHECK(contract->policy.target == "private");
  CHECK(contract->policy.min_agents == 2);
  CHECK(contract->policy.max_agents == 64);
  CHECK(contract->policy.timeout_ms == 600'000);
  CHECK(contract->policy.verify == VerifyMode::quorum);
  CHECK(to_string(contract->policy.verify) == "quorum");
  CHECK(contract->policy.replicas == 3);
  CHECK(contract->policy.spotcheck_ratio == 0.25);
  CHECK(contract->policy.max_error == 1e-6);
  CHECK(contract->policy.adversary == Adversary{0.125, true});
  CHECK(contract->policy.regions == std::vector<std::string>{"eu-west", "eu-north"});
  CHECK(contract->policy.data_class == "internal");
  CHECK(contract->policy.priority == 7);
  CHECK(contract->policy.deadline_ms == 60'000);
  CHECK(contract->policy.numeric_class == "x86-64-v3");
  CHECK(contract->policy.homogeneous);
  CHECK(contract->policy.sandbox_level == SandboxLevel::namespaces);
  CHECK(contract->policy.spread == std::vector<std::string>{"network", "operator"});
  CHECK_FALSE(contract->policy.speculative);
  CHECK_FALSE(contract->artifacts.persist);
  CHECK(contract->artifacts.include == std::vector<std::string>{"result", "shard_outputs"});
}

TEST_CASE("a contract may name the one package that will do") {
  const std::string digest = sha256("a package").str();
  const auto contract = parse_contract(with("op", R"({"name":"mc","version":"1","profile":"p","digest":")" + digest + "\"}"));
  REQUIRE(contract.has_value());
  REQUIRE(contract->op.digest.has_value());
  CHECK(contract->op.digest->str() == digest);
  CHECK_FALSE(parse_contract(least_contract)->op.digest.has_value());
}

TEST_CASE("what a contract leaves out has the documented defaults") {
  const auto contract = parse_contract(least_contract);
  REQUIRE(contract.has_value());
  CHECK_FALSE(contract->job_id.has_value());
  CHECK(contract->trace_id.empty());
  CHECK_FALSE(contract->seed.has_value());
  CHECK(contract->policy.target == "any");
  CHECK(contract->policy.min_agents == 1);
  CHECK(contract->policy.max_agents == 100'000);
  CHECK(contract->policy.timeout_ms == 3'600'000);
  CHECK(contract->policy.verify == VerifyMode::full);
  CHECK(contract->policy.replicas == 2);
  CHECK(contract->policy.spotcheck_ratio == 0.1);
  CHECK(contract->policy.max_error == 1e-3);
  CHECK(contract->policy.adversary == Adversary{0.2, false});
  CHECK(contract->policy.priority == 5);
  CHECK_FALSE(contract->policy.deadline_ms.has_value());
  CHECK(contract->policy.numeric_class.empty());
  CHECK_FALSE(contract->policy.homogeneous);
  CHECK(contract->policy.spread.empty());
  CHECK(contract->policy.speculative);
  CHECK(contract->artifacts.persist);
  CHECK(contract->artifacts.include.empty());
}

TEST_CASE("the digest depends on what a contract says, not on how it is written") {
  const auto contract = parse_contract(full_contract);
  REQUIRE(contract.has_value());
  CHECK(contract->digest == sha256(contract->canonical));
  const auto again = parse_contract(contract->canonical);
  REQUIRE(again.has_value());
  CHECK(again->digest == contract->digest);
  CHECK(again->canonical == contract->canonical);
  // A default that is spelt out is another text that the client signed off: another contract.
  CHECK(parse_contract(with("policy", "{}"))->digest != parse_contract(least_contract)->digest);
  CHECK(parse_contract(least_contract)->canonical == R"({"args":{},"op":{"name":"mc","profile":"p","version":"1"}})");
}

TEST_CASE("seeds are integers or strings, or derived") {
  CHECK(parse_contract(with("seed", R"({"mode":"explicit","value":"x"})"))->seed == "\"x\"");
  CHECK(parse_contract(with("seed", R"({"mode":"explicit","value":-7.0})"))->seed == "-7");
  CHECK_FALSE(parse_contract(with("seed", R"({"mode":"derived"})"))->seed.has_value());
}

TEST_CASE("each mistake in a contract is named with its place and what was expected") {
  const std::string long_text(1025, 'x');
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"extra", "1", "/extra: unknown key; expected ctx, op, args, seed, policy, artifacts"},
      {"ctx", "[]", "/ctx: expected an object, got an array"},
      {"ctx", "null", "/ctx: expected an object, got null"},
      {"ctx", R"({"job_id":""})", "/ctx/job_id: expected 1 to 128 characters"},
      {"ctx", R"({"job_id":"a b"})", "/ctx/job_id: expected 1 to 128 characters"},
      {"ctx", R"({"job_id":"../x"})", "/ctx/job_id: expected 1 to 128 characters"},
      {"ctx", R"({"job_id":7})", "/ctx/job_id: expected 1 to 128 characters"},
      {"ctx", R"({"trace_id":null})", "/ctx/trace_id: expected 1 to 128 characters"},
      {"ctx", R"({"span":"x"})", "/ctx/span: unknown key; expected job_id, trace_id"},
      {"op", R"("mc")", "/op: expected an object, got \"mc\""},
      {"op", R"({"name":"mc","version":"1"})", "/op/profile: missing"},
      {"op", R"({"name":"mc","profile":"p"})", "/op/version: missing"},
      {"op", R"({"version":"1","profile":"p"})", "/op/name: missing"},
      {"op", R"({"name":"mc","version":1,"profile":"p"})", "/op/version: expected 1 to 128 characters"},
      {"op", R"({"name":"m/c","version":"1","profile":"p"})", "/op/name: expected 1 to 128 characters"},
      {"op", R"({"name":"mc","version":"1","profile":"p","digest":"x"})", "/op/digest: expected \"sha256:"},
      {"op", R"({"name":"mc","version":"1","profile":"p","digests":"x"})", "/op/digests: unknown key"},
      {"args", "null", "/args: expected an object, got null"},
      {"args", "[]", "/args: expected an object, got an array"},
      {"args", R"({"a":1,"b":{"a":1,"a":2}})", "/args/b/a: the key stands twice"},
      {"args", R"({"a":1e999})", "/args/a: the number is outside the range"},
      {"seed", "42", "/seed: expected an object, got 42"},
      {"seed", "{}", "/seed/mode: missing; expected one of explicit, derived"},
      {"seed", R"({"mode":"random"})", "/seed/mode: expected one of explicit, derived, got \"random\""},
      {"seed", R"({"mode":"explicit"})", "/seed/value: missing"},
      {"seed", R"({"mode":"explicit","value":1.5})", "/seed/value: expected an integer within 2^53, or a string"},
      {"seed", R"({"mode":"explicit","value":1e300})", "/seed/value: expected an integer within 2^53, or a string"},
      {"seed", R"({"mode":"explicit","value":9007199254740993})", "/seed/value: the integer cannot be held"},
      {"seed", R"({"mode":"explicit","value":null})", "/seed/value: expected an integer within 2^53, or a string"},
      {"seed", R"({"mode":"explicit","value":")" + long_text + "\"}",
       "/seed/value: expected an integer within 2^53, or a string"},
      {"seed", R"({"mode":"derived","value":1})", "/seed/value: expected no value"},
      {"seed", R"({"mode":"derived","salt":1})", "/seed/salt: unknown key"},
      {"policy", "true", "/policy: expected an object, got true"},
      {"policy", R"({"target":"everyone"})", "/policy/target: expected one of any, private, enterprise, public"},
      {"policy", R"({"min_agents":0})", "/policy/min_agents: expected an integer from 1 to 100000, got 0"},
      {"policy", R"({"min_agents":100001})", "/policy/min_agents: expected an integer from 1 to 100000, got 100001"},
      {"policy", R"({"min_agents":-1})", "/policy/min_agents: expected an integer from 1 to 100000, got -1"},
      {"policy", R"({"min_agents":1.5})", "/policy/min_agents: expected an integer from 1 to 100000, got 1.5"},
      {"policy", R"({"min_agents":3,"max_agents":2})", "/policy/min_agents: expected at most max_agents (2), got 3"},
      {"policy", R"({"max_agents":0})", "/policy/max_agents: expected an integer from 1 to 100000, got 0"},
      {"policy", R"({"max_agents":"2"})", "/policy/max_agents: expected an integer from 1 to 100000, got \"2\""},
      {"policy", R"({"timeout_ms":999})", "/policy/timeout_ms: expected an integer from 1000 to 2592000000, got 999"},
      {"policy", R"({"timeout_ms":2592000001})", "/policy/timeout_ms: expected an integer from 1000 to 2592000000"},
      {"policy", R"({"timeout_ms":1e300})", "/policy/timeout_ms: expected an integer from 1000 to 2592000000"},
      {"policy", R"({"verify":"some"})",
       "/policy/verify: expected one of none, spotcheck, full, quorum, adaptive, got \"some\""},
      {"policy", R"({"verify":true})", "/policy/verify: expected one of none, spotcheck, full, quorum, adaptive, got true"},
      {"policy", R"({"replicas":0})", "/policy/replicas: expected an integer from 1 to 16, got 0"},
      {"policy", R"({"max_error":0})", "/policy/max_error: expected a number from "},
      {"policy", R"({"adversary":{"fraction":0.5}})", "/policy/adversary/fraction: expected a number from "},
      {"policy", R"({"adversary":{"part":0.1}})", "/policy/adversary/part: "},
      {"policy", R"({"verify":"adaptive","max_error":1e-11,"adversary":{"collusion":true}})",
       "/policy/max_error: expected one that 16 agents can reach; against collusion of that many it takes 19"},
      {"policy", R"({"replicas":17})", "/policy/replicas: expected an integer from 1 to 16, got 17"},
      {"policy", R"({"spotcheck_ratio":-0.1})", "/policy/spotcheck_ratio: expected a number from 0 to 1, got -0.1"},
      {"policy", R"({"spotcheck_ratio":1.1})", "/policy/spotcheck_ratio: expected a number from 0 to 1, got 1.1"},
      {"policy", R"({"spotcheck_ratio":"all"})", "/policy/spotcheck_ratio: expected a number from 0 to 1, got \"all\""},
      {"policy", R"({"regions":"eu"})", "/policy/regions: expected an array of 0 to 64 elements, got \"eu\""},
      {"policy", R"({"regions":["eu",1]})", "/policy/regions/1: expected 1 to 128 characters"},
      {"policy", R"({"regions":["eu","eu"]})", "/policy/regions/1: the element \"eu\" stands twice"},
      {"policy", R"({"regions":["e u"]})", "/policy/regions/0: expected 1 to 128 characters"},
      {"policy", R"({"data_class":""})", "/policy/data_class: expected 1 to 128 characters"},
      {"policy", R"({"priority":10})", "/policy/priority: expected an integer from 0 to 9, got 10"},
      {"policy", R"({"deadline_ms":0})", "/policy/deadline_ms: expected an integer from 1 to 3600000, got 0"},
      {"policy", R"({"timeout_ms":5000,"deadline_ms":5001})",
       "/policy/deadline_ms: expected an integer from 1 to 5000, got 5001"},
      {"policy", R"({"numeric_class":"a b"})", "/policy/numeric_class: expected 1 to 128 characters"},
      {"policy", R"({"homogeneous":1})", "/policy/homogeneous: expected true or false, got 1"},
      {"policy", R"({"sandbox_level":"strongest"})",
       "/policy/sandbox_level: expected one of none, process, bubblewrap, namespaces, full"},
      {"policy", R"({"spread":["owner"]})", "/policy/spread/0: expected one of operator, network, region, got \"owner\""},
      {"policy", R"({"speculative":"no"})", "/policy/speculative: expected true or false, got \"no\""},
      {"policy", R"({"replica":2})", "/policy/replica: unknown key; expected target,"},
      {"policy", R"({"replicas":2,"replicas":3})", "/policy/replicas: the key stands twice"},
      {"artifacts", "[]", "/artifacts: expected an object, got an array"},
      {"artifacts", R"({"persist":"yes"})", "/artifacts/persist: expected true or false, got \"yes\""},
      {"artifacts", R"({"include":"result"})", "/artifacts/include: expected an array of 0 to 2 elements"},
      {"artifacts", R"({"include":["results"]})",
       "/artifacts/include/0: expected one of result, shard_outputs, got \"results\""},
      {"artifacts", R"({"include":["result","result"]})", "/artifacts/include/1: the element \"result\" stands twice"},
      {"artifacts", R"({"keep":1})", "/artifacts/keep: unknown key"},
  };
  for (const auto& [key, value, expected] : cases) {
    const std::string text = with(key, value);
    INFO(text.substr(0, 300));
    const auto contract = parse_contract(text);
    REQUIRE_FALSE(contract.has_value());
    CHECK(contract.error().kind == ErrorKind::invalid_input);
    CHECK(contract.error().message.substr(0, expected.size()) == expected);
  }
}

TEST_CASE("a text that is no contract at all is refused") {
  CHECK(mistake("") == "(root): malformed JSON: expected a value, but the text ends (line 1, byte 1)");
  CHECK(mistake("[]") == "(root): expected an object, got an array");
  CHECK(mistake("{}").starts_with("/op: missing"));
  CHECK(mistake(R"({"op":{"name":"mc","version":"1","profile":"p"}})") == "/args: missing; expected an object");
  CHECK(mistake(std::string(least_contract) + "{}").starts_with("(root): malformed JSON: expected the end after the value"));
  CHECK(mistake("{\"op\":{\"name\":\"\xff\"").starts_with("/op/name: malformed JSON: invalid UTF-8"));
}

TEST_CASE("a contract over the size limit is refused before it is read") {
  std::string text = with("args", "{\"x\":\"" + std::string(max_contract_bytes, 'x') + "\"}");
  const auto contract = parse_contract(text);
  REQUIRE_FALSE(contract.has_value());
  CHECK(contract.error().kind == ErrorKind::too_large);
  text = std::string(least_contract) + std::string(max_contract_bytes - least_contract.size(), ' ');
  CHECK(parse_contract(text).has_value());
  CHECK(parse_contract(text + " ").error().kind == ErrorKind::too_large);
}

TEST_CASE("random damage to a contract never gets through with an inconsistent meaning") {
  const unsigned seed = 7;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::string base(full_contract);
  const std::string alphabet = "{}[]\",:0123456789.e-truefalsnul \n\\/x\x80\xff";
  int accepted = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string text = base;
    for (auto edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t place = random() % text.size();
      switch (random() % 4) {
        case 0: text[place] = alphabet[random() % alphabet.size()]; break;
        case 1: text.erase(place, 1 + random() % 8); break;
        case 2: text.insert(place, 1, alphabet[random() % alphabet.size()]); break;
        default: text.insert(place, text.substr(random() % text.size(), random() % 20));
      }
    }
    const auto contract = parse_contract(text);
    if (!contract) {
      if (contract.error().message.empty()) FAIL("refused without a reason: " << text);
      continue;
    }
    ++accepted;
    const ContractPolicy& policy = contract->policy;
    const bool sound = policy.min_agents >= 1 && policy.min_agents <= policy.max_agents && policy.max_agents <= 100'000 &&
                       policy.replicas >= 1 && policy.replicas <= 16 && policy.spotcheck_ratio >= 0 &&
                       policy.spotcheck_ratio <= 1 && policy.timeout_ms >= 1000 && is_valid_id(contract->op.name) &&
                       json::parse_canonical(contract->args, 1 << 20);
    const auto again = parse_contract(contract->canonical);
    if (!sound || !again || again->digest != contract->digest) FAIL("accepted: " << text);
  }
  CHECK(accepted > 100);
}
