#include "identity/receipt.hpp"

#include "crypto/digest.hpp"
#include "identity/statement.hpp"
#include "identity/svid.hpp"
#include "wire/failure.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace forgepool::identity {
namespace {

constexpr std::string_view predicate_type = "https://slsa.dev/provenance/v1";
constexpr std::string_view build_type = "urn:forgepool:lease:v1";
constexpr std::size_t max_detail_bytes = 512;
constexpr std::size_t max_inputs = 65'536;

using Kind = SandboxOutcome::Kind;
constexpr Kind outcome_kinds[] = {Kind::exited,        Kind::signalled,      Kind::out_of_memory, Kind::pids_limit,
                                  Kind::timed_out_cpu, Kind::timed_out_wall, Kind::output_limit,  Kind::policy_violation,
                                  Kind::setup_failed,  Kind::cancelled};

// --- writing ---------------------------------------------------------------------------------------------------------

// The detail may quote the program, which is foreign to the agent.
std::string clean(std::string_view detail) {
  std::string text(detail.substr(0, max_detail_bytes));
  for (char& c : text)
    if (c < 0x20 || c > 0x7e) c = '?';
  return text;
}

json::Value limits_to_json(const SandboxLimits& limits) {
  return json::Object{
      {"cpu_ms", limits.cpu_ms},          {"wall_ms", limits.wall_ms},           {"memory_bytes", limits.memory_bytes},
      {"processes", limits.processes},    {"output_bytes", limits.output_bytes}, {"output_files", limits.output_files},
      {"stdio_bytes", limits.stdio_bytes}};
}

json::Value external_parameters(const Receipt& receipt) {
  json::Array shards;
  for (const auto& shard : receipt.shards)
    shards.push_back(json::Object{{"index", shard.index}, {"params", shard.params.str()}});
  return json::Object{{"adapter", receipt.adapter.str()},   {"attempt", receipt.attempt},
                      {"contract", receipt.contract.str()}, {"job", receipt.job},
                      {"lease", receipt.lease.str()},       {"shards", std::move(shards)}};
}

json::Value outcome_to_json(const SandboxOutcome& outcome) {
  json::Object object{{"code", outcome.code}, {"detail", clean(outcome.detail)}, {"kind", to_string(outcome.kind)}};
  if (outcome.step != SandboxStep::none) object.set("step", to_string(outcome.step));
  return object;
}

json::Value internal_parameters(const Receipt& receipt) {
  json::Array relaxations, shards;
  for (const auto relaxation : receipt.relaxations) relaxations.push_back(to_string(relaxation));
  for (const auto& shard : receipt.shards)
    shards.push_back(json::Object{{"index", shard.index},
                                  {"outcome", outcome_to_json(shard.outcome)},
                                  {"usage", json::Object{{"cpu_ms", shard.usage.cpu_ms},
                                                         {"peak_memory_bytes", shard.usage.peak_memory_bytes},
                                                         {"wall_ms", shard.usage.wall_ms}}}});
  json::Object sandbox{{"name", receipt.sandbox},
                       {"level", to_string(receipt.level)},
                       {"determinism", to_string(receipt.determinism)},
                       {"limits", limits_to_json(receipt.limits)},
                       {"relaxations", std::move(relaxations)}};
  if (!receipt.numeric_class.empty()) sandbox.set("numeric_class", receipt.numeric_class);
  if (receipt.determinism == Determinism::strict) sandbox.set("world", world_name(receipt.world));
  return json::Object{{"sandbox", std::move(sandbox)}, {"shards", std::move(shards)}, {"salt", to_hex(receipt.salt)}};
}

Resource adapter_of(const Receipt& receipt) {
  return {"adapter", receipt.adapter};
}

std::vector<Resource> dependencies_of(const Receipt& receipt) {
  std::vector<Resource> resources{adapter_of(receipt)};
  for (const auto& shard : receipt.shards)
    for (const auto& input : shard.inputs) resources.push_back({shard_name(shard.index) + "/" + input.name, input.digest});
  return resources;
}

json::Value to_json(const Receipt& receipt) {
  std::vector<Resource> subject;
  for (const auto& shard : receipt.shards)
    if (shard.output) subject.push_back({shard_name(shard.index), *shard.output});
  json::Object definition{{"buildType", build_type},
                          {"externalParameters", external_parameters(receipt)},
                          {"internalParameters", internal_parameters(receipt)},
                          {"resolvedDependencies", to_json(dependencies_of(receipt))}};
  json::Object details{{"builder", json::Object{{"id", receipt.agent}}},
                       {"metadata", json::Object{{"invocationId", receipt.lease.str()},
                                                 {"startedOn", to_rfc3339(receipt.started_at)},
                                                 {"finishedOn", to_rfc3339(receipt.finished_at)}}}};
  return statement_to_json(subject, predicate_type,
                           json::Object{{"buildDefinition", std::move(definition)}, {"runDetails", std::move(details)}});
}

// --- reading ---------------------------------------------------------------------------------------------------------

/// Reads the object `key` with `read(ObjectReader&)`; mistakes end up in `reader`.
template <class Read>
void within(json::ObjectReader& reader, std::string_view key, Read read) {
  if (const auto* value = reader.object(key)) {
    json::ObjectReader inner(*value, reader.pointer(key));
    read(inner);
    if (auto status = inner.finish(); !status) reader.refuse(status.error());
  }
}

/// The same for each object of the array `key`, with its position.
template <class Read>
void each(json::ObjectReader& reader, std::string_view key, std::size_t min, std::size_t max, Read read) {
  const auto* list = reader.array(key, min, max);
  for (std::size_t i = 0; list && i < list->size() && reader.ok(); ++i) {
    json::ObjectReader inner((*list)[i], json::pointer_to(reader.pointer(key), i));
    read(inner, i);
    if (auto status = inner.finish(); !status) reader.refuse(status.error());
  }
}

std::uint64_t amount(json::ObjectReader& reader, std::string_view key) {
  return static_cast<std::uint64_t>(reader.integer(key, 0, json::max_safe_integer));
}
std::uint32_t count(json::ObjectReader& reader, std::string_view key) {
  return static_cast<std::uint32_t>(reader.integer(key, 0, 0xffff'ffff));
}

void read_limits(json::ObjectReader& reader, SandboxLimits* limits) {
  limits->cpu_ms = amount(reader, "cpu_ms");
  limits->wall_ms = amount(reader, "wall_ms");
  limits->memory_bytes = amount(reader, "memory_bytes");
  limits->processes = count(reader, "processes");
  limits->output_bytes = amount(reader, "output_bytes");
  limits->output_files = count(reader, "output_files");
  limits->stdio_bytes = amount(reader, "stdio_bytes");
}

void read_outcome(json::ObjectReader& reader, SandboxOutcome* outcome) {
  const std::string kind = reader.string("kind", 64);
  const auto* found = std::ranges::find(outcome_kinds, kind, [](Kind k) { return to_string(k); });
  if (found == std::end(outcome_kinds))
    reader.refuse("kind", "expected an outcome, like exited");
  else
    outcome->kind = *found;
  outcome->code = static_cast<int>(reader.integer("code", INT32_MIN, INT32_MAX));
  outcome->detail = reader.string("detail", max_detail_bytes);
  if (clean(outcome->detail) != outcome->detail) reader.refuse("detail", "expected printable ASCII");
  if (!reader.has("step")) return;
  const auto step = parse_sandbox_step(reader.string("step", 64));
  if (!step || *step == SandboxStep::none || outcome->kind != Kind::setup_failed)
    reader.refuse("step", step ? "expected none: only setup_failed has one" : step.error().message);
  else
    outcome->step = *step;
}

void read_external(json::ObjectReader& reader, Receipt* receipt) {
  receipt->job = reader.id("job");
  receipt->contract = reader.digest("contract");
  receipt->lease = LeaseId(reader.id("lease"));
  receipt->attempt = static_cast<std::uint32_t>(reader.integer("attempt", 1, 1'000'000));
  receipt->adapter = reader.digest("adapter");
  each(reader, "shards", 1, max_receipt_shards, [&](json::ObjectReader& item, std::size_t) {
    ReceiptShard shard;
    shard.index = count(item, "index");
    shard.params = item.digest("params");
    if (!receipt->shards.empty() && shard.index <= receipt->shards.back().index)
      item.refuse("index", "expected ascending shard indices");
    receipt->shards.push_back(std::move(shard));
  });
}

void read_sandbox(json::ObjectReader& reader, Receipt* receipt) {
  receipt->sandbox = reader.id("name");
  const auto level = parse_sandbox_level(reader.string("level", 64));
  if (!level)
    reader.refuse("level", level.error().message);
  else
    receipt->level = *level;
  const auto determinism = parse_determinism(reader.string("determinism", 64));
  if (!determinism)
    reader.refuse("determinism", determinism.error().message);
  else
    receipt->determinism = *determinism;
  receipt->numeric_class = reader.id("numeric_class", "");
  if (receipt->determinism == Determinism::strict) {
    const auto world = parse_world(reader.string("world", 32));
    if (!world)
      reader.refuse("world", world.error().message);
    else
      receipt->world = *world;
  }
  within(reader, "limits", [&](json::ObjectReader& limits) { read_limits(limits, &receipt->limits); });
  for (const auto& name : reader.strings("relaxations", 16, 64)) {
    const auto relaxation = parse_sandbox_relaxation(name);
    if (!relaxation)
      reader.refuse("relaxations", relaxation.error().message);
    else
      receipt->relaxations.push_back(*relaxation);
  }
}

void read_internal(json::ObjectReader& reader, Receipt* receipt) {
  within(reader, "sandbox", [&](json::ObjectReader& sandbox) { read_sandbox(sandbox, receipt); });
  const auto salt = from_hex(reader.string("salt", receipt_salt_bytes * 2, {}, receipt_salt_bytes * 2));
  if (!salt)
    reader.refuse("salt", salt.error().message);
  else
    receipt->salt = *salt;
  each(reader, "shards", receipt->shards.size(), receipt->shards.size(), [&](json::ObjectReader& item, std::size_t i) {
    auto& shard = receipt->shards[i];
    if (count(item, "index") != shard.index) item.refuse("index", "expected the same shards as in externalParameters");
    within(item, "outcome", [&](json::ObjectReader& outcome) { read_outcome(outcome, &shard.outcome); });
    within(item, "usage", [&](json::ObjectReader& usage) {
      shard.usage.cpu_ms = amount(usage, "cpu_ms");
      shard.usage.wall_ms = amount(usage, "wall_ms");
      shard.usage.peak_memory_bytes = amount(usage, "peak_memory_bytes");
    });
  });
}

void read_dependencies(json::ObjectReader& reader, Receipt* receipt) {
  const auto resources = read_resources(reader, "resolvedDependencies", max_inputs);
  std::set<std::string_view> names;
  for (const auto& resource : resources)
    if (!names.insert(resource.name).second) return reader.refuse("resolvedDependencies", "expected each name once");
  // In order: first the adapter, then the inputs shard by shard.
  if (resources.empty() || resources.front() != adapter_of(*receipt))
    return reader.refuse("resolvedDependencies", "expected the adapter and then the inputs of the shards");
  auto shard = receipt->shards.begin();
  for (std::size_t i = 1; i < resources.size(); ++i) {
    const auto& name = resources[i].name;
    const auto belongs = [&](const ReceiptShard& s) { return name.starts_with(shard_name(s.index) + "/"); };
    shard = std::find_if(shard, receipt->shards.end(), belongs);
    if (shard == receipt->shards.end())
      return reader.refuse("resolvedDependencies", "expected the adapter and then the inputs of the shards");
    shard->inputs.push_back({name.substr(shard_name(shard->index).size() + 1), resources[i].digest});
  }
}

void read_definition(json::ObjectReader& reader, Receipt* receipt) {
  const std::string_view types[] = {build_type};
  reader.choice("buildType", types);
  within(reader, "externalParameters", [&](json::ObjectReader& inner) { read_external(inner, receipt); });
  within(reader, "internalParameters", [&](json::ObjectReader& inner) { read_internal(inner, receipt); });
  read_dependencies(reader, receipt);
}

void read_details(json::ObjectReader& reader, Receipt* receipt) {
  within(reader, "builder", [&](json::ObjectReader& builder) {
    receipt->agent = builder.string("id", 512);
    if (const auto id = parse_spiffe_id(receipt->agent); !id) builder.refuse("id", id.error().message);
  });
  within(reader, "metadata", [&](json::ObjectReader& metadata) {
    if (metadata.id("invocationId") != receipt->lease.str()) metadata.refuse("invocationId", "expected the lease");
    receipt->started_at = read_time(metadata, "startedOn");
    receipt->finished_at = read_time(metadata, "finishedOn");
  });
}

Status read_subject(const std::vector<Resource>& subject, Receipt* receipt) {
  auto next = subject.begin();
  for (auto& shard : receipt->shards) {
    if (next != subject.end() && next->name == shard_name(shard.index)) shard.output = (next++)->digest;
    if (shard.output.has_value() != shard.outcome.ok())
      return fail(ErrorKind::invalid_input,
                  fmt::format("receipt: shard {} must be among the subjects if, and only if, it ended well", shard.index));
  }
  if (next != subject.end())
    return fail(ErrorKind::invalid_input, "receipt: a subject is not one of its shards, in their order");
  return {};
}

}  // namespace

std::optional<Digest> answer_of(const ReceiptShard& shard) {
  if (shard.output) return shard.output;
  if (!wire::is_of_program(shard.outcome.kind)) return std::nullopt;
  return wire::failure_digest(shard.outcome.kind, shard.outcome.code);
}

bool operator==(const ReceiptShard& a, const ReceiptShard& b) {
  return a.index == b.index && a.params == b.params && a.inputs == b.inputs && a.outcome == b.outcome &&
         a.usage.cpu_ms == b.usage.cpu_ms && a.usage.wall_ms == b.usage.wall_ms &&
         a.usage.peak_memory_bytes == b.usage.peak_memory_bytes && a.output == b.output;
}

Digest commit_to_contract(ByteView salt, const Digest& contract, const JobId& job) {
  return Sha256()
      .update(salt)
      .update(json::canonicalize(json::Object{{"contract", contract.str()}, {"job", job.str()}}))
      .finish();
}

Result<std::string> write_receipt(const Receipt& receipt) {
  std::string text = json::canonicalize(to_json(receipt));
  if (auto read = parse_receipt(text); !read) return fail(read.error());
  return text;
}

Result<Receipt> parse_receipt(std::string_view text) {
  const auto statement = read_statement(text, predicate_type);
  if (!statement) return fail(statement.error());
  Receipt receipt;
  json::ObjectReader reader(statement->predicate(), "/predicate");
  within(reader, "buildDefinition", [&](json::ObjectReader& inner) { read_definition(inner, &receipt); });
  within(reader, "runDetails", [&](json::ObjectReader& inner) { read_details(inner, &receipt); });
  if (auto status = reader.finish(); !status) return fail(status.error().kind, "receipt: " + status.error().message);
  if (auto status = read_subject(statement->subject, &receipt); !status) return fail(status.error());
  // Every member was asked for and has one spelling as a JSON value: that JSON has one is all that is left to see.
  if (!statement->canonical) return fail(ErrorKind::invalid_input, "receipt: not in its canonical form");
  return receipt;
}

}  // namespace forgepool::identity
