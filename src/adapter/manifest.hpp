#pragma once
/// A package's manifest as values. FORMAT.md, "Manifest", is its specification.
#include "adapter/argument.hpp"

#include <forgepool/adapter.hpp>

namespace forgepool::adapter {

inline constexpr std::size_t max_manifest_bytes = 64 << 10;
inline constexpr std::uint32_t max_shards = 1'000'000;
inline constexpr std::string_view params_name = "params.json";
inline constexpr std::string_view item_prefix = "item.";

/// How a contract becomes shards.
struct SplitSpec {
  enum class By { range, items };
  By by = By::range;
  std::string over;             ///< The integer argument that is counted, or the list argument whose elements are dealt out.
  std::int64_t shard_size = 1;  ///< Iterations or items per shard, unless an argument says so:
  std::string shard_size_argument;  ///< Name of an integer argument; empty: `shard_size` holds.
  bool items_executable = false;    ///< Items that are digests become executable files.
  bool isolate_items = false;       ///< Each item runs in a box of its own, where the limits are the item's.
};

/// A digest argument that becomes an input file.
struct InputSpec {
  std::string argument;
  std::string name;
  bool executable = false;
};

struct ReduceSpec {
  enum class By { summary, concat, count };
  By by = By::count;
  std::string unit;                  ///< summary: what one is of, for people ("cents").
  std::string item_limit_argument;   ///< concat: the integer argument that bounds each item's output, in bytes.
  std::string error_limit_argument;  ///< concat: likewise of what is recorded of standard error; empty: nothing is.
};

/// How far two numbers may be apart to count as equal: by any of the three.
struct Tolerance {
  double absolute = 0;
  double relative = 0;     ///< Of the larger one.
  std::uint32_t ulps = 0;  ///< Steps from one double to the next.
};

/// When two outputs of one shard agree.
struct CompareSpec {
  enum class By { exact, numeric, statistical };
  By by = By::exact;
  std::vector<std::optional<Tolerance>>
      columns;              ///< numeric: of the n-th field of a line; none, and further ones: equal as text.
  double significance = 0;  ///< statistical: how often samples of one distribution may be told apart by mistake.
};

struct Profile {
  ArgumentSpecs args;
  SplitSpec split;
  std::vector<InputSpec> inputs;
  std::vector<std::string> arguments;  ///< argv[1…]
  SandboxLimits limits;
  std::vector<SandboxRelaxation> relaxations;
  Determinism determinism = Determinism::strict;
  std::vector<std::string> data_classes;  ///< Cleared for these, besides unclassified.
  ReduceSpec reduce;
  CompareSpec compare;
  bool steps = false;  ///< Outputs have a member `steps`: a digest after each step, over all before it too.
};

struct Manifest {
  std::string name;
  std::string version;
  Digest program;
  std::map<std::string, Profile> profiles;
};

/// invalid_input, starting with the JSON pointer into the manifest.
Result<Manifest> read_manifest(const json::Value& value);

/// The limits and relaxations as they stand in manifests and plans, and back.
json::Value to_json(const SandboxLimits& limits);
Result<SandboxLimits> read_limits(const json::Value& value, const std::string& pointer);
std::string_view relaxation_name(SandboxRelaxation relaxation);
std::vector<SandboxRelaxation> read_relaxations(json::ObjectReader& reader);
/// Refuses `strict` together with relaxations.
Determinism read_determinism(json::ObjectReader& reader, const std::vector<SandboxRelaxation>& relaxations);
/// At most 64 strings of up to 4096 bytes without zero bytes.
std::vector<std::string> read_program_arguments(json::ObjectReader& reader, json::ObjectReader::Need need);

}  // namespace forgepool::adapter
