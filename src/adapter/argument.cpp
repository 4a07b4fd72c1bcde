#include "adapter/argument.hpp"

#include <limits>

namespace forgepool::adapter {
namespace {

using json::ObjectReader;
using Type = ArgumentSpec::Type;

constexpr std::string_view type_names[] = {"number", "integer", "boolean", "string", "digest", "list"};
constexpr std::size_t max_arguments = 64;
constexpr std::size_t max_list_items = 1'000'000;
constexpr std::size_t max_string_bytes = 64 << 10;

std::string expectation(const ArgumentSpec& spec) {
  switch (spec.type) {
    case Type::number:
      return "a number from " + json::number_to_string(spec.min_number) + " to " + json::number_to_string(spec.max_number);
    case Type::integer:
      return "an integer from " + std::to_string(spec.min_integer) + " to " + std::to_string(spec.max_integer);
    case Type::boolean: return "true or false";
    case Type::string: return "a string of at most " + std::to_string(spec.max_bytes) + " bytes";
    case Type::digest: return "\"sha256:\" and 64 lower-case hex digits";
    case Type::list:
      return "an array of " + std::to_string(spec.min_items) + " to " + std::to_string(spec.max_items) + " elements";
  }
  return {};
}

bool fits(const ArgumentSpec& spec, const json::Value& value) {
  switch (spec.type) {
    case Type::number: return value.is_number() && value.as_number() >= spec.min_number && value.as_number() <= spec.max_number;
    case Type::integer: {
      const auto* integer = value.as_integer();
      return integer && *integer >= spec.min_integer && *integer <= spec.max_integer;
    }
    case Type::boolean: return value.as_bool();
    case Type::string: return value.as_string() && value.as_string()->size() <= spec.max_bytes;
    case Type::digest: {
      const auto* text = value.as_string();
      return text && text->starts_with("sha256:") && Digest::parse(*text);
    }
    case Type::list: {
      const auto* array = value.as_array();
      return array && array->size() >= spec.min_items && array->size() <= spec.max_items;
    }
  }
  return false;
}

Status check_value(const ArgumentSpec& spec, const json::Value& value, const std::string& pointer) {
  if (!fits(spec, value)) {
    const auto* array = value.as_array();
    const std::string got = spec.type == Type::list && array ? std::to_string(array->size()) : json::describe(value);
    return fail(ErrorKind::invalid_input, json::at_pointer(pointer, "expected " + expectation(spec) + ", got " + got));
  }
  if (spec.type == Type::list)
    for (std::size_t i = 0; i < value.as_array()->size(); ++i)
      if (auto element = check_value(*spec.element, (*value.as_array())[i], json::pointer_to(pointer, i)); !element)
        return element;
  return {};
}

Result<ArgumentSpec> read_spec(const json::Value& value, const std::string& pointer, bool is_element) {
  ArgumentSpec spec;
  ObjectReader reader(value, pointer);
  spec.type = static_cast<Type>(reader.choice("type", type_names));
  (void)reader.string("description", 500, "");
  switch (spec.type) {
    case Type::number: {
      constexpr double largest = std::numeric_limits<double>::max();
      spec.min_number = reader.number("min", -largest, largest);
      spec.max_number = reader.number("max", -largest, largest);
      if (spec.max_number < spec.min_number) reader.refuse("max", "expected at least min");
      break;
    }
    case Type::integer:
      spec.min_integer = reader.integer("min", -json::max_safe_integer, json::max_safe_integer);
      spec.max_integer = reader.integer("max", -json::max_safe_integer, json::max_safe_integer);
      if (spec.max_integer < spec.min_integer) reader.refuse("max", "expected at least min");
      break;
    case Type::string: spec.max_bytes = static_cast<std::size_t>(reader.integer("max_bytes", 0, max_string_bytes)); break;
    case Type::list:
      if (is_element) reader.refuse("type", "expected another type than list, because lists do not nest");
      spec.min_items = static_cast<std::size_t>(reader.integer("min_items", 0, max_list_items, 0));
      spec.max_items = static_cast<std::size_t>(reader.integer("max_items", 0, max_list_items));
      if (spec.max_items < spec.min_items) reader.refuse("max_items", "expected at least min_items");
      if (const auto* element = reader.object("of"); element && !is_element) {
        auto read = read_spec(*element, reader.pointer("of"), true);
        if (read)
          spec.element = std::make_shared<const ArgumentSpec>(std::move(*read));
        else
          reader.refuse(read.error());
      }
      break;
    case Type::boolean:
    case Type::digest: break;
  }
  if (!is_element) {
    spec.required = reader.boolean("required", !reader.has("default"));
    if (const auto* fallback = reader.any("default", ObjectReader::Need::optional)) {
      if (spec.required) reader.refuse("required", "expected false or nothing, because there is a default");
      if (reader.ok())
        if (auto fitting = check_value(spec, *fallback, reader.pointer("default")); !fitting) reader.refuse(fitting.error());
      spec.fallback = *fallback;
    }
  }
  if (auto read = reader.finish(); !read) return fail(read.error());
  return spec;
}

}  // namespace

Result<ArgumentSpecs> read_argument_specs(const json::Value& value, const std::string& pointer) {
  const json::Object& object = *value.as_object();
  if (object.size() > max_arguments)
    return fail(ErrorKind::invalid_input,
                json::at_pointer(pointer, "expected at most " + std::to_string(max_arguments) + " arguments"));
  ArgumentSpecs specs;
  for (const auto& [name, member] : object) {
    const std::string place = json::pointer_to(pointer, name);
    if (name.empty() || name.size() > 64)
      return fail(ErrorKind::invalid_input, json::at_pointer(place, "expected a name of 1 to 64 bytes"));
    auto spec = read_spec(member, place, false);
    if (!spec) return fail(spec.error());
    specs.emplace(name, std::move(*spec));
  }
  return specs;
}

Result<json::Object> check_arguments(const ArgumentSpecs& specs, const json::Value& args) {
  const std::string pointer = "/args";
  const json::Object* object = args.as_object();
  if (!object)
    return fail(ErrorKind::invalid_input, json::at_pointer(pointer, "expected an object, got " + json::describe(args)));

  // Unknown ones first: a misspelt name is the likeliest reason for a missing one.
  for (const auto& [name, value] : *object)
    if (!specs.contains(name)) {
      std::string known;
      for (const auto& [other, spec] : specs) known += (known.empty() ? " " : ", ") + other;
      return fail(ErrorKind::invalid_input, json::at_pointer(json::pointer_to(pointer, name),
                                                             "unknown argument; expected" + (known.empty() ? " none" : known)));
    }
  std::vector<json::Member> checked;
  for (const auto& [name, spec] : specs) {
    const json::Value* value = object->find(name);
    const std::string place = json::pointer_to(pointer, name);
    if (value) {
      if (auto fitting = check_value(spec, *value, place); !fitting) return fail(fitting.error());
      checked.emplace_back(name, *value);
    } else if (spec.fallback) {
      checked.emplace_back(name, *spec.fallback);
    } else if (spec.required) {
      return fail(ErrorKind::invalid_input, json::at_pointer(place, "missing; expected " + expectation(spec)));
    }
  }
  return json::Object::from_members(std::move(checked));
}

}  // namespace forgepool::adapter
