#include "wire/json_reader.hpp"

#include <forgepool/ids.hpp>

#include <algorithm>

namespace forgepool::json {
namespace {

constexpr std::string_view id_form = "1 to 128 characters of [A-Za-z0-9._-], not starting with a dot";

/// Up to this many keys are kept without asking for memory twice.
constexpr std::size_t usual_members = 12;

std::string one_of(std::span<const std::string_view> choices) {
  std::string text = "one of";
  for (const std::string_view choice : choices) text.append(" ").append(choice).append(",");
  text.pop_back();
  return text;
}

std::string range_text(std::string_view what, const std::string& min, const std::string& max) {
  return std::string(what) + " from " + min + " to " + max;
}

}  // namespace

std::string describe(const Value& value) {
  if (const auto* text = value.as_string())
    return text->size() <= 64 ? canonicalize(value) : "a string of " + std::to_string(text->size()) + " bytes";
  if (value.as_array() || value.as_object()) return std::string(value.type_name());
  return canonicalize(value);
}

ObjectReader::ObjectReader(const Value& value, std::string pointer) : object_(value.as_object()), pointer_(std::move(pointer)) {
  if (!object_) error_ = Error{ErrorKind::invalid_input, at_pointer(pointer_, "expected an object, got " + describe(value))};
  known_.reserve(usual_members);
}

void ObjectReader::refuse(std::string_view key, std::string_view message) {
  if (error_) return;
  error_ = Error{ErrorKind::invalid_input, at_pointer(key.empty() ? pointer_ : pointer_to(pointer_, key), message)};
}

void ObjectReader::refuse(const Error& error) {
  if (!error_) error_ = error;
}

void ObjectReader::unfit(std::string_view key, std::string_view what, const Value* got) {
  if (got)
    refuse(key, "expected " + std::string(what) + ", got " + describe(*got));
  else
    refuse(key, "missing; expected " + std::string(what));
}

const Value* ObjectReader::look_up(std::string_view key) {
  known_.push_back(key);
  return object_ ? object_->find(key) : nullptr;
}

std::int64_t ObjectReader::integer(std::string_view key, std::int64_t min, std::int64_t max,
                                   std::optional<std::int64_t> fallback) {
  const Value* value = look_up(key);
  if (!value && fallback) return *fallback;
  if (const auto* integer = value ? value->as_integer() : nullptr; integer && *integer >= min && *integer <= max)
    return *integer;
  unfit(key, range_text("an integer", std::to_string(min), std::to_string(max)), value);
  return 0;
}

double ObjectReader::number(std::string_view key, double min, double max, std::optional<double> fallback) {
  const Value* value = look_up(key);
  if (!value && fallback) return *fallback;
  if (value && value->is_number() && value->as_number() >= min && value->as_number() <= max) return value->as_number();
  unfit(key, range_text("a number", number_to_string(min), number_to_string(max)), value);
  return 0;
}

bool ObjectReader::boolean(std::string_view key, std::optional<bool> fallback) {
  const Value* value = look_up(key);
  if (!value && fallback) return *fallback;
  if (const auto* flag = value ? value->as_bool() : nullptr) return *flag;
  unfit(key, "true or false", value);
  return false;
}

const std::string* ObjectReader::text(std::string_view key, std::size_t max_bytes, std::size_t min_bytes) {
  return text_of(key, look_up(key), max_bytes, min_bytes);
}

const std::string* ObjectReader::text_of(std::string_view key, const Value* value, std::size_t max_bytes,
                                         std::size_t min_bytes) {
  const auto* text = value ? value->as_string() : nullptr;
  if (text && text->size() >= min_bytes && text->size() <= max_bytes) return text;
  unfit(key, range_text("a string", std::to_string(min_bytes), std::to_string(max_bytes)) + " bytes long", value);
  return nullptr;
}

std::string ObjectReader::string(std::string_view key, std::size_t max_bytes, std::optional<std::string> fallback,
                                 std::size_t min_bytes) {
  const Value* value = look_up(key);
  if (!value && fallback) return std::move(*fallback);
  const std::string* text = text_of(key, value, max_bytes, min_bytes);
  return text ? *text : std::string();
}

std::string ObjectReader::id(std::string_view key, std::optional<std::string> fallback) {
  const Value* value = look_up(key);
  if (!value && fallback) return std::move(*fallback);
  if (const auto* text = value ? value->as_string() : nullptr; text && is_valid_id(*text)) return *text;
  unfit(key, id_form, value);
  return {};
}

std::size_t ObjectReader::choice(std::string_view key, std::span<const std::string_view> choices,
                                 std::optional<std::size_t> fallback) {
  const Value* value = look_up(key);
  if (!value && fallback) return *fallback;
  if (const auto* text = value ? value->as_string() : nullptr)
    if (const auto found = std::ranges::find(choices, *text); found != choices.end())
      return static_cast<std::size_t>(found - choices.begin());
  unfit(key, one_of(choices), value);
  return 0;
}

Digest ObjectReader::digest(std::string_view key) {
  const Value* value = look_up(key);
  if (const auto* text = value ? value->as_string() : nullptr; text && text->starts_with("sha256:"))
    if (const auto digest = Digest::parse(*text)) return *digest;
  unfit(key, "\"sha256:\" and 64 lower-case hex digits", value);
  return {};
}

Bytes ObjectReader::base64(std::string_view key, std::size_t max_bytes) {
  const Value* value = look_up(key);
  if (const auto* text = value ? value->as_string() : nullptr; text && text->size() <= (max_bytes + 2) / 3 * 4)
    if (auto bytes = from_base64(*text); bytes && bytes->size() <= max_bytes) return std::move(*bytes);
  unfit(key, "base64 of at most " + std::to_string(max_bytes) + " bytes", value);
  return {};
}

const Array* ObjectReader::array(std::string_view key, std::size_t min_items, std::size_t max_items, Need need) {
  const Value* value = look_up(key);
  if (!value && need == Need::optional) return nullptr;
  const Array* array = value ? value->as_array() : nullptr;
  if (array && array->size() >= min_items && array->size() <= max_items) return array;
  const std::string what = "an array of " + std::to_string(min_items) + " to " + std::to_string(max_items) + " elements";
  if (array)
    refuse(key, "expected " + what + ", got " + std::to_string(array->size()));
  else
    unfit(key, what, value);
  return nullptr;
}

const Value* ObjectReader::object(std::string_view key, Need need) {
  const Value* value = look_up(key);
  if (value ? value->as_object() != nullptr : need == Need::optional) return value;
  unfit(key, "an object", value);
  return nullptr;
}

const Value* ObjectReader::any(std::string_view key, Need need) {
  const Value* value = look_up(key);
  if (!value && need == Need::required) unfit(key, "a value", value);
  return value;
}

std::vector<std::string> ObjectReader::list(std::string_view key, std::size_t max_items, Need need, const std::string& what,
                                            const std::function<bool(const std::string&)>& fits) {
  std::vector<std::string> result;
  const Array* elements = array(key, 0, max_items, need);
  if (!elements) return result;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const std::string* text = (*elements)[i].as_string();
    std::string mistake;
    if (!text || !fits(*text))
      mistake = "expected " + what + ", got " + describe((*elements)[i]);
    else if (std::ranges::find(result, *text) != result.end())
      mistake = "the element " + describe((*elements)[i]) + " stands twice";
    if (!mistake.empty()) {
      refuse(Error{ErrorKind::invalid_input, at_pointer(pointer_to(pointer(key), i), mistake)});
      return {};
    }
    result.push_back(*text);
  }
  return result;
}

std::vector<std::string> ObjectReader::strings(std::string_view key, std::size_t max_items, std::size_t max_bytes, Need need) {
  return list(key, max_items, need, "a string of 1 to " + std::to_string(max_bytes) + " bytes",
              [&](const std::string& text) { return !text.empty() && text.size() <= max_bytes; });
}

std::vector<std::string> ObjectReader::choices(std::string_view key, std::span<const std::string_view> choices, Need need) {
  return list(key, choices.size(), need, one_of(choices),
              [&](const std::string& text) { return std::ranges::find(choices, text) != choices.end(); });
}

std::vector<std::string> ObjectReader::ids(std::string_view key, std::size_t max_items, Need need) {
  return list(key, max_items, need, std::string(id_form), [](const std::string& text) { return is_valid_id(text); });
}

Status ObjectReader::finish() {
  if (object_)
    for (const auto& [key, value] : *object_)
      if (std::ranges::find(known_, key) == known_.end()) {
        std::string message = "unknown key; expected";
        for (const std::string_view known : known_) message.append(" ").append(known).append(",");
        if (known_.empty()) message += " none,";
        message.pop_back();
        return fail(ErrorKind::invalid_input, at_pointer(pointer_to(pointer_, key), message));
      }
  if (error_) return fail(*error_);
  return {};
}

}  // namespace forgepool::json
