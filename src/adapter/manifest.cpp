#include "adapter/manifest.hpp"

#include <algorithm>
#include <set>

namespace forgepool::adapter {
namespace {

using json::ObjectReader;

constexpr std::string_view manifest_formats[] = {"forgepool-adapter-manifest/1"};
constexpr std::string_view splits[] = {"range", "items"};
constexpr std::string_view reducers[] = {"summary", "concat", "count"};
constexpr std::string_view determinism_classes[] = {"strict", "standard", "none"};
constexpr std::string_view comparisons[] = {"exact", "numeric", "statistical"};
constexpr std::size_t max_columns = 256;
constexpr std::string_view relaxations[] = {"spawn", "memory_files", "local_sockets",
                                            "executable_memory"};  // As in SandboxRelaxation.
constexpr std::size_t max_profiles = 64;
constexpr std::size_t max_inputs = 32;
constexpr std::size_t max_program_arguments = 64;
constexpr std::size_t max_program_argument_bytes = 4096;

/// The argument of that name, if it is of that type and always has a value; refused at `key` otherwise.
const ArgumentSpec* need_argument(ObjectReader& reader, std::string_view key, const ArgumentSpecs& args,
                                  const std::string& name, ArgumentSpec::Type type, std::string_view what) {
  const auto found = args.find(name);
  if (found != args.end() && found->second.type == type && found->second.always_present()) return &found->second;
  reader.refuse(
      key, "expected the name of " + std::string(what) + " that is required or has a default, got " + json::describe(name));
  return nullptr;
}

/// The name of an integer argument that is a number of bytes.
void need_limit(ObjectReader& reader, std::string_view key, const ArgumentSpecs& args, const std::string& name) {
  const auto* limit = need_argument(reader, key, args, name, ArgumentSpec::Type::integer, "an integer argument");
  if (limit && limit->min_integer < 0) reader.refuse(key, "expected an integer argument whose min is at least 0");
}

SplitSpec read_split(const json::Value& value, const std::string& pointer, const ArgumentSpecs& args, ObjectReader& outer) {
  SplitSpec split;
  ObjectReader reader(value, pointer);
  split.by = static_cast<SplitSpec::By>(reader.choice("by", splits));
  split.over = reader.string("over", 64);
  if (split.by == SplitSpec::By::range) {
    const auto* total = need_argument(reader, "over", args, split.over, ArgumentSpec::Type::integer, "an integer argument");
    if (total && total->min_integer < 1) reader.refuse("over", "expected an integer argument whose min is at least 1");
  } else {
    const auto* list = need_argument(reader, "over", args, split.over, ArgumentSpec::Type::list, "a list argument");
    if (list && list->min_items < 1) reader.refuse("over", "expected a list argument whose min_items is at least 1");
    split.items_executable = reader.boolean("items_executable", false);
    split.isolate_items = reader.boolean("isolate_items", false);
  }

  const json::Value* size = reader.any("shard_size");
  if (size && size->as_string()) {
    split.shard_size_argument = *size->as_string();
    const auto* argument = need_argument(reader, "shard_size", args, split.shard_size_argument, ArgumentSpec::Type::integer,
                                         "an integer argument");
    if (argument && argument->min_integer < 1)
      reader.refuse("shard_size", "expected an integer argument whose min is at least 1");
  } else if (size) {
    split.shard_size = reader.integer("shard_size", 1, json::max_safe_integer);
  }
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
  return split;
}

std::vector<InputSpec> read_inputs(const json::Array& array, const std::string& pointer, const ArgumentSpecs& args,
                                   ObjectReader& outer) {
  std::vector<InputSpec> inputs;
  std::set<std::string> names;
  for (std::size_t i = 0; i < array.size(); ++i) {
    ObjectReader reader(array[i], json::pointer_to(pointer, i));
    InputSpec input;
    input.argument = reader.string("arg", 64);
    input.name = reader.id("name");
    input.executable = reader.boolean("executable", false);
    const auto found = args.find(input.argument);
    if (found == args.end() || found->second.type != ArgumentSpec::Type::digest)
      reader.refuse("arg", "expected the name of a digest argument, got " + json::describe(input.argument));
    if (input.name == params_name || input.name.starts_with(item_prefix))
      reader.refuse("name", "expected another name than params.json or item.…, which the planner uses itself");
    if (!names.insert(input.name).second) reader.refuse("name", "expected a name that no other input has");
    if (auto read = reader.finish(); !read) outer.refuse(read.error());
    inputs.push_back(std::move(input));
  }
  return inputs;
}

ReduceSpec read_reduce(const json::Value& value, const std::string& pointer, const Profile& profile, ObjectReader& outer) {
  ReduceSpec reduce;
  ObjectReader reader(value, pointer);
  reduce.by = static_cast<ReduceSpec::By>(reader.choice("by", reducers));
  const bool by_items = profile.split.by == SplitSpec::By::items;
  if (reduce.by == ReduceSpec::By::summary) {
    reduce.unit = reader.string("unit", 64);
    if (by_items) reader.refuse("by", "expected another reducer than summary, which needs a split by range");
  } else if (reduce.by == ReduceSpec::By::concat) {
    reduce.item_limit_argument = reader.string("item_limit", 64);
    need_limit(reader, "item_limit", profile.args, reduce.item_limit_argument);
    reduce.error_limit_argument = reader.string("error_limit", 64, "");
    if (!reduce.error_limit_argument.empty()) {
      need_limit(reader, "error_limit", profile.args, reduce.error_limit_argument);
      if (!profile.split.isolate_items)
        reader.refuse("error_limit", "expected isolate_items in split with it: standard error is that of a box");
    }
    if (!by_items) reader.refuse("by", "expected another reducer than concat, which needs a split by items");
  }
  if (profile.split.isolate_items && reduce.by != ReduceSpec::By::concat)
    reader.refuse("by", "expected concat, which puts together what items in boxes of their own gave (split.isolate_items)");
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
  return reduce;
}

std::optional<Tolerance> read_tolerance(const json::Value& value, const std::string& pointer, ObjectReader& outer) {
  if (value.is_null()) return std::nullopt;
  ObjectReader reader(value, pointer);
  Tolerance tolerance;
  tolerance.absolute = reader.number("absolute", 0, 1e300, 0.0);
  tolerance.relative = reader.number("relative", 0, 0.5, 0.0);
  tolerance.ulps = static_cast<std::uint32_t>(reader.integer("ulps", 0, 1 << 20, 0));
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
  return tolerance;
}

CompareSpec read_compare(const json::Value& value, const std::string& pointer, const Profile& profile, ObjectReader& outer) {
  CompareSpec compare;
  if (value.as_string()) {
    if (*value.as_string() != "exact") outer.refuse("compare", "expected \"exact\" or an object, got " + json::describe(value));
    return compare;
  }
  ObjectReader reader(value, pointer);
  compare.by = static_cast<CompareSpec::By>(reader.choice("by", comparisons));
  if (compare.by == CompareSpec::By::numeric) {
    if (const auto* columns = reader.array("columns", 1, max_columns))
      for (std::size_t i = 0; i < columns->size(); ++i)
        compare.columns.push_back(read_tolerance((*columns)[i], json::pointer_to(reader.pointer("columns"), i), reader));
    if (profile.reduce.by != ReduceSpec::By::concat)
      reader.refuse("by", "expected numeric only with the reducer concat, whose items are text");
  } else if (compare.by == CompareSpec::By::statistical) {
    compare.significance = reader.number("significance", 1e-15, 0.01);
    if (profile.reduce.by != ReduceSpec::By::summary)
      reader.refuse("by", "expected statistical only with the reducer summary, whose outputs are samples");
  }
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
  return compare;
}

Result<Profile> read_profile(const json::Value& value, const std::string& pointer) {
  using Need = ObjectReader::Need;
  Profile profile;
  ObjectReader reader(value, pointer);
  (void)reader.string("description", 2000, "");
  if (const auto* args = reader.object("args")) {
    auto specs = read_argument_specs(*args, reader.pointer("args"));
    if (specs)
      profile.args = std::move(*specs);
    else
      reader.refuse(specs.error());
  }
  if (const auto* split = reader.object("split"); split && reader.ok())
    profile.split = read_split(*split, reader.pointer("split"), profile.args, reader);
  if (const auto* inputs = reader.array("inputs", 0, max_inputs, Need::optional); inputs && reader.ok())
    profile.inputs = read_inputs(*inputs, reader.pointer("inputs"), profile.args, reader);
  profile.arguments = read_program_arguments(reader, Need::optional);
  if (const auto* limits = reader.object("limits", Need::optional)) {
    auto read = read_limits(*limits, reader.pointer("limits"));
    if (read)
      profile.limits = *read;
    else
      reader.refuse(read.error());
  }
  profile.relaxations = read_relaxations(reader);
  profile.determinism = read_determinism(reader, profile.relaxations);
  profile.data_classes = reader.ids("data_classes", 64, Need::optional);
  if (const auto* reduce = reader.object("reduce"); reduce && reader.ok())
    profile.reduce = read_reduce(*reduce, reader.pointer("reduce"), profile, reader);
  if (const auto* compare = reader.any("compare"); compare && reader.ok())
    profile.compare = read_compare(*compare, reader.pointer("compare"), profile, reader);
  profile.steps = reader.boolean("steps", false);
  if (profile.steps && profile.split.isolate_items)
    reader.refuse("steps", "expected false, because items in boxes of their own have no steps in common (split.isolate_items)");
  if (auto read = reader.finish(); !read) return fail(read.error());
  return profile;
}

}  // namespace

Result<Manifest> read_manifest(const json::Value& value) {
  Manifest manifest;
  ObjectReader reader(value, "");
  reader.choice("format", manifest_formats);
  manifest.name = reader.id("name");
  manifest.version = reader.id("version");
  (void)reader.string("description", 2000, "");
  manifest.program = reader.digest("program");
  if (const auto* profiles = reader.object("profiles")) {
    const json::Object& object = *profiles->as_object();
    if (object.empty() || object.size() > max_profiles)
      reader.refuse("profiles",
                    "expected 1 to " + std::to_string(max_profiles) + " profiles, got " + std::to_string(object.size()));
    for (const auto& [name, member] : object) {
      if (!reader.ok()) break;
      const std::string pointer = json::pointer_to(reader.pointer("profiles"), name);
      auto profile = read_profile(member, pointer);
      if (!is_valid_id(name))
        reader.refuse(Error{ErrorKind::invalid_input,
                            json::at_pointer(pointer, "expected a name of 1 to 128 characters of [A-Za-z0-9._-]")});
      else if (!profile)
        reader.refuse(profile.error());
      else
        manifest.profiles.emplace(name, std::move(*profile));
    }
  }
  if (auto read = reader.finish(); !read) return fail(read.error());
  return manifest;
}

json::Value to_json(const SandboxLimits& limits) {
  return json::Object{{"cpu_ms", limits.cpu_ms},
                      {"memory_bytes", limits.memory_bytes},
                      {"output_bytes", limits.output_bytes},
                      {"output_files", limits.output_files},
                      {"processes", limits.processes},
                      {"stdio_bytes", limits.stdio_bytes},
                      {"wall_ms", limits.wall_ms}};
}

Result<SandboxLimits> read_limits(const json::Value& value, const std::string& pointer) {
  constexpr std::int64_t week_ms = std::int64_t{7} * 24 * 3'600'000;
  SandboxLimits limits;
  ObjectReader reader(value, pointer);
  const auto read_one = [&](std::string_view key, auto& limit, std::int64_t min, std::int64_t max) {
    limit =
        static_cast<std::remove_reference_t<decltype(limit)>>(reader.integer(key, min, max, static_cast<std::int64_t>(limit)));
  };
  read_one("cpu_ms", limits.cpu_ms, 1, week_ms);
  read_one("wall_ms", limits.wall_ms, 1, week_ms);
  read_one("memory_bytes", limits.memory_bytes, 1 << 20, std::int64_t{1} << 40);
  read_one("processes", limits.processes, 1, 4096);
  read_one("output_bytes", limits.output_bytes, 1, 1 << 30);
  read_one("output_files", limits.output_files, 1, 4096);
  read_one("stdio_bytes", limits.stdio_bytes, 0, 16 << 20);
  if (auto read = reader.finish(); !read) return fail(read.error());
  return limits;
}

std::string_view relaxation_name(SandboxRelaxation relaxation) {
  return relaxations[static_cast<std::size_t>(relaxation)];
}

std::vector<SandboxRelaxation> read_relaxations(ObjectReader& reader) {
  std::vector<SandboxRelaxation> result;
  for (const std::string& name : reader.choices("relaxations", relaxations, ObjectReader::Need::optional))
    result.push_back(static_cast<SandboxRelaxation>(std::ranges::find(relaxations, name) - std::begin(relaxations)));
  return result;
}

Determinism read_determinism(ObjectReader& reader, const std::vector<SandboxRelaxation>& relaxations) {
  const auto chosen = parse_determinism(determinism_classes[reader.choice("determinism", determinism_classes)]);
  if (chosen == Determinism::strict && !relaxations.empty())
    reader.refuse("determinism", "expected standard or none, because the profile asks for relaxations of the sandbox");
  return *chosen;
}

std::vector<std::string> read_program_arguments(ObjectReader& reader, ObjectReader::Need need) {
  std::vector<std::string> result;
  const auto* array = reader.array("arguments", 0, max_program_arguments, need);
  if (!array) return result;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string* text = (*array)[i].as_string();
    if (!text || text->size() > max_program_argument_bytes || text->find('\0') != std::string::npos) {
      reader.refuse(Error{
          ErrorKind::invalid_input,
          json::at_pointer(json::pointer_to(reader.pointer("arguments"), i),
                           "expected a string of at most 4096 bytes without zero bytes, got " + json::describe((*array)[i]))});
      return {};
    }
    result.push_back(*text);
  }
  return result;
}

}  // namespace forgepool::adapter
