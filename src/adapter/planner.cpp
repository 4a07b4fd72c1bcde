#include "adapter/planner.hpp"

#include "adapter/reducer.hpp"
#include "base/checked_arithmetic.hpp"
#include "crypto/digest.hpp"
#include "crypto/hkdf.hpp"

#include <algorithm>

namespace forgepool::adapter {
namespace {

constexpr std::size_t max_params_bytes_of_plan = std::size_t{512} << 20;

tl::unexpected<Error> mistake(std::string_view pointer, const std::string& message) {
  return fail(ErrorKind::invalid_input, json::at_pointer(pointer, message));
}

Result<ShardLayout> lay_out(const SplitSpec& split, const CheckedContract& checked) {
  ShardLayout layout;
  layout.total = split.by == SplitSpec::By::range ? static_cast<std::uint64_t>(checked.integer(split.over))
                                                  : checked.args.find(split.over)->as_array()->size();
  layout.shard_size = static_cast<std::uint64_t>(
      split.shard_size_argument.empty() ? split.shard_size : checked.integer(split.shard_size_argument));
  const std::uint64_t count = (layout.total - 1) / layout.shard_size + 1;
  if (count > max_shards)
    return mistake("/args/" + split.over, "makes " + std::to_string(count) + " shards of " + std::to_string(layout.shard_size) +
                                              "; expected at most " + std::to_string(max_shards) + " shards");
  layout.count = static_cast<std::uint32_t>(count);
  return layout;
}

std::string item_name(std::uint64_t index) {
  return std::string(item_prefix) + std::to_string(index);
}

/// The items of one shard as its parameters list them. Those that are digests become files.
json::Value deal_items(const Profile& profile, const CheckedContract& checked, ShardSpec& shard) {
  const json::Array& items = *checked.args.find(profile.split.over)->as_array();
  const bool files = profile.args.at(profile.split.over).element->type == ArgumentSpec::Type::digest;
  json::Array dealt;
  for (std::uint64_t i = checked.layout.begin(shard.index); i < checked.layout.end(shard.index); ++i) {
    if (files) {
      shard.inputs.push_back({item_name(i), *Digest::parse(*items[i].as_string()), profile.split.items_executable});
      dealt.push_back(json::Object{{"file", item_name(i)}, {"index", i}});
    } else {
      dealt.push_back(json::Object{{"index", i}, {"value", items[i]}});
    }
  }
  return dealt;
}

ShardSpec make_shard(const Contract& contract, const CheckedContract& checked, const json::Object& common,
                     const std::vector<ShardInput>& inputs, std::uint32_t index) {
  const Profile& profile = *checked.profile;
  ShardSpec shard;
  shard.index = index;
  shard.inputs = inputs;
  json::Object params = common;
  if (profile.split.by == SplitSpec::By::range)
    params.set("range", json::Object{{"begin", checked.layout.begin(index)}, {"end", checked.layout.end(index)}});
  else
    params.set("items", deal_items(profile, checked, shard));
  params.set("seed", to_hex(shard_seed(contract, index)));
  shard.params = json::canonicalize(params);
  return shard;
}

}  // namespace

Result<CheckedContract> check_contract(const Manifest& manifest, const Contract& contract) {
  if (contract.op.name != manifest.name)
    return mistake("/op/name",
                   "expected " + manifest.name + ", which this adapter is, got " + json::describe(contract.op.name));
  if (contract.op.version != manifest.version)
    return mistake("/op/version",
                   "expected " + manifest.version + ", which this adapter is, got " + json::describe(contract.op.version));
  const auto profile = manifest.profiles.find(contract.op.profile);
  if (profile == manifest.profiles.end()) {
    std::string known;
    for (const auto& [name, other] : manifest.profiles) known += (known.empty() ? "" : ", ") + name;
    return mistake("/op/profile", "expected one of " + known + ", got " + json::describe(contract.op.profile));
  }

  CheckedContract checked;
  checked.profile = &profile->second;
  const std::string& data_class = contract.policy.data_class;
  if (!data_class.empty() &&
      std::ranges::find(checked.profile->data_classes, data_class) == checked.profile->data_classes.end())
    return mistake("/policy/data_class", "the profile is not cleared for " + json::describe(data_class));
  if (checked.profile->determinism == Determinism::none && checked.profile->compare.by == CompareSpec::By::exact &&
      contract.policy.verify != VerifyMode::none)
    return mistake("/policy/verify",
                   "expected none, because the profile's results differ from run to run and cannot be compared");

  const auto args = json::parse(contract.args, max_contract_bytes);
  if (!args) return mistake("/args", args.error().message);
  auto complete = check_arguments(checked.profile->args, *args);
  if (!complete) return fail(complete.error());
  checked.args = std::move(*complete);
  const auto layout = lay_out(checked.profile->split, checked);
  if (!layout) return fail(layout.error());
  checked.layout = *layout;
  if (auto reducible = check_reducible(checked); !reducible) return fail(reducible.error());
  return checked;
}

namespace {

std::vector<ShardInput> common_inputs(const CheckedContract& checked) {
  std::vector<ShardInput> inputs;
  for (const InputSpec& input : checked.profile->inputs)
    if (const json::Value* digest = checked.args.find(input.argument))
      inputs.push_back({input.name, *Digest::parse(*digest->as_string()), input.executable});
  return inputs;
}

/// What stands in the parameters of every shard: it is told its own items, not those of others.
json::Object common_params(const Contract& contract, const CheckedContract& checked) {
  json::Object args = checked.args;
  if (checked.profile->split.by == SplitSpec::By::items) args.erase(checked.profile->split.over);
  return {{"args", std::move(args)}, {"profile", contract.op.profile}};
}

}  // namespace

Result<PlanSize> measure_plan(const Manifest& manifest, const Contract& contract) {
  const auto checked = check_contract(manifest, contract);
  if (!checked) return fail(checked.error());
  constexpr std::uint64_t seed_and_range_bytes = 150, input_bytes = 128;
  const std::uint64_t per_shard = json::canonicalize(common_params(contract, *checked)).size() + seed_and_range_bytes +
                                  common_inputs(*checked).size() * input_bytes;
  PlanSize size{checked->layout.count, saturating_multiply(checked->layout.count, per_shard)};
  if (checked->profile->split.by == SplitSpec::By::items)
    size.bytes = saturating_add(size.bytes, contract.args.size() + saturating_multiply(checked->layout.total, input_bytes));
  return size;
}

Result<Plan> make_plan(const Manifest& manifest, const Contract& contract) {
  const auto checked = check_contract(manifest, contract);
  if (!checked) return fail(checked.error());
  const Profile& profile = *checked->profile;

  Plan plan;
  plan.contract = contract.digest;
  plan.program = manifest.program;
  plan.arguments = profile.arguments;
  plan.limits = profile.limits;
  plan.relaxations = profile.relaxations;
  plan.determinism = profile.determinism;
  if (plan.determinism == Determinism::strict) plan.world = strict_world;

  const auto inputs = common_inputs(*checked);
  const json::Object common = common_params(contract, *checked);

  plan.shards.reserve(checked->layout.count);
  std::size_t bytes = 0;
  for (std::uint32_t i = 0; i < checked->layout.count; ++i) {
    plan.shards.push_back(make_shard(contract, *checked, common, inputs, i));
    bytes += plan.shards.back().params.size();
    if (bytes > max_params_bytes_of_plan)
      return fail(ErrorKind::too_large, json::at_pointer("/args", "the parameters of all shards together are more than " +
                                                                      std::to_string(max_params_bytes_of_plan >> 20) +
                                                                      " MiB; ask for fewer shards or shorter arguments"));
  }
  return plan;
}

Digest root_seed(const Contract& contract) {
  if (contract.seed) return sha256(*contract.seed);
  return Sha256().update("forgepool derived seed").update(contract.seed_digest.view()).finish();
}

Bytes shard_seed(const Contract& contract, std::uint32_t shard) {
  Bytes info = to_bytes("forgepool shard seed");
  for (int shift = 24; shift >= 0; shift -= 8) info.push_back(static_cast<std::uint8_t>(shard >> shift));
  return hkdf_sha256(root_seed(contract).view(), contract.seed_digest.view(), info, 32);
}

}  // namespace forgepool::adapter
