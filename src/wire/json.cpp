#include "wire/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace forgepool::json {
namespace {

constexpr auto key_less = [](const Member& member, std::string_view key) { return utf16_less(member.first, key); };

}  // namespace

bool utf16_less(std::string_view a, std::string_view b) {
  const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (at_b == b.end()) return false;
  if (at_a == a.end()) return true;
  const auto byte_a = static_cast<std::uint8_t>(*at_a), byte_b = static_cast<std::uint8_t>(*at_b);
  // UTF-8 bytes sort as code points do. UTF-16 differs in one thing: code points above U+FFFF (lead byte F0 and up) are written
  // as surrogates and so come before U+E000 … U+FFFF (lead bytes EE and EF).
  if (byte_a >= 0xee && byte_b >= 0xee && (byte_a >= 0xf0) != (byte_b >= 0xf0)) return byte_a >= 0xf0;
  return byte_a < byte_b;
}

Field::Field(std::string_view key, Value value) : key_(key), value_(std::move(value)) {}

Object::Object(std::initializer_list<Field> fields) {
  members_.reserve(fields.size());
  for (const Field& field : fields) set(std::string(field.key_), std::move(field.value_));
}

Object Object::from_ascending(std::vector<Member> members) {
  Object object;
  object.members_ = std::move(members);
  return object;
}

Object Object::from_members(std::vector<Member> members) {
  Object object;
  object.members_ = std::move(members);
  std::ranges::sort(object.members_, [](const Member& a, const Member& b) { return utf16_less(a.first, b.first); });
  return object;
}

const Value* Object::find(std::string_view key) const {
  constexpr std::size_t few = 16;  // To look at all of them is faster than to compare by UTF-16.
  if (members_.size() <= few) {
    const auto found = std::ranges::find(members_, key, &Member::first);
    return found != members_.end() ? &found->second : nullptr;
  }
  const auto place = std::lower_bound(members_.begin(), members_.end(), key, key_less);
  return place != members_.end() && place->first == key ? &place->second : nullptr;
}

void Object::set(std::string key, Value value) {
  if (members_.empty() || utf16_less(members_.back().first, key)) {
    members_.emplace_back(std::move(key), std::move(value));
    return;
  }
  const auto place = std::lower_bound(members_.begin(), members_.end(), std::string_view(key), key_less);
  if (place != members_.end() && place->first == key)
    place->second = std::move(value);
  else
    members_.emplace(place, std::move(key), std::move(value));
}

bool Object::erase(std::string_view key) {
  const auto place = std::lower_bound(members_.begin(), members_.end(), key, key_less);
  if (place == members_.end() || place->first != key) return false;
  members_.erase(place);
  return true;
}

bool operator==(const Object& a, const Object& b) {
  return a.members_ == b.members_;
}

Value::Value() = default;
Value::Value(std::nullptr_t) {}
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;
Value::Value(std::string value) : data_(std::move(value)) {}
Value::Value(std::string_view value) : data_(std::string(value)) {}
Value::Value(const char* value) : data_(std::string(value)) {}
Value::Value(Array value) : data_(std::move(value)) {}
Value::Value(Object value) : data_(std::move(value)) {}

Value::Value(Flag flag) : data_(flag.value) {}

Value::Value(Number number) : data_(number.nearest) {
  if (number.is_int64 && number.integer <= max_safe_integer && number.integer >= -max_safe_integer) data_ = number.integer;
}

Value::Value(double value) : data_(value) {
  if (!std::isfinite(value)) std::abort();  // A bug in the caller; a made-up number must never be signed.
  if (std::abs(value) <= static_cast<double>(max_safe_integer) && value == std::trunc(value))
    data_ = static_cast<std::int64_t>(value);
}

double Value::as_number() const {
  if (const auto* integer = as_integer()) return static_cast<double>(*integer);
  const auto* number = std::get_if<double>(&data_);
  return number ? *number : 0;
}

std::string_view Value::type_name() const {
  constexpr std::string_view names[] = {"null", "a boolean", "an integer", "a number", "a string", "an array", "an object"};
  return names[data_.index()];
}

std::string pointer_to(std::string_view pointer, std::string_view key) {
  std::string result(pointer);
  result.push_back('/');
  for (const char c : key) {
    if (c == '~')
      result += "~0";
    else if (c == '/')
      result += "~1";
    else
      result.push_back(c);
  }
  return result;
}

std::string pointer_to(std::string_view pointer, std::size_t index) {
  return std::string(pointer) + "/" + std::to_string(index);
}

std::string at_pointer(std::string_view pointer, std::string_view message) {
  if (pointer.empty()) return "(root): " + std::string(message);
  constexpr std::size_t longest = 256;
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (const char c : pointer.substr(0, longest)) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f)
      text += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
    else
      text.push_back(c);
  }
  if (pointer.size() > longest) text += "…";
  return text + ": " + std::string(message);
}

}  // namespace forgepool::json
