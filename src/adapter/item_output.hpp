#pragma once
/// How one item of a shard ended, and what it wrote: an entry of `concat/1` (FORMAT.md, "Shard outputs").
#include "wire/json.hpp"

#include <forgepool/sandbox.hpp>

#include <optional>

namespace forgepool::adapter {

inline constexpr std::string_view concat_format = "concat/1";

/// The most that entries may hold, in bytes.
struct ItemLimits {
  std::size_t output = 0;
  std::size_t error = 0;  ///< 0: standard error is not recorded.
};

struct ItemOutput {
  std::string_view outcome;  ///< One of FORMAT.md's names.
  std::int64_t code = 0;     ///< Exit code, signal, or the number of the forbidden call; 0 for the others.
  Bytes standard_output;
  Bytes standard_error;

  /// Whether `code` says something.
  bool has_code() const;
};

/// What an item's run came to that left no entry of the item: how it ended, as the sandbox says, with the first bytes of its
/// standard error. Nothing if that says nothing of the item: the run could not be set up, or was cancelled.
std::optional<ItemOutput> item_output(const SandboxReport& report);
/// Adds what the contract asks for of standard error, where it does not depend on the moment at which the item was ended.
void record_errors(ItemOutput& item, ByteView standard_error, const ItemLimits& limits);

/// Reads the entry of the item with this index. invalid_input, with the pointer.
Result<ItemOutput> read_item(const json::Value& value, const std::string& pointer, std::uint64_t index,
                             const ItemLimits& limits);
/// As it stands in shards' outputs.
json::Object to_json(const ItemOutput& item, std::uint64_t index, const ItemLimits& limits);

}  // namespace forgepool::adapter
