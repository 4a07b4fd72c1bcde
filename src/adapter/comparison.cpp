#include "adapter/comparison.hpp"

#include <algorithm>

namespace forgepool::adapter {
namespace {

/// Of outputs that were checked: what is not there cannot be read.
std::optional<json::Object> read(const CheckedContract& contract, ByteView output) {
  const auto value = json::parse_canonical(as_text(output), contract.profile->limits.output_bytes);
  const auto* object = value ? value->as_object() : nullptr;
  return object ? std::optional(*object) : std::nullopt;
}

bool items_agree(const json::Value& a, const json::Value& b, const std::vector<std::optional<Tolerance>>& columns) {
  if (a == b) return true;
  const auto *x = a.as_object(), *y = b.as_object();
  if (!x || !y) return false;
  json::Object rest_x = *x, rest_y = *y;
  if (!rest_x.erase("stdout") || !rest_y.erase("stdout") || rest_x != rest_y) return false;
  const auto *text_x = x->find("stdout")->as_string(), *text_y = y->find("stdout")->as_string();
  if (!text_x || !text_y) return false;
  const auto bytes_x = from_base64(*text_x), bytes_y = from_base64(*text_y);
  return bytes_x && bytes_y && texts_agree(as_text(*bytes_x), as_text(*bytes_y), columns);
}

bool concats_agree(const json::Object& a, const json::Object& b, const std::vector<std::optional<Tolerance>>& columns) {
  const auto *x = a.find("items"), *y = b.find("items");
  if (!x || !y || !x->as_array() || !y->as_array()) return false;
  return std::ranges::equal(*x->as_array(), *y->as_array(),
                            [&](const auto& one, const auto& other) { return items_agree(one, other, columns); });
}

std::map<std::int64_t, std::uint64_t> histogram_of(const json::Object& summary) {
  std::map<std::int64_t, std::uint64_t> histogram;
  const auto* buckets = summary.find("histogram");
  if (buckets && buckets->as_array())
    for (const auto& bucket : *buckets->as_array())
      if (const auto* pair = bucket.as_array(); pair && pair->size() == 2 && (*pair)[0].as_integer() && (*pair)[1].as_integer())
        histogram.emplace(*(*pair)[0].as_integer(), static_cast<std::uint64_t>(*(*pair)[1].as_integer()));
  return histogram;
}

bool summaries_agree(const json::Object& a, const json::Object& b, double significance) {
  const auto *n = a.find("count"), *m = b.find("count");
  return n && m && *n == *m && same_distribution(histogram_of(a), histogram_of(b)) >= significance;
}

}  // namespace

bool agree(const CheckedContract& contract, ByteView a, ByteView b) {
  if (std::ranges::equal(a, b)) return true;
  const CompareSpec& compare = contract.profile->compare;
  if (compare.by == CompareSpec::By::exact) return false;
  const auto x = read(contract, a), y = read(contract, b);
  if (!x || !y) return false;
  return compare.by == CompareSpec::By::numeric ? concats_agree(*x, *y, compare.columns)
                                                : summaries_agree(*x, *y, compare.significance);
}

std::optional<std::uint64_t> first_divergence(const CheckedContract& contract, ByteView a, ByteView b) {
  if (!contract.profile->steps) return std::nullopt;
  const auto x = read(contract, a), y = read(contract, b);
  const auto *said = x ? x->find("steps") : nullptr, *other = y ? y->find("steps") : nullptr;
  if (!said || !other || !said->as_array() || !other->as_array()) return std::nullopt;
  const json::Array &steps = *said->as_array(), &others = *other->as_array();
  // Honest lists are chains, of which halving would find the place. A liar's need not be one: it may come back to the honest
  // list, so that halving sees no difference at all. Both lists were just read from end to end in any case.
  const auto agreed = static_cast<std::size_t>(std::ranges::mismatch(steps, others).in1 - steps.begin());
  if (agreed == steps.size() && agreed == others.size()) return std::nullopt;
  return agreed;
}

}  // namespace forgepool::adapter
