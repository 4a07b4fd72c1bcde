#include "sample_packages.hpp"

#include "wire/json.hpp"

using namespace forgepool;
using namespace forgepool::test;

namespace {

/// A small manifest with two profiles, as a value whose members tests replace by pointer.
constexpr std::string_view base_manifest = R"({
  "format": "forgepool-adapter-manifest/1", "name": "sample", "version": "1",
  "profiles": {
    "by_range": {
      "args": {"n": {"type": "integer", "min": 1, "max": 100},
               "x": {"type": "number", "min": 0, "max": 1, "default": 0.5},
               "file": {"type": "digest", "required": false},
               "name": {"type": "string", "max_bytes": 10, "default": "a"},
               "flag": {"type": "boolean", "default": false},
               "size": {"type": "integer", "min": 0, "max": 10, "default": 1}},
      "split": {"by": "range", "over": "n", "shard_size": 10},
      "inputs": [{"arg": "file", "name": "file.bin"}],
      "arguments": ["--fast"],
      "limits": {"cpu_ms": 1000},
      "determinism": "strict", "data_classes": ["internal"], "compare": "exact",
      "reduce": {"by": "count"}
    },
    "by_items": {
      "args": {"list": {"type": "list", "of": {"type": "string", "max_bytes": 5}, "min_items": 1, "max_items": 3},
               "limit": {"type": "integer", "min": 0, "max": 10, "default": 1}},
      "split": {"by": "items", "over": "list", "shard_size": 1},
      "determinism": "none", "compare": "exact",
      "reduce": {"by": "concat", "item_limit": "limit"}
    }
  }
})";

/// Replaces the value at a path of keys; "-" as the value takes the member out.
json::Value replaced(const json::Value& value, const std::vector<std::string>& path, std::size_t depth, std::string_view text) {
  if (depth == path.size()) return *json::parse(text, 1 << 20);
  json::Object object = *value.as_object();
  if (depth + 1 == path.size() && text == "-") {
    REQUIRE(object.erase(path[depth]));
    return object;
  }
  const json::Value* member = object.find(path[depth]);
  object.set(path[depth], replaced(member ? *member : json::Value(json::Object()), path, depth + 1, text));
  return object;
}

std::string mistake(const std::string& pointer, std::string_view text) {
  std::vector<std::string> path;
  for (std::size_t at = 1; at <= pointer.size();) {
    const std::size_t end = std::min(pointer.find('/', at), pointer.size());
    path.push_back(pointer.substr(at, end - at));
    at = end + 1;
  }
  const auto manifest = json::parse(base_manifest, 1 << 20);
  REQUIRE(manifest.has_value());
  const auto package = pack_adapter(json::canonicalize(replaced(*manifest, path, 0, text)), tiny_elf());
  if (package) return "packed";
  CHECK(package.error().kind == ErrorKind::invalid_input);
  return package.error().message;
}

}  // namespace

TEST_CASE("the manifests of the example adapters are well-formed") {
  for (const char* adapter : {"mc", "exec", "noop"}) {
    INFO(adapter);
    const auto package = pack_adapter(manifest_of(adapter), tiny_elf());
    INFO((package ? "" : package.error().message));
    CHECK(package.has_value());
  }
  CHECK(pack_adapter(base_manifest, tiny_elf()).has_value());
}

TEST_CASE("each mistake in a manifest is named with its place") {
  const std::string range = "/profiles/by_range", items = "/profiles/by_items";
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"/format", "\"forgepool-adapter-manifest/2\"", "/format: expected one of forgepool-adapter-manifest/1"},
      {"/name", "\"a/b\"", "/name: expected 1 to 128"},
      {"/version", "1", "/version: expected 1 to 128"},
      {"/author", "\"x\"", "/author: unknown key"},
      {"/profiles", "{}", "/profiles: expected 1 to 64 profiles, got 0"},
      {"/profiles", "[]", "/profiles: expected an object"},
      {"/profiles/a b", "{}", "/profiles/a b"},
      {range + "/args", "-", range + "/args: missing"},
      {range + "/args/n/type", "\"int\"",
       range + "/args/n/type: expected one of number, integer, boolean, string, digest, list"},
      {range + "/args/n/min", "-", range + "/args/n/min: missing"},
      {range + "/args/n/max", "0", range + "/args/n/max: expected at least min"},
      {range + "/args/n/maximum", "0", range + "/args/n/maximum: unknown key"},
      {range + "/args/x/default", "2", range + "/args/x/default: expected a number from 0 to 1, got 2"},
      {range + "/args/x/required", "true", range + "/args/x/required: expected false or nothing"},
      {range + "/args/flag/default", "0", range + "/args/flag/default: expected true or false, got 0"},
      {range + "/args/name/max_bytes", "1e9", range + "/args/name/max_bytes: expected an integer"},
      {range + "/split", "-", range + "/split: missing"},
      {range + "/split/by", "\"agents\"", range + "/split/by: expected one of range, items"},
      {range + "/split/over", "\"m\"", range + "/split/over: expected the name of an integer argument"},
      {range + "/split/over", "\"x\"", range + "/split/over: expected the name of an integer argument"},
      {range + "/split/over", "\"size\"", range + "/split/over: expected an integer argument whose min is at least 1"},
      {range + "/split/shard_size", "0", range + "/split/shard_size: expected an integer from 1"},
      {range + "/split/shard_size", "\"size\"",
       range + "/split/shard_size: expected an integer argument whose min is at least 1"},
      {range + "/split/shard_size", "\"file\"", range + "/split/shard_size: expected the name of an integer argument"},
      {range + "/split/shard_size", "null", range + "/split/shard_size: expected an integer"},
      {range + "/split/items_executable", "true", range + "/split/items_executable: unknown key"},
      {range + "/inputs", R"([{"arg":"x","name":"a"}])", range + "/inputs/0/arg: expected the name of a digest argument"},
      {range + "/inputs", R"([{"arg":"file","name":"params.json"}])", range + "/inputs/0/name: expected another name"},
      {range + "/inputs", R"([{"arg":"file","name":"item.0"}])", range + "/inputs/0/name: expected another name"},
      {range + "/inputs", R"([{"arg":"file","name":"../a"}])", range + "/inputs/0/name: expected 1 to 128"},
      {range + "/inputs", R"([{"arg":"file","name":"a"},{"arg":"file","name":"a"}])",
       range + "/inputs/1/name: expected a name that no other"},
      {range + "/arguments", R"(["a\u0000b"])", range + "/arguments/0: expected a string"},
      {range + "/arguments", "[1]", range + "/arguments/0: expected a string"},
      {range + "/limits/cpu_ms", "0", range + "/limits/cpu_ms: expected an integer from 1"},
      {range + "/limits/gpu", "0", range + "/limits/gpu: unknown key"},
      {range + "/relaxations", R"(["network"])", range + "/relaxations/0: expected one of spawn"},
      {range + "/relaxations", R"(["spawn","spawn"])", range + "/relaxations"},
      {range + "/determinism", "-", range + "/determinism: missing"},
      {range + "/data_classes", R"(["a b"])", range + "/data_classes/0: expected 1 to 128"},
      {range + "/compare", "\"close\"", range + "/compare: expected \"exact\" or an object, got \"close\""},
      {range + "/compare", R"({"by":"numeric","columns":[null]})",
       range + "/compare/by: expected numeric only with the reducer concat"},
      {range + "/compare", R"({"by":"statistical","significance":0.001})",
       range + "/compare/by: expected statistical only with"},
      {range + "/compare", R"({"by":"statistical"})", range + "/compare/significance: missing"},
      {items + "/compare", R"({"by":"numeric"})", items + "/compare/columns: missing"},
      {items + "/compare", R"({"by":"numeric","columns":[{"ulp":1}]})", items + "/compare/columns/0/ulp: unknown key"},
      {items + "/compare", R"({"by":"numeric","columns":[{"relative":2}]})",
       items + "/compare/columns/0/relative: expected a number"},
      {range + "/reduce", R"({"by":"magic"})", range + "/reduce/by: expected one of summary, concat, count"},
      {range + "/reduce", R"({"by":"concat","item_limit":"size"})", range + "/reduce/by: expected another reducer than concat"},
      {items + "/reduce", R"({"by":"summary","unit":"x"})", items + "/reduce/by: expected another reducer than summary"},
      {items + "/reduce", R"({"by":"concat","item_limit":"list"})",
       items + "/reduce/item_limit: expected the name of an integer"},
      {items + "/args/list/of", R"({"type":"list","of":{"type":"digest"},"max_items":1})",
       items + "/args/list/of/type: expected another type than list"},
      {items + "/args/list/of/default", "\"a\"", items + "/args/list/of/default: unknown key"},
      {items + "/args/list/of", "-", items + "/args/list/of: missing"},
      {items + "/args/list/min_items", "0", items + "/split/over: expected a list argument whose min_items is at least 1"},
      {items + "/args/list/min_items", "4", items + "/args/list/max_items: expected at least min_items"},
      {items + "/args/list/max_items", "1e12", items + "/args/list/max_items: expected an integer"},
      {items + "/split/over", "\"limit\"", items + "/split/over: expected the name of a list argument"},
  };
  for (const auto& [pointer, value, expected] : cases) {
    INFO(pointer << " = " << value);
    CHECK(mistake(pointer, value).substr(0, expected.size()) == expected);
  }
  CHECK(mistake("", "[]").starts_with("(root): expected an object"));
  CHECK(pack_adapter("{", tiny_elf()).error().message.starts_with("(root): malformed JSON"));
  CHECK(pack_adapter(R"({"name":"a","name":"b"})", tiny_elf()).error().message.starts_with("/name: the key stands twice"));
}
