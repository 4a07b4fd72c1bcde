/// The plan as JSON. FORMAT.md, "Plan".
#include "adapter/manifest.hpp"

namespace forgepool {
namespace {

using json::ObjectReader;

constexpr std::size_t max_plan_bytes = std::size_t{1} << 30;
constexpr std::size_t max_inputs_of_shard = 1'000'000;
constexpr std::string_view plan_formats[] = {"forgepool-plan/1"};

json::Value to_json(const ShardSpec& shard) {
  json::Array inputs;
  for (const ShardInput& input : shard.inputs)
    inputs.push_back(json::Object{{"digest", input.digest.str()}, {"executable", input.executable}, {"name", input.name}});
  return json::Object{{"index", shard.index}, {"inputs", std::move(inputs)}, {"params", shard.params}};
}

Result<ShardSpec> read_shard(const json::Value& value, const std::string& pointer, std::uint32_t index) {
  ShardSpec shard;
  ObjectReader reader(value, pointer);
  shard.index = static_cast<std::uint32_t>(reader.integer("index", index, index));
  shard.params = reader.string("params", max_contract_bytes * 2);
  if (const auto* inputs = reader.array("inputs", 0, max_inputs_of_shard))
    for (std::size_t i = 0; i < inputs->size() && reader.ok(); ++i) {
      ObjectReader one((*inputs)[i], json::pointer_to(reader.pointer("inputs"), i));
      ShardInput input;
      input.name = one.id("name");
      input.digest = one.digest("digest");
      input.executable = one.boolean("executable");
      if (auto read = one.finish(); !read) reader.refuse(read.error());
      shard.inputs.push_back(std::move(input));
    }
  if (auto read = reader.finish(); !read) return fail(read.error());
  return shard;
}

}  // namespace

std::string Plan::canonical() const {
  json::Array argument_list, relaxation_list, shard_list;
  for (const std::string& argument : arguments) argument_list.emplace_back(argument);
  for (const SandboxRelaxation relaxation : relaxations) relaxation_list.emplace_back(adapter::relaxation_name(relaxation));
  shard_list.reserve(shards.size());
  for (const ShardSpec& shard : shards) shard_list.push_back(to_json(shard));
  json::Object plan;
  plan.set("adapter", adapter.str());
  plan.set("arguments", std::move(argument_list));
  plan.set("contract", contract.str());
  plan.set("determinism", to_string(determinism));
  plan.set("format", plan_formats[0]);
  plan.set("limits", adapter::to_json(limits));
  plan.set("program", program.str());
  plan.set("relaxations", std::move(relaxation_list));
  plan.set("shards", std::move(shard_list));
  if (determinism == Determinism::strict) plan.set("world", world_name(world));
  return json::canonicalize(plan);
}

Digest Plan::digest() const {
  return sha256(canonical());
}

Result<Plan> parse_plan(std::string_view text) {
  const auto value = json::parse_canonical(text, max_plan_bytes);
  if (!value) return fail(ErrorKind::invalid_input, value.error().message);

  Plan plan;
  ObjectReader reader(*value, "");
  reader.choice("format", plan_formats);
  plan.contract = reader.digest("contract");
  plan.adapter = reader.digest("adapter");
  plan.program = reader.digest("program");
  plan.arguments = adapter::read_program_arguments(reader, ObjectReader::Need::required);
  plan.relaxations = adapter::read_relaxations(reader);
  plan.determinism = adapter::read_determinism(reader, plan.relaxations);
  if (plan.determinism == Determinism::strict) {
    const auto world = parse_world(reader.string("world", 32));
    if (world)
      plan.world = *world;
    else
      reader.refuse("world", world.error().message);
  }
  if (const auto* limits = reader.object("limits")) {
    const auto read = adapter::read_limits(*limits, reader.pointer("limits"));
    if (read)
      plan.limits = *read;
    else
      reader.refuse(read.error());
  }
  if (const auto* shards = reader.array("shards", 1, adapter::max_shards)) {
    for (std::size_t i = 0; i < shards->size() && reader.ok(); ++i) {
      auto shard = read_shard((*shards)[i], json::pointer_to(reader.pointer("shards"), i), static_cast<std::uint32_t>(i));
      if (shard)
        plan.shards.push_back(std::move(*shard));
      else
        reader.refuse(shard.error());
    }
  }
  if (auto read = reader.finish(); !read) return fail(read.error());
  // Members that may be left out in manifests may not in plans: one plan has one text.
  if (plan.canonical() != text)
    return fail(ErrorKind::invalid_input, json::at_pointer("", "not a plan as this library writes it; a member is missing"));
  return plan;
}

}  // namespace forgepool
