#include "adapter/shard_run.hpp"

#include "adapter/item_output.hpp"
#include "adapter/reducer.hpp"
#include "wire/json_reader.hpp"

#include <algorithm>

namespace forgepool::adapter {
namespace {

using Kind = SandboxOutcome::Kind;

SandboxReport not_run(std::string reason) {
  SandboxReport report;
  report.outcome = {Kind::setup_failed, 0, std::move(reason), SandboxStep::request};
  return report;
}

/// The parameters of a shard whose items run one by one.
struct ShardParams {
  json::Object all;
  json::Array items;  ///< Each an object with its `index`.
};

/// The profile that the parameters name, if it is one of the adapter's.
const Profile* profile_of(const Manifest& manifest, const json::Value& params) {
  const json::Value* name = params.as_object() ? params.as_object()->find("profile") : nullptr;
  const auto found = name && name->as_string() ? manifest.profiles.find(*name->as_string()) : manifest.profiles.end();
  return found == manifest.profiles.end() ? nullptr : &found->second;
}

Result<ShardParams> read_params(json::Value value, std::size_t max_items) {
  json::ObjectReader reader(value, "");
  ShardParams params;
  (void)reader.object("args");
  (void)reader.any("profile");
  (void)reader.any("seed");
  if (const auto* items = reader.array("items", 1, max_items)) params.items = *items;
  for (const json::Value& item : params.items) {
    const json::Value* index = item.as_object() ? item.as_object()->find("index") : nullptr;
    if (!index || !index->as_integer() || *index->as_integer() < 0) reader.refuse("items", "expected objects with an index");
  }
  if (const auto read = reader.finish(); !read) return fail(read.error());
  params.all = std::move(*value.as_object());
  return params;
}

class ItemByItem {
 public:
  ItemByItem(const Profile& profile, ShardParams params, const SandboxRequest& shard)
      : params_(std::move(params)),
        shard_(shard),
        limits_(item_limits(profile.reduce, *params_.all.find("args")->as_object())) {}

  SandboxReport run(Sandbox& sandbox) const {
    SandboxReport all;
    json::Array outputs;
    for (const json::Value& item : params_.items) {
      const auto index = static_cast<std::uint64_t>(*item.as_object()->find("index")->as_integer());
      SandboxReport one = sandbox.run(request_for(item));
      add_usage(all, one, outputs.empty());
      auto output = output_of(one, index);
      if (!output) {
        // The shard ends as a run that says nothing of its item.
        one.outcome.detail = "item " + std::to_string(index) + ": " + one.outcome.detail;
        one.usage = all.usage;
        one.outputs.clear();
        return one;
      }
      outputs.push_back(to_json(*output, index, limits_));
    }
    const std::string text = json::canonicalize(json::Object{{"format", concat_format}, {"items", std::move(outputs)}});
    if (text.size() > shard_.limits.output_bytes)
      all.outcome = {Kind::output_limit, 0, "the outputs of all items together", SandboxStep::none};
    else
      all.outputs.emplace(shard_output_name, to_bytes(text));
    return all;
  }

 private:
  /// The item alone: its output cannot depend on which others are in the shard.
  SandboxRequest request_for(const json::Value& item) const {
    SandboxRequest request = shard_;
    json::Object params = params_.all;
    params.set("items", json::Array{item});
    const std::string text = json::canonicalize(params);
    request.seed = sha256(text);
    const json::Value* file = item.as_object()->find("file");
    std::erase_if(request.files, [&](const SandboxFile& other) {
      return other.name.starts_with(item_prefix) && !(file && *file == json::Value(other.name));
    });
    for (SandboxFile& other : request.files)
      if (other.name == params_name) other.content = std::make_shared<const Bytes>(to_bytes(text));
    return request;
  }

  /// What the item's run came to; nothing if that says nothing of the item.
  std::optional<ItemOutput> output_of(const SandboxReport& report, std::uint64_t index) const {
    auto item = report.outcome.ok() ? read_single(report, index) : std::nullopt;
    if (!item) item = item_output(report);
    if (item) record_errors(*item, report.standard_error, limits_);
    return item;
  }

  /// The item's entry as the adapter's program wrote it, if it did.
  std::optional<ItemOutput> read_single(const SandboxReport& report, std::uint64_t index) const {
    const auto file = report.outputs.find(std::string(shard_output_name));
    if (file == report.outputs.end()) return std::nullopt;
    const auto value = json::parse_canonical(as_text(file->second), shard_.limits.output_bytes);
    if (!value) return std::nullopt;
    // Standard error is not the program's to record.
    auto items = read_concat(*value, {index, index + 1}, {limits_.output, 0});
    return items ? std::optional(std::move(items->front())) : std::nullopt;
  }

  static void add_usage(SandboxReport& all, const SandboxReport& one, bool first) {
    all.usage.cpu_ms += one.usage.cpu_ms;
    all.usage.wall_ms += one.usage.wall_ms;
    all.usage.peak_memory_bytes = std::max(all.usage.peak_memory_bytes, one.usage.peak_memory_bytes);
    all.outcome = {Kind::exited, 0, {}, SandboxStep::none};
    all.level = first ? one.level : std::min(all.level, one.level);
    all.determinism = first ? one.determinism : std::min(all.determinism, one.determinism);
  }

  const ShardParams params_;
  const SandboxRequest& shard_;
  const ItemLimits limits_;
};

}  // namespace

SandboxReport run_shard(const Manifest& manifest, const SandboxRequest& shard, Sandbox& sandbox) {
  const auto isolates = [](const auto& entry) { return entry.second.split.isolate_items; };
  const auto file = std::ranges::find(shard.files, params_name, &SandboxFile::name);
  if (std::ranges::none_of(manifest.profiles, isolates) || file == shard.files.end()) return sandbox.run(shard);
  auto value = json::parse_canonical(as_text(*file->content), file->content->size());
  // What is not of this adapter is its program's to refuse.
  const Profile* profile = value ? profile_of(manifest, *value) : nullptr;
  if (!profile || !profile->split.isolate_items) return sandbox.run(shard);
  auto params = read_params(std::move(*value), file->content->size());
  if (!params) return not_run(std::string(params_name) + ": " + params.error().message);
  return ItemByItem(*profile, std::move(*params), shard).run(sandbox);
}

}  // namespace forgepool::adapter
