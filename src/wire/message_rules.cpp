#include "wire/message_rules.hpp"

#include <flatbuffers/reflection.h>

#include <algorithm>
#include <charconv>

namespace forgepool::wire {
namespace {

using Kind = FieldRules::Kind;

constexpr std::uint8_t schema_bytes[] = {
#include "protocol_schema.inc"
};

bool is_number(reflection::BaseType type) {
  return type >= reflection::UType && type <= reflection::Double;
}

const char* attribute(const reflection::Field& field, const char* name) {
  const auto* found = field.attributes() ? field.attributes()->LookupByKey(name) : nullptr;
  return found ? found->value()->c_str() : nullptr;
}

std::size_t bound(const reflection::Field& field, const char* name) {
  std::size_t value = 0;
  if (const char* text = attribute(field, name)) std::from_chars(text, text + std::char_traits<char>::length(text), value);
  return value;
}

/// Kind and size of a value of this type, alone (`element` false) or in a vector.
void describe(FieldRules& rules, const reflection::Schema& schema, reflection::BaseType type, std::int32_t object,
              bool element) {
  const auto* of = object >= 0 ? schema.objects()->Get(static_cast<flatbuffers::uoffset_t>(object)) : nullptr;
  rules.inline_bytes = sizeof(flatbuffers::uoffset_t);
  if (is_number(type) || (of && of->is_struct())) {
    rules.kind = element ? Kind::inline_values : Kind::inline_value;
    rules.inline_bytes = of ? static_cast<std::size_t>(of->bytesize()) : flatbuffers::GetTypeSize(type);
  } else if (type == reflection::String) {
    rules.kind = element ? Kind::strings : Kind::string;
  } else if (type == reflection::Obj && of) {
    rules.kind = element ? Kind::tables : Kind::table;
  }
}

std::vector<TableRules> compile() {
  const auto& schema = *reflection::GetSchema(schema_bytes);
  std::vector<TableRules> tables;
  for (const auto* object : *schema.objects())
    if (!object->is_struct()) tables.push_back({object->name()->str(), {}});
  for (const auto* object : *schema.objects()) {
    if (object->is_struct()) continue;
    auto& table = *std::ranges::find(tables, object->name()->string_view(), &TableRules::name);
    for (const auto* field : *object->fields()) {
      FieldRules rules;
      rules.name = field->name()->str();
      rules.slot = field->offset();
      rules.required = field->required();
      const auto& type = *field->type();
      const bool vector = type.base_type() == reflection::Vector;
      describe(rules, schema, vector ? type.element() : type.base_type(), type.index(), vector);
      rules.max_bytes = bound(*field, "max_bytes");
      rules.max_items = bound(*field, "max_items");
      rules.unique = attribute(*field, "unique") != nullptr;
      rules.repeats = attribute(*field, "repeats") != nullptr;
      if (rules.kind == Kind::table || rules.kind == Kind::tables)
        rules.table = &*std::ranges::find(
            tables, schema.objects()->Get(static_cast<flatbuffers::uoffset_t>(type.index()))->name()->string_view(),
            &TableRules::name);
      table.fields.push_back(std::move(rules));
    }
  }
  // Once nothing moves any more.
  for (const auto* object : *schema.objects()) {
    if (object->is_struct()) continue;
    auto& table = *std::ranges::find(tables, object->name()->string_view(), &TableRules::name);
    for (const auto* field : *object->fields()) {
      auto& rules = *std::ranges::find(table.fields, field->name()->string_view(), &FieldRules::name);
      if (const char* key = attribute(*field, "unique"); key && rules.kind == Kind::tables) rules.key = rules.table->find(key);
    }
  }
  return tables;
}

}  // namespace

const FieldRules* TableRules::find(std::string_view field) const {
  const auto found = std::ranges::find(fields, field, &FieldRules::name);
  return found == fields.end() ? nullptr : &*found;
}

const std::vector<TableRules>& protocol_rules() {
  static const std::vector<TableRules> rules = compile();
  return rules;
}

const TableRules* rules_of(std::string_view table) {
  const auto& all = protocol_rules();
  const auto found = std::ranges::find(all, table, &TableRules::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace forgepool::wire
