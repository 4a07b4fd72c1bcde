#pragma once
/// Messages that no table of ours would make, for any table of the schema: by its rules alone, so that a new one is attacked,
/// too.
#include "wire/message_rules.hpp"

#include <forgepool/bytes.hpp>

#include <flatbuffers/flatbuffers.h>

#include <optional>

namespace forgepool::test {

class ForgedMessage {
 public:
  using Kind = wire::FieldRules::Kind;
  using Place = flatbuffers::uoffset_t;

  /// What stands in one field instead of what is needed: a reference to something made before.
  struct With {
    const wire::FieldRules* field = nullptr;
    Place place = 0;
  };

  /// A table with what it must have and no more. Tables with another `number` differ in their keys.
  Place table(const wire::TableRules& rules, std::vector<With> with = {}, const wire::FieldRules* key = nullptr,
              std::uint32_t number = 0) {
    if (key && key->kind == Kind::string) with.push_back({key, string("k-" + std::to_string(number))});
    for (const auto& field : rules.fields)
      if (field.required && field.kind != Kind::inline_value && !given(with, field)) with.push_back({&field, least(field)});
    const auto start = builder_.StartTable();
    for (const auto& one : with) builder_.AddOffset(one.field->slot, flatbuffers::Offset<void>(one.place));
    for (const auto& field : rules.fields)
      if (field.required && field.kind == Kind::inline_value) {
        const Bytes zeros(field.inline_bytes);
        builder_.PushBytes(zeros.data(), zeros.size());
        builder_.AddStructOffset(field.slot, builder_.GetSize());
      }
    if (key && key->kind == Kind::inline_value) builder_.AddElement<std::uint32_t>(key->slot, number, ~0u);
    return builder_.EndTable(start);
  }
  /// A table with something in every field, and two of everything in every list.
  Place full(const wire::TableRules& rules, const wire::FieldRules* key = nullptr, std::uint32_t number = 0) {
    std::vector<With> with;
    for (const auto& field : rules.fields) {
      if (field.kind == Kind::inline_value || &field == key) continue;
      if (field.kind == Kind::table)
        with.push_back({&field, full(*field.table)});
      else if (field.kind == Kind::tables)
        with.push_back({&field, references({full(*field.table, field.key, 0), full(*field.table, field.key, 1)})});
      else
        with.push_back({&field, is_bytes(field) ? bytes(3) : is_list(field) ? list(field, 2) : item(field, 0)});
    }
    return table(rules, std::move(with), key, number);
  }
  Place string(const std::string& text) { return builder_.CreateString(text).o; }
  Place bytes(std::size_t count) { return builder_.CreateVector(Bytes(count)).o; }
  Place references(const std::vector<Place>& places) {
    std::vector<flatbuffers::Offset<void>> offsets;
    for (const auto place : places) offsets.emplace_back(place);
    return builder_.CreateVector(offsets).o;
  }
  /// A value of the kind that is in the field, alone or in a list, of `bytes` bytes if that makes sense.
  Place item(const wire::FieldRules& field, std::uint32_t number, std::size_t bytes = 0) {
    if (field.kind == Kind::tables || field.kind == Kind::table) return table(*field.table, {}, field.key, number);
    std::string text = "s-" + std::to_string(number);
    if (bytes > 0) text.resize(bytes, 'x');
    return string(text);
  }
  Place list(const wire::FieldRules& field, std::size_t items, bool all_the_same = false) {
    if (field.kind == Kind::inline_values) {
      Bytes values;
      for (std::uint32_t i = 0; i < items; ++i)
        for (std::size_t byte = 0; byte < field.inline_bytes; ++byte)
          values.push_back(static_cast<std::uint8_t>(byte < 4 && !all_the_same ? i >> (8 * byte) : 0));
      builder_.StartVector(items, field.inline_bytes);
      builder_.PushBytes(values.data(), values.size());
      return builder_.EndVector(items);
    }
    std::vector<Place> places;
    for (std::uint32_t i = 0; i < items; ++i) places.push_back(item(field, all_the_same ? 0 : i));
    return references(places);
  }
  /// The message whose root is this table.
  Bytes finish(Place root) {
    builder_.Finish(flatbuffers::Offset<void>(root));
    return Bytes(builder_.GetBufferPointer(), builder_.GetBufferPointer() + builder_.GetSize());
  }

  static bool is_list(const wire::FieldRules& field) {
    return field.kind == Kind::tables || field.kind == Kind::strings ||
           (field.kind == Kind::inline_values && field.inline_bytes > 1);
  }
  static bool is_bytes(const wire::FieldRules& field) { return field.kind == Kind::inline_values && field.inline_bytes == 1; }

 private:
  static bool given(const std::vector<With>& with, const wire::FieldRules& field) {
    for (const auto& one : with)
      if (one.field == &field) return true;
    return false;
  }
  Place least(const wire::FieldRules& field) {
    if (field.kind == Kind::string) return string("");
    if (field.kind == Kind::table) return table(*field.table);
    return is_bytes(field) ? bytes(0) : list(field, 0);
  }

  flatbuffers::FlatBufferBuilder builder_;
};

}  // namespace forgepool::test
