#pragma once
/// Documents that differ from one in JSON at a single place: what a strict reader must refuse, or read as what it says.
#include "wire/json.hpp"

#include <string>
#include <utility>
#include <vector>

namespace forgepool::test {

/// What was done where, and the text that came of it.
using JsonVariants = std::vector<std::pair<std::string, std::string>>;

namespace detail {

/// What an array or object holds.
struct Part {
  std::string key;  ///< With its quotes and colon; empty in arrays.
  const json::Value* value;
  std::string pointer;

  std::string text() const { return key + json::canonicalize(*value); }
};

inline std::vector<Part> parts_of(const json::Value& value, const std::string& pointer) {
  std::vector<Part> parts;
  if (const auto* array = value.as_array())
    for (const auto& element : *array) parts.push_back({"", &element, json::pointer_to(pointer, parts.size())});
  if (const auto* object = value.as_object())
    for (const auto& [key, member] : *object)
      parts.push_back({json::canonicalize(json::Value(key)) + ":", &member, json::pointer_to(pointer, key)});
  return parts;
}

/// In the brackets of `value`.
inline std::string joined(const json::Value& value, const std::vector<std::string>& parts) {
  std::string text(1, value.as_object() ? '{' : '[');
  for (const std::string& part : parts) text += (&part == &parts.front() ? "" : ",") + part;
  return text + (value.as_object() ? '}' : ']');
}

inline JsonVariants of_any(const json::Value& value) {
  const std::string text = json::canonicalize(value);
  JsonVariants all{{"white space", " " + text}};
  for (const char* other : {"null", "true", "0", "0.5", "\"\"", "[]", "{}"}) all.emplace_back("replaced", other);
  if (value.is_number()) {
    for (const char* more : {".0", "e0", "1"}) all.emplace_back("more digits", text + more);
    all.emplace_back("negative", "-" + text);
  }
  if (value.as_string()) {
    const std::string inner = text.substr(1, text.size() - 2);
    for (const char* more : {" ", "0", "/", "é", "\\n", "\\u0041"}) all.emplace_back("longer", "\"" + inner + more + "\"");
    if (inner.empty() || inner.find('\\') != inner.npos) return all;
    all.emplace_back("a zero more", "\"" + inner.substr(0, inner.size() - 1) + "0" + inner.back() + "\"");
    const std::string rest = inner.substr(1) + "\"";
    all.emplace_back("shorter", "\"" + rest);
    all.emplace_back("another letter", std::string("\"") + static_cast<char>(inner.front() ^ 0x20) + rest);
    all.emplace_back("escaped", "\"\\u00" + to_hex(as_bytes(inner.substr(0, 1))) + rest);
  }
  return all;
}

inline JsonVariants of_parts(const json::Value& value, const std::vector<std::string>& parts) {
  JsonVariants all{{"reversed", joined(value, {parts.rbegin(), parts.rend()})}};
  const auto changed = [&](const std::string& what, const auto& change) {
    auto copy = parts;
    change(copy);
    all.emplace_back(what, joined(value, copy));
  };
  changed("one more", [&](auto& copy) { copy.push_back(value.as_object() ? "\"zzz\":0" : "null"); });  // In canonical order.
  for (std::ptrdiff_t i = 0; i < std::ssize(parts); ++i) {
    changed("one missing", [&](auto& copy) { copy.erase(copy.begin() + i); });
    changed("one twice", [&](auto& copy) { copy.insert(copy.begin() + i, parts[static_cast<std::size_t>(i)]); });
  }
  return all;
}

}  // namespace detail

/// Other types, other spellings of the same, and whatever can be added, left out, repeated or put in another order: of the
/// value and of each value in it.
inline JsonVariants json_variants(const json::Value& value, const std::string& pointer = "") {
  const auto parts = detail::parts_of(value, pointer);
  std::vector<std::string> texts;
  for (const auto& part : parts) texts.push_back(part.text());

  JsonVariants all;
  const auto add = [&](const JsonVariants& variants) {
    for (const auto& [what, text] : variants) all.emplace_back(json::at_pointer(pointer, what), text);
  };
  add(detail::of_any(value));
  if (value.as_array() || value.as_object()) add(detail::of_parts(value, texts));
  for (std::size_t i = 0; i < parts.size(); ++i)
    for (const auto& [what, text] : json_variants(*parts[i].value, parts[i].pointer)) {
      auto changed = texts;
      changed[i] = parts[i].key + text;
      all.emplace_back(what, detail::joined(value, changed));
    }
  return all;
}

}  // namespace forgepool::test
