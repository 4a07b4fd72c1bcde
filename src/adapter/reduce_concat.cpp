/// Puts the outputs of all items one after the other, in the order of the contract's list.
#include "adapter/reducer.hpp"

#include <algorithm>

namespace forgepool::adapter {
namespace {

constexpr std::string_view formats[] = {concat_format};

/// True for output that a person would want to read as it is.
bool is_text(ByteView bytes) {
  return json::is_valid_utf8(as_text(bytes)) && std::ranges::all_of(bytes, [](std::uint8_t byte) {
           return byte >= 0x20 || byte == '\n' || byte == '\t' || byte == '\r';
         });
}

class ConcatReducer final : public Reducer {
 public:
  explicit ConcatReducer(const CheckedContract& contract) : contract_(contract) {}

  Status check(const json::Value& output) const override {
    // The first item says which shard this claims to be.
    const json::Value* items = output.as_object() ? output.as_object()->find("items") : nullptr;
    const json::Array* array = items ? items->as_array() : nullptr;
    const json::Object* first = array && !array->empty() ? array->front().as_object() : nullptr;
    const json::Value* index = first ? first->find("index") : nullptr;
    const auto* begin = index ? index->as_integer() : nullptr;
    const ShardLayout& layout = contract_.layout;
    if (!begin || *begin < 0 || static_cast<std::uint64_t>(*begin) >= layout.total ||
        static_cast<std::uint64_t>(*begin) % layout.shard_size != 0)
      return fail(ErrorKind::invalid_input, "/items/0/index: expected the index of the first item of a shard");
    const auto shard = static_cast<std::uint32_t>(static_cast<std::uint64_t>(*begin) / layout.shard_size);
    if (auto read_all = read(output, {layout.begin(shard), layout.end(shard)}); !read_all) return fail(read_all.error());
    return {};
  }

  Status add(const json::Value& output, const Extent& extent) override {
    const auto items = read(output, extent);
    if (!items) return fail(items.error());
    const json::Array& inputs = *contract_.args.find(contract_.profile->split.over)->as_array();
    for (std::size_t i = 0; i < items->size(); ++i) add_item((*items)[i], extent.begin + i, inputs[extent.begin + i]);
    return {};
  }

  Result<json::Value> finish() override {
    return json::Value(json::Object{{"items", std::move(items_)}, {"reduce", "concat"}});
  }

 private:
  Result<std::vector<ItemOutput>> read(const json::Value& output, const Extent& extent) const {
    return read_concat(output, extent, item_limits(contract_.profile->reduce, contract_.args));
  }

  void add_item(const ItemOutput& item, std::uint64_t index, const json::Value& input) {
    json::Object entry{{"index", index},
                       {"input", input},
                       {"outcome", item.outcome},
                       {"stdout_digest", sha256(item.standard_output).str()}};
    if (item.has_code()) entry.set("code", item.code);
    set_text(entry, "stdout", item.standard_output);
    if (item_limits(contract_.profile->reduce, contract_.args).error != 0) set_text(entry, "stderr", item.standard_error);
    items_.push_back(std::move(entry));
  }
  static void set_text(json::Object& entry, const std::string& name, ByteView content) {
    if (is_text(content))
      entry.set(name, as_text(content));
    else
      entry.set(name + "_base64", to_base64(content));
  }

  const CheckedContract& contract_;
  json::Array items_;
};

}  // namespace

ItemLimits item_limits(const ReduceSpec& reduce, const json::Object& args) {
  const auto value = [&](const std::string& argument) {
    const json::Value* found = argument.empty() ? nullptr : args.find(argument);
    return static_cast<std::size_t>(found && found->as_integer() ? std::max<std::int64_t>(*found->as_integer(), 0) : 0);
  };
  return {value(reduce.item_limit_argument), value(reduce.error_limit_argument)};
}

Result<std::vector<ItemOutput>> read_concat(const json::Value& output, const Extent& extent, const ItemLimits& limits) {
  json::ObjectReader reader(output, "");
  reader.choice("format", formats);
  std::vector<ItemOutput> items;
  if (const auto* array = reader.array("items", extent.size(), extent.size()))
    for (std::size_t i = 0; i < array->size() && reader.ok(); ++i) {
      auto item = read_item((*array)[i], json::pointer_to("/items", i), extent.begin + i, limits);
      if (item)
        items.push_back(std::move(*item));
      else
        reader.refuse(item.error());
    }
  if (auto done = reader.finish(); !done) return fail(done.error());
  return items;
}

std::unique_ptr<Reducer> make_concat_reducer(const CheckedContract& contract) {
  return std::make_unique<ConcatReducer>(contract);
}

}  // namespace forgepool::adapter
