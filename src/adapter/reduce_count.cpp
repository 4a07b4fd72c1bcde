/// Adds up how much was done; for work whose effect is elsewhere, and for measuring a pool.
#include "adapter/reducer.hpp"

namespace forgepool::adapter {
namespace {

constexpr std::string_view formats[] = {"count/1"};

class CountReducer final : public Reducer {
 public:
  explicit CountReducer(const CheckedContract& contract) : contract_(contract) {}

  Status check(const json::Value& output) const override {
    const auto count = read(output);
    if (!count) return fail(count.error());
    if (!contract_.layout.has_size(*count)) return fail(ErrorKind::invalid_input, "/count: no shard of this job is that long");
    return {};
  }

  Status add(const json::Value& output, const Extent& extent) override {
    const auto count = read(output);
    if (!count) return fail(count.error());
    if (*count != extent.size())
      return fail(ErrorKind::invalid_input,
                  "/count: expected " + std::to_string(extent.size()) + ", got " + std::to_string(*count));
    total_ += *count;
    return {};
  }

  Result<json::Value> finish() override { return json::Value(json::Object{{"count", total_}, {"reduce", "count"}}); }

 private:
  static Result<std::uint64_t> read(const json::Value& output) {
    json::ObjectReader reader(output, "");
    reader.choice("format", formats);
    const auto count = static_cast<std::uint64_t>(reader.integer("count", 1, json::max_safe_integer));
    if (auto done = reader.finish(); !done) return fail(done.error());
    return count;
  }

  const CheckedContract& contract_;
  std::uint64_t total_ = 0;
};

}  // namespace

std::unique_ptr<Reducer> make_count_reducer(const CheckedContract& contract) {
  return std::make_unique<CountReducer>(contract);
}

}  // namespace forgepool::adapter
