#include "adapter/reducer.hpp"

#include <algorithm>

namespace forgepool::adapter {
namespace {

constexpr std::uint64_t max_concat_bytes = 64u << 20;

std::unique_ptr<Reducer> make_reducer(const CheckedContract& contract) {
  switch (contract.profile->reduce.by) {
    case ReduceSpec::By::summary: return make_summary_reducer(contract);
    case ReduceSpec::By::concat: return make_concat_reducer(contract);
    case ReduceSpec::By::count: break;
  }
  return make_count_reducer(contract);
}

constexpr std::size_t max_steps = 100'000;

/// Checks the steps, which are for comparing, and leaves the rest to the reducer.
Status take_steps(json::Value& output) {
  json::Object* object = output.as_object();
  const json::Value* steps = object ? object->find("steps") : nullptr;
  const json::Array* list = steps ? steps->as_array() : nullptr;
  const auto is_digest = [](const json::Value& step) { return step.as_string() && Digest::parse(*step.as_string()); };
  if (!list || list->empty() || list->size() > max_steps || !std::ranges::all_of(*list, is_digest))
    return fail(ErrorKind::invalid_input, "/steps: expected 1 to " + std::to_string(max_steps) + " digests");
  object->erase("steps");
  return {};
}

Result<json::Value> parse_output(const CheckedContract& contract, ByteView output) {
  auto value = json::parse_canonical(as_text(output), contract.profile->limits.output_bytes);
  if (value && contract.profile->steps)
    if (const auto taken = take_steps(*value); !taken) return fail(taken.error());
  return value;
}

}  // namespace

Status check_reducible(const CheckedContract& contract) {
  const Profile& profile = *contract.profile;
  if (profile.reduce.by != ReduceSpec::By::concat) return {};
  const ItemLimits limits = item_limits(profile.reduce, contract.args);
  const std::uint64_t item = std::uint64_t{limits.output} + limits.error;
  const ShardLayout& layout = contract.layout;
  if (item > max_concat_bytes / layout.total)
    return fail(ErrorKind::invalid_input,
                json::at_pointer("/args/" + profile.reduce.item_limit_argument,
                                 std::to_string(layout.total) + " items of up to " + std::to_string(item) +
                                     " bytes could make a result of more than " + std::to_string(max_concat_bytes >> 20) +
                                     " MiB; expected at most " + std::to_string(max_concat_bytes / layout.total)));
  // In base64, with what stands around it.
  const std::uint64_t entry = item / 3 * 4 + 256;
  const std::uint64_t largest = std::min(layout.shard_size, layout.total);
  if (entry <= profile.limits.output_bytes / largest) return {};
  const auto& size = profile.split.shard_size_argument;
  return fail(ErrorKind::invalid_input,
              json::at_pointer("/args/" + (size.empty() ? profile.reduce.item_limit_argument : size),
                               std::to_string(largest) + " items of up to " + std::to_string(item) +
                                   " bytes could make a shard's output larger than the " +
                                   std::to_string(profile.limits.output_bytes) + " bytes that it may have; expected at most " +
                                   std::to_string(profile.limits.output_bytes / entry) + " items a shard"));
}

Result<std::string> reduce(const CheckedContract& contract, const std::vector<ByteView>& outputs) {
  const ShardLayout& layout = contract.layout;
  if (outputs.size() != layout.count)
    return fail(ErrorKind::invalid_input, "expected the outputs of all " + std::to_string(layout.count) + " shards, got " +
                                              std::to_string(outputs.size()));
  const auto reducer = make_reducer(contract);
  for (std::uint32_t i = 0; i < layout.count; ++i) {
    const auto output = parse_output(contract, outputs[i]);
    const Status added = output ? reducer->add(*output, {layout.begin(i), layout.end(i)}) : Status(fail(output.error()));
    if (!added) return fail(ErrorKind::corrupt, "output of shard " + std::to_string(i) + ": " + added.error().message);
  }
  const auto result = reducer->finish();
  if (!result) return fail(result.error());
  return json::canonicalize(*result);
}

Status check_output(const CheckedContract& contract, ByteView output) {
  const auto value = parse_output(contract, output);
  const Status checked = value ? make_reducer(contract)->check(*value) : Status(fail(value.error()));
  if (!checked) return fail(ErrorKind::corrupt, checked.error().message);
  return {};
}

}  // namespace forgepool::adapter
