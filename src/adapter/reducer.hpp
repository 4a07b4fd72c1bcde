#pragma once
/// Reducers turn the shards' outputs into the job's result. They are exact (nothing is rounded before the last step) and work
/// in shard order, so that the result does not depend on who computed what or what came first.
///
/// Outputs are foreign bytes: a reducer takes only the canonical form of what FORMAT.md, "Shard outputs", says.
#include "adapter/item_output.hpp"
#include "adapter/planner.hpp"

namespace forgepool::adapter {

/// The iterations or items whose output is looked at.
struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
};

class Reducer {
 public:
  virtual ~Reducer() = default;
  /// Whether this could be the output of some shard. invalid_input with the pointer into the output.
  virtual Status check(const json::Value& output) const = 0;
  /// Checks the output of the shard with that extent and adds it. Errors as for `check`, and nothing added.
  virtual Status add(const json::Value& output, const Extent& extent) = 0;
  /// The result of all that was added.
  virtual Result<json::Value> finish() = 0;
};

/// Borrows the contract's arguments and profile.
std::unique_ptr<Reducer> make_summary_reducer(const CheckedContract& contract);
std::unique_ptr<Reducer> make_concat_reducer(const CheckedContract& contract);
std::unique_ptr<Reducer> make_count_reducer(const CheckedContract& contract);

/// The limits of each item's output, by the arguments that the reducer names.
ItemLimits item_limits(const ReduceSpec& reduce, const json::Object& args);
/// The entries of an output `concat/1` of the items of that extent. invalid_input, with the pointer.
Result<std::vector<ItemOutput>> read_concat(const json::Value& output, const Extent& extent, const ItemLimits& limits);

/// Says, before anything is computed, whether a result of such a job, or the output of one of its shards, could be too large.
Status check_reducible(const CheckedContract& contract);

/// Reduces the outputs of all shards. Errors as for AdapterPackage::reduce.
Result<std::string> reduce(const CheckedContract& contract, const std::vector<ByteView>& outputs);
/// `corrupt` unless the output could be that of some shard.
Status check_output(const CheckedContract& contract, ByteView output);

}  // namespace forgepool::adapter
