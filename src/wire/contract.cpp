#include <forgepool/contract.hpp>
#include <forgepool/credibility.hpp>

#include "wire/json_reader.hpp"

namespace forgepool {
namespace {

using json::ObjectReader;

constexpr std::string_view verify_modes[] = {"none", "spotcheck", "full", "quorum", "adaptive"};
constexpr std::string_view targets[] = {"any", "private", "enterprise", "public"};
constexpr std::string_view seed_modes[] = {"explicit", "derived"};
constexpr std::string_view spreads[] = {"operator", "network", "region"};
constexpr std::string_view inclusions[] = {"result", "shard_outputs"};
constexpr std::uint32_t max_replicas = 16;
constexpr std::int64_t max_agents_limit = 100'000;
constexpr std::int64_t thirty_days_ms = std::int64_t{30} * 24 * 3'600'000;
constexpr std::size_t max_regions = 64;
constexpr std::size_t max_seed_bytes = 1024;

void read_context(const json::Value& value, Contract& contract, ObjectReader& outer) {
  ObjectReader reader(value, outer.pointer("ctx"));
  if (std::string id = reader.id("job_id", ""); !id.empty()) contract.job_id = JobId(std::move(id));
  contract.trace_id = reader.id("trace_id", "");
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
}

void read_op(const json::Value& value, Contract& contract, ObjectReader& outer) {
  ObjectReader reader(value, outer.pointer("op"));
  contract.op.name = reader.id("name");
  contract.op.version = reader.id("version");
  contract.op.profile = reader.id("profile");
  if (reader.has("digest")) contract.op.digest = reader.digest("digest");
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
}

void read_seed(const json::Value& value, Contract& contract, ObjectReader& outer) {
  ObjectReader reader(value, outer.pointer("seed"));
  const bool is_explicit = reader.choice("mode", seed_modes) == 0;
  const json::Value* seed = reader.any("value", is_explicit ? ObjectReader::Need::required : ObjectReader::Need::optional);
  if (seed && !is_explicit)
    reader.refuse("value", "expected no value, because a derived seed comes from the contract's digest");
  if (seed && is_explicit) {
    const std::string* text = seed->as_string();
    if (seed->as_integer() || (text && text->size() <= max_seed_bytes))
      contract.seed = json::canonicalize(*seed);
    else
      reader.refuse("value", "expected an integer within 2^53, or a string of at most " + std::to_string(max_seed_bytes) +
                                 " bytes, got " + json::describe(*seed));
  }
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
}

void read_adversary(const json::Value& value, ContractPolicy& policy, ObjectReader& outer) {
  ObjectReader reader(value, outer.pointer("adversary"));
  policy.adversary.fraction = reader.number("fraction", 0.001, 0.45, policy.adversary.fraction);
  policy.adversary.collusion = reader.boolean("collusion", policy.adversary.collusion);
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
}

void read_retention(const json::Value& value, ContractPolicy& policy, ObjectReader& outer) {
  ObjectReader reader(value, outer.pointer("retention"));
  const auto read = [&](std::string_view name, std::optional<std::uint64_t>& time) {
    if (reader.has(name)) time = static_cast<std::uint64_t>(reader.integer(name, 0, json::max_safe_integer));
  };
  read("inputs_ms", policy.retention.inputs_ms);
  read("results_ms", policy.retention.results_ms);
  read("evidence_ms", policy.retention.evidence_ms);
  if (auto done = reader.finish(); !done) outer.refuse(done.error());
}

void read_policy(const json::Value& value, Contract& contract, ObjectReader& outer) {
  ContractPolicy& policy = contract.policy;
  ObjectReader reader(value, outer.pointer("policy"));
  policy.target = targets[reader.choice("target", targets, 0)];
  policy.min_agents = static_cast<std::uint32_t>(reader.integer("min_agents", 1, max_agents_limit, policy.min_agents));
  policy.max_agents = static_cast<std::uint32_t>(reader.integer("max_agents", 1, max_agents_limit, policy.max_agents));
  if (policy.min_agents > policy.max_agents)
    reader.refuse("min_agents", "expected at most max_agents (" + std::to_string(policy.max_agents) + "), got " +
                                    std::to_string(policy.min_agents));
  policy.timeout_ms = static_cast<std::uint64_t>(
      reader.integer("timeout_ms", 1000, thirty_days_ms, static_cast<std::int64_t>(policy.timeout_ms)));
  policy.verify = static_cast<VerifyMode>(reader.choice("verify", verify_modes, static_cast<std::size_t>(policy.verify)));
  policy.replicas = static_cast<std::uint32_t>(reader.integer("replicas", 1, max_replicas, policy.replicas));
  policy.spotcheck_ratio = reader.number("spotcheck_ratio", 0, 1, policy.spotcheck_ratio);
  policy.max_error = reader.number("max_error", 1e-12, 0.5, policy.max_error);
  if (const auto* adversary = reader.object("adversary", ObjectReader::Need::optional))
    read_adversary(*adversary, policy, reader);
  if (const auto lead = lead_needed(policy.adversary, policy.max_error);
      policy.verify == VerifyMode::adaptive && policy.adversary.collusion && lead > max_replicas)
    reader.refuse("max_error", "expected one that " + std::to_string(max_replicas) +
                                   " agents can reach; against collusion of that many "
                                   "it takes " +
                                   std::to_string(lead) + " that agree");
  policy.regions = reader.ids("regions", max_regions, ObjectReader::Need::optional);
  policy.data_class = reader.id("data_class", "");
  policy.priority = static_cast<std::uint32_t>(reader.integer("priority", 0, 9, policy.priority));
  if (reader.has("deadline_ms"))
    policy.deadline_ms =
        static_cast<std::uint64_t>(reader.integer("deadline_ms", 1, static_cast<std::int64_t>(policy.timeout_ms)));
  policy.numeric_class = reader.id("numeric_class", "");
  policy.homogeneous = reader.boolean("homogeneous", policy.homogeneous);
  using enum SandboxLevel;
  const std::string_view levels[] = {to_string(none), to_string(process), to_string(bubblewrap), to_string(namespaces),
                                     to_string(full)};
  policy.sandbox_level = static_cast<SandboxLevel>(reader.choice("sandbox_level", levels, 0));
  policy.spread = reader.choices("spread", spreads, ObjectReader::Need::optional);
  if (const auto* retention = reader.object("retention", ObjectReader::Need::optional))
    read_retention(*retention, policy, reader);
  policy.speculative = reader.boolean("speculative", policy.speculative);
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
}

void read_artifacts(const json::Value& value, Contract& contract, ObjectReader& outer) {
  ObjectReader reader(value, outer.pointer("artifacts"));
  contract.artifacts.persist = reader.boolean("persist", contract.artifacts.persist);
  contract.artifacts.include = reader.choices("include", inclusions, ObjectReader::Need::optional);
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
}

Digest without_pin(json::Value contract) {
  json::Object& whole = *contract.as_object();
  json::Object op = *whole.find("op")->as_object();
  op.erase("digest");
  whole.set("op", std::move(op));
  return sha256(json::canonicalize(contract));
}

}  // namespace

std::string_view to_string(VerifyMode mode) {
  return verify_modes[static_cast<std::size_t>(mode)];
}

Result<Contract> parse_contract(std::string_view text) {
  const auto value = json::parse(text, max_contract_bytes);
  if (!value) return fail(value.error());

  Contract contract;
  ObjectReader reader(*value, "");
  if (const auto* context = reader.object("ctx", ObjectReader::Need::optional)) read_context(*context, contract, reader);
  if (const auto* op = reader.object("op")) read_op(*op, contract, reader);
  if (const auto* args = reader.object("args")) contract.args = json::canonicalize(*args);
  if (const auto* seed = reader.object("seed", ObjectReader::Need::optional)) read_seed(*seed, contract, reader);
  if (const auto* policy = reader.object("policy", ObjectReader::Need::optional)) read_policy(*policy, contract, reader);
  if (const auto* artifacts = reader.object("artifacts", ObjectReader::Need::optional))
    read_artifacts(*artifacts, contract, reader);
  if (auto read = reader.finish(); !read) return fail(read.error());

  contract.canonical = json::canonicalize(*value);
  contract.digest = sha256(contract.canonical);
  contract.seed_digest = contract.op.digest ? without_pin(*value) : contract.digest;
  return contract;
}

}  // namespace forgepool
