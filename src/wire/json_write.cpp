#include "wire/json.hpp"
#include "wire/json_text.hpp"

#include <algorithm>
#include <charconv>

namespace forgepool::json {
namespace {

void write_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_escaped(out, text);
  out.push_back('"');
}

void write_value(std::string& out, const Value& value) {
  if (const auto* flag = value.as_bool()) {
    out += *flag ? "true" : "false";
  } else if (const auto* integer = value.as_integer()) {
    out += std::to_string(*integer);
  } else if (const auto* text = value.as_string()) {
    write_string(out, *text);
  } else if (const auto* array = value.as_array()) {
    char separator = '[';
    for (const Value& element : *array) {
      out.push_back(std::exchange(separator, ','));
      write_value(out, element);
    }
    out += array->empty() ? "[]" : "]";
  } else if (const auto* object = value.as_object()) {
    char separator = '{';
    for (const auto& [key, member] : *object) {
      out.push_back(std::exchange(separator, ','));
      write_string(out, key);
      out.push_back(':');
      write_value(out, member);
    }
    out += object->empty() ? "{}" : "}";
  } else if (value.is_null()) {
    out += "null";
  } else {
    out += number_to_string(value.as_number());
  }
}

}  // namespace

std::string number_to_string(double value) {
  if (value == 0) return "0";  // ECMAScript writes -0 so, too.
  // The shortest digits that read back as the same number: "d.ddde±xx". ECMAScript asks for the same digits and lays them out
  // by the decimal exponent n, for which value = 0.digits × 10^n.
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, end);
  std::string result;
  if (text.front() == '-') {
    result = "-";
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 1) digits += text.substr(2, e - 2);
  int exponent = 0;
  const std::string_view exponent_text = text.substr(text[e + 1] == '+' ? e + 2 : e + 1);
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);

  const int k = static_cast<int>(digits.size()), n = exponent + 1;
  if (k <= n && n <= 21) return result + digits + std::string(static_cast<std::size_t>(n - k), '0');
  if (0 < n && n <= 21)
    return result + digits.substr(0, static_cast<std::size_t>(n)) + "." + digits.substr(static_cast<std::size_t>(n));
  if (-6 < n && n <= 0) return result + "0." + std::string(static_cast<std::size_t>(-n), '0') + digits;
  result += digits[0];
  if (k > 1) result += "." + digits.substr(1);
  return result + (n > 0 ? "e+" : "e-") + std::to_string(std::abs(n - 1));
}

std::string canonicalize(const Value& value) {
  std::string out;
  write_value(out, value);
  return out;
}

}  // namespace forgepool::json
