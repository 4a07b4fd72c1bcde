#include "wire/message_check.hpp"

#include "crypto/reason.hpp"
#include "wire/messages.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace forgepool::wire {
namespace {

using Kind = FieldRules::Kind;

constexpr std::size_t reference_bytes = sizeof(flatbuffers::uoffset_t);

class Walk {
 public:
  explicit Walk(ByteView body) : body_(body), left_(body.size()) {}

  Status root(const TableRules& rules) {
    if (!charge(reference_bytes)) return malformed(rules.name);
    const auto at = follow(0);
    return at ? table(*at, rules, 1) : malformed(rules.name);
  }

 private:
  struct Found {
    std::size_t at = 0;     ///< Of the value, or of the first of a vector.
    std::size_t items = 0;  ///< Of a vector; of a string its bytes.
  };

  template <class T>
  std::optional<T> read(std::size_t at) const {
    if (at > body_.size() || body_.size() - at < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, body_.data() + at, sizeof value);
    return flatbuffers::EndianScalar(value);
  }
  std::optional<std::size_t> follow(std::size_t at) const {
    const auto offset = read<flatbuffers::uoffset_t>(at);
    if (!offset || *offset == 0 || *offset >= body_.size() - at) return std::nullopt;
    return at + *offset;
  }
  /// What is reached has these bytes to itself: with none left over, something was reached before.
  bool charge(std::size_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  std::string_view text(const Found& found) const {
    return {reinterpret_cast<const char*>(body_.data()) + found.at, found.items};
  }

  static tl::unexpected<Error> malformed(const std::string& what) {
    return refuse(ErrorKind::invalid_input, "message_malformed", what + ": the body is not well-formed");
  }
  static tl::unexpected<Error> shared(const std::string& what) {
    return refuse(ErrorKind::invalid_input, "message_shared",
                  what + ": the body refers to the same bytes more than once; write everything as often as it is there");
  }
  static tl::unexpected<Error> too_much(const std::string& what, std::size_t bound, std::size_t there, const char* unit) {
    return refuse(ErrorKind::too_large, "message_bound",
                  fmt::format("{}: expected at most {} {}, got {}", what, bound, unit, there));
  }
  static tl::unexpected<Error> repeated(const std::string& what, std::string_view item) {
    return refuse(ErrorKind::invalid_input, "message_repeats", fmt::format("{}: {} is there twice", what, item));
  }

  struct Layout {
    std::size_t vtable, vtable_bytes, table_bytes;
  };
  std::optional<Layout> layout_of(std::size_t at) const {
    const auto back = read<flatbuffers::soffset_t>(at);
    if (!back) return std::nullopt;
    const auto vtable = static_cast<std::int64_t>(at) - *back;
    if (vtable < 0) return std::nullopt;
    const auto start = static_cast<std::size_t>(vtable);
    const auto vtable_bytes = read<flatbuffers::voffset_t>(start), table_bytes = read<flatbuffers::voffset_t>(start + 2);
    if (!vtable_bytes || !table_bytes || *vtable_bytes < 4 || *table_bytes < reference_bytes ||
        body_.size() - start < *vtable_bytes || body_.size() - at < *table_bytes)
      return std::nullopt;
    return Layout{start, *vtable_bytes, *table_bytes};
  }
  /// Where the field's value, or the reference to it, stands; 0 if it is absent (the root's reference is there).
  std::optional<std::size_t> place_of(std::size_t at, const Layout& layout, const FieldRules& field) const {
    if (field.slot + sizeof(flatbuffers::voffset_t) > layout.vtable_bytes) return 0;
    const auto offset = *read<flatbuffers::voffset_t>(layout.vtable + field.slot);
    if (offset == 0) return 0;
    const auto bytes = field.kind == Kind::inline_value ? field.inline_bytes : reference_bytes;
    if (offset < reference_bytes || offset > layout.table_bytes || layout.table_bytes - offset < bytes) return std::nullopt;
    return at + offset;
  }

  Status table(std::size_t at, const TableRules& rules, unsigned depth) {
    const auto layout = layout_of(at);
    if (!layout || depth > max_message_depth) return malformed(rules.name);
    if (!charge(layout->table_bytes)) return shared(rules.name);
    for (const auto& field : rules.fields) {
      const auto place = place_of(at, *layout, field);
      if (!place || (*place == 0 && field.required)) return malformed(rules.name + "." + field.name);
      if (*place == 0 || field.kind == Kind::inline_value) continue;
      const auto target = follow(*place);
      if (!target) return malformed(rules.name + "." + field.name);
      if (auto kept = value(*target, rules, field, depth); !kept) return kept;
    }
    return {};
  }

  Status value(std::size_t at, const TableRules& rules, const FieldRules& field, unsigned depth) {
    const auto name = [&] { return rules.name + "." + field.name; };
    if (field.kind == Kind::table) return table(at, *field.table, depth + 1);
    if (field.kind == Kind::unsupported) return malformed(name());
    if (field.kind == Kind::string) return string(at, rules, field).map([](const Found&) {});
    const bool bytes = field.kind == Kind::inline_values && field.inline_bytes == 1;
    const auto found = vector(at, field.inline_bytes);
    if (!found) return malformed(name());
    // Before each is looked at.
    if (found->items > (bytes ? field.max_bytes : field.max_items))
      return too_much(name(), bytes ? field.max_bytes : field.max_items, found->items, bytes ? "bytes" : "items");
    if (!bytes && !field.unique && !field.repeats && found->items > 0) return malformed(name());
    if (!charge(reference_bytes + found->items * field.inline_bytes)) return shared(name());
    if (field.kind == Kind::inline_values) return field.unique ? distinct_values(*found, name(), field) : Status();
    return each(*found, rules, field, depth);
  }

  Status each(const Found& list, const TableRules& rules, const FieldRules& field, unsigned depth) {
    const std::string name = rules.name + "." + field.name;
    std::vector<std::string_view> items;
    for (std::size_t i = 0; i < list.items; ++i) {
      const auto target = follow(list.at + i * reference_bytes);
      if (!target) return malformed(name);
      if (field.kind == Kind::strings) {
        const auto found = string(*target, rules, field);
        if (!found) return fail(found.error());
        items.push_back(text(*found));
      } else {
        if (auto kept = table(*target, *field.table, depth + 1); !kept) return kept;
        if (field.key) items.push_back(key_of(*target, *field.key));
      }
    }
    return field.unique ? distinct(std::move(items), name, field) : Status();
  }

  Result<Found> string(std::size_t at, const TableRules& rules, const FieldRules& field) {
    const auto found = vector(at, 1);
    const auto name = [&] { return rules.name + "." + field.name; };
    if (!found || found->at + found->items >= body_.size()) return malformed(name());
    if (found->items > field.max_bytes) return too_much(name(), field.max_bytes, found->items, "bytes");
    if (!charge(reference_bytes + found->items + 1)) return shared(name());
    return *found;
  }

  std::optional<Found> vector(std::size_t at, std::size_t item_bytes) const {
    const auto items = read<flatbuffers::uoffset_t>(at);
    if (!items || *items > (body_.size() - at - reference_bytes) / item_bytes) return std::nullopt;
    return Found{at + reference_bytes, *items};
  }

  /// Of a table that was walked. A number that is absent is 0: no key has another default.
  std::string_view key_of(std::size_t at, const FieldRules& key) const {
    static constexpr char absent[8] = {};
    const auto place = *place_of(at, *layout_of(at), key);
    if (key.kind == Kind::string) return place == 0 ? std::string_view() : text(*vector(*follow(place), 1));
    return place == 0 ? std::string_view(absent, key.inline_bytes) : text({place, key.inline_bytes});
  }

  Status distinct_values(const Found& found, const std::string& name, const FieldRules& field) const {
    std::vector<std::string_view> items;
    items.reserve(found.items);
    for (std::size_t i = 0; i < found.items; ++i)
      items.push_back(text({found.at + i * field.inline_bytes, field.inline_bytes}));
    return distinct(std::move(items), name, field);
  }
  static Status distinct(std::vector<std::string_view> items, const std::string& name, const FieldRules& field) {
    std::ranges::sort(items);
    const auto twice = std::ranges::adjacent_find(items);
    if (twice == items.end()) return {};
    const bool is_text = field.kind == Kind::strings || (field.key && field.key->kind == Kind::string);
    return repeated(field.key ? name + "." + field.key->name : name,
                    is_text ? '"' + std::string(*twice) + '"' : number(*twice));
  }
  /// Of at most eight bytes, little-endian.
  static std::string number(std::string_view bytes) {
    std::uint64_t value = 0;
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) value = value << 8 | static_cast<unsigned char>(*byte);
    return std::to_string(value);
  }

  const ByteView body_;
  std::size_t left_;
};

}  // namespace

Status check_message(const TableRules& table, ByteView body) {
  return Walk(body).root(table);
}

}  // namespace forgepool::wire
