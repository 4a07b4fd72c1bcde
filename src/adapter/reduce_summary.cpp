/// Statistics of a sample of whole numbers: count, mean with its standard error, extremes, histogram and percentiles. Sums and
/// sums of squares are added exactly; the only roundings are those of the last step, in finish().
#include "adapter/histogram.hpp"
#include "adapter/reducer.hpp"

#include <cmath>

namespace forgepool::adapter {
namespace {

using json::ObjectReader;

constexpr std::string_view formats[] = {"summary/1"};
constexpr unsigned percents[] = {50, 90, 95, 99};

struct Summary {
  std::uint64_t count = 0;
  std::uint64_t min = max_sample;
  std::uint64_t max = 0;
  std::uint64_t saturated = 0;  ///< Samples that were cut to `max_sample`.
  Uint256 sum;                  ///< At most 2^53 samples below 2^53 each: 2^106,
  Uint256 sum_squares;          ///< and 2^159.
  Histogram histogram;
};

Uint256 read_uint256(ObjectReader& reader, std::string_view key) {
  const std::string text = reader.string(key, 48);  // 2^159 has 48 digits.
  const auto value = Uint256::parse(text);
  if (!value)
    reader.refuse(key, "expected a decimal integer of at most 48 digits without leading zeros, got " + json::describe(text));
  return value.value_or(Uint256());
}

void read_histogram(const json::Array& array, Summary& summary, ObjectReader& reader) {
  std::uint64_t counted = 0;
  std::int64_t before = -1;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const json::Array* entry = array[i].as_array();
    const auto* bucket = entry && entry->size() == 2 ? (*entry)[0].as_integer() : nullptr;
    const auto* samples = entry && entry->size() == 2 ? (*entry)[1].as_integer() : nullptr;
    if (!bucket || *bucket <= before || *bucket > max_bucket || !samples || *samples < 1 ||
        static_cast<std::uint64_t>(*samples) > summary.count - counted) {
      reader.refuse(Error{ErrorKind::invalid_input,
                          json::at_pointer(json::pointer_to("/histogram", i),
                                           "expected [bucket, samples] with rising buckets up to " +
                                               std::to_string(max_bucket) + " and samples that add up to the count")});
      return;
    }
    before = *bucket;
    counted += static_cast<std::uint64_t>(*samples);
    summary.histogram.emplace_hint(summary.histogram.end(), static_cast<std::uint32_t>(*bucket),
                                   static_cast<std::uint64_t>(*samples));
  }
  if (counted != summary.count)
    reader.refuse("histogram", "holds " + std::to_string(counted) + " samples; expected as many as counted");
}

/// What no honest program can get wrong, and what later steps rely on (a variance that is not negative).
void check_consistency(const Summary& summary, ObjectReader& reader) {
  if (summary.min > summary.max) return reader.refuse("min", "expected at most max");
  if (bucket_of(summary.min) != summary.histogram.begin()->first)
    return reader.refuse("min", "is not in the first bucket of the histogram");
  if (bucket_of(summary.max) != summary.histogram.rbegin()->first)
    return reader.refuse("max", "is not in the last bucket of the histogram");
  if (summary.saturated > 0 && summary.max != max_sample)
    return reader.refuse("saturated", "expected 0, because max is not the largest sample there is");
  Uint256 low, high, low_squares, high_squares;
  for (const auto& [bucket, samples] : summary.histogram) {
    const Uint256 least(std::max(bucket_low(bucket), summary.min)), most(std::min(bucket_high(bucket), summary.max)),
        n(samples);
    low += least * n;
    high += most * n;
    low_squares += least * least * n;
    high_squares += most * most * n;
  }
  if (summary.sum < low || summary.sum > high) return reader.refuse("sum", "is not a sum of the histogram's samples");
  if (summary.sum_squares < low_squares || summary.sum_squares > high_squares ||
      summary.sum_squares * Uint256(summary.count) < summary.sum * summary.sum)
    return reader.refuse("sum_squares", "is not a sum of the squares of the histogram's samples");
}

Result<Summary> read_summary(const json::Value& output) {
  Summary summary;
  ObjectReader reader(output, "");
  reader.choice("format", formats);
  summary.count = static_cast<std::uint64_t>(reader.integer("count", 1, json::max_safe_integer));
  summary.min = static_cast<std::uint64_t>(reader.integer("min", 0, max_sample));
  summary.max = static_cast<std::uint64_t>(reader.integer("max", 0, max_sample));
  summary.saturated = static_cast<std::uint64_t>(reader.integer("saturated", 0, json::max_safe_integer));
  summary.sum = read_uint256(reader, "sum");
  summary.sum_squares = read_uint256(reader, "sum_squares");
  const auto* histogram = reader.array("histogram", 1, max_bucket + 1);
  if (histogram && reader.ok()) read_histogram(*histogram, summary, reader);
  if (reader.ok()) check_consistency(summary, reader);
  if (auto read = reader.finish(); !read) return fail(read.error());
  return summary;
}

class SummaryReducer final : public Reducer {
 public:
  explicit SummaryReducer(const CheckedContract& contract) : contract_(contract) {}

  Status check(const json::Value& output) const override {
    const auto summary = read_summary(output);
    if (!summary) return fail(summary.error());
    if (!contract_.layout.has_size(summary->count))
      return fail(ErrorKind::invalid_input, "/count: no shard of this job is that long");
    return {};
  }

  Status add(const json::Value& output, const Extent& extent) override {
    const auto part = read_summary(output);
    if (!part) return fail(part.error());
    if (part->count != extent.size())
      return fail(ErrorKind::invalid_input,
                  "/count: expected " + std::to_string(extent.size()) + ", got " + std::to_string(part->count));
    total_.count += part->count;
    total_.min = std::min(total_.min, part->min);
    total_.max = std::max(total_.max, part->max);
    total_.saturated += part->saturated;
    total_.sum += part->sum;
    total_.sum_squares += part->sum_squares;
    for (const auto& [bucket, samples] : part->histogram) total_.histogram[bucket] += samples;
    return {};
  }

  Result<json::Value> finish() override {
    const Uint256 n(total_.count);
    double deviation = 0;
    if (total_.count > 1) {
      // n Σx² - (Σx)², exactly; below 2^212.
      const Uint256 spread = n * total_.sum_squares - total_.sum * total_.sum;
      deviation = std::sqrt(spread.to_double() / (n.to_double() * static_cast<double>(total_.count - 1)));
    }
    json::Object percentiles;
    for (const unsigned percent : percents)
      percentiles.set("p" + std::to_string(percent), std::min(percentile(total_.histogram, total_.count, percent), total_.max));
    json::Array histogram;
    for (const auto& [bucket, samples] : total_.histogram)
      histogram.push_back(json::Array{bucket_low(bucket), bucket_high(bucket), samples});

    json::Object result;
    result.set("reduce", "summary");
    result.set("unit", contract_.profile->reduce.unit);
    result.set("count", total_.count);
    result.set("saturated", total_.saturated);
    result.set("sum", total_.sum.str());
    result.set("sum_squares", total_.sum_squares.str());
    result.set("mean", total_.sum.to_double() / n.to_double());
    result.set("standard_deviation", deviation);
    result.set("standard_error", deviation / std::sqrt(n.to_double()));
    result.set("min", total_.min);
    result.set("max", total_.max);
    result.set("percentiles", std::move(percentiles));
    result.set("percentile_relative_error", 1.0 / (1u << histogram_precision_bits));
    result.set("histogram", std::move(histogram));
    return json::Value(std::move(result));
  }

 private:
  const CheckedContract& contract_;
  Summary total_;
};

}  // namespace

std::unique_ptr<Reducer> make_summary_reducer(const CheckedContract& contract) {
  return std::make_unique<SummaryReducer>(contract);
}

}  // namespace forgepool::adapter
