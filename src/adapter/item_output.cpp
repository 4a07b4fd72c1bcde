#include "adapter/item_output.hpp"

#include "wire/json_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace forgepool::adapter {
namespace {

using Kind = SandboxOutcome::Kind;

struct ItemOutcome {
  std::string_view name;
  std::int64_t least = 0, most = 0;  ///< Of the code; there is none where `most` is 0.
  bool timely = true;                ///< The item was ended by what it did, and not by how far it had come.
};
constexpr std::string_view program_gave_up = "adapter_exited";
constexpr ItemOutcome item_outcomes[] = {{"exited", 0, 255},
                                         {"signalled", 1, 64},
                                         {"out_of_memory"},
                                         {"pids_limit"},
                                         {"output_limit", 0, 0, false},
                                         {"policy_violation", 0, 0xffff'ffff},
                                         {"timed_out_cpu", 0, 0, false},
                                         {"timed_out_wall", 0, 0, false},
                                         {program_gave_up, 1, 255}};

const ItemOutcome* find(std::string_view name) {
  const auto found = std::ranges::find(item_outcomes, name, &ItemOutcome::name);
  return found == std::end(item_outcomes) ? nullptr : found;
}

constexpr auto names = [] {
  std::array<std::string_view, std::size(item_outcomes)> all;
  std::ranges::transform(item_outcomes, all.begin(), &ItemOutcome::name);
  return all;
}();

}  // namespace

bool ItemOutput::has_code() const {
  return find(outcome)->most != 0;
}

std::optional<ItemOutput> item_output(const SandboxReport& report) {
  const SandboxOutcome& end = report.outcome;
  std::string_view name = to_string(end.kind);
  // A program of an adapter that ends with another code than 0 speaks of itself, and with 0 it says what it has to say.
  if (end.kind == Kind::exited) name = end.code == 0 ? to_string(Kind::output_limit) : program_gave_up;
  const ItemOutcome* known = find(name);
  if (!known) return std::nullopt;
  ItemOutput item;
  item.outcome = known->name;
  if (known->most != 0) item.code = std::clamp<std::int64_t>(static_cast<std::uint32_t>(end.code), known->least, known->most);
  return item;
}

void record_errors(ItemOutput& item, ByteView standard_error, const ItemLimits& limits) {
  if (!find(item.outcome)->timely) return;
  const auto first = standard_error.first(std::min(standard_error.size(), limits.error));
  item.standard_error.assign(first.begin(), first.end());
}

Result<ItemOutput> read_item(const json::Value& value, const std::string& pointer, std::uint64_t index,
                             const ItemLimits& limits) {
  json::ObjectReader reader(value, pointer);
  ItemOutput item;
  reader.integer("index", static_cast<std::int64_t>(index), static_cast<std::int64_t>(index));
  const ItemOutcome& outcome = item_outcomes[reader.choice("outcome", names)];
  item.outcome = outcome.name;
  if (outcome.most != 0) item.code = reader.integer("code", outcome.least, outcome.most);
  item.standard_output = reader.base64("stdout", limits.output);
  if (limits.error != 0) item.standard_error = reader.base64("stderr", limits.error);
  if (auto read = reader.finish(); !read) return fail(read.error());
  return item;
}

json::Object to_json(const ItemOutput& item, std::uint64_t index, const ItemLimits& limits) {
  json::Object entry{{"index", index}, {"outcome", item.outcome}, {"stdout", to_base64(item.standard_output)}};
  if (item.has_code()) entry.set("code", item.code);
  if (limits.error != 0) entry.set("stderr", to_base64(item.standard_error));
  return entry;
}

}  // namespace forgepool::adapter
