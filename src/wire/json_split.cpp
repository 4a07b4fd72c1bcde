#include "wire/json_split.hpp"

#include "wire/json_text.hpp"

namespace forgepool::json {
namespace {

/// Where the string that begins with the quote at `at` has its last quote; the end of the text if it has none.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    at += count_plain(text.substr(at));
    if (at < text.size() && text[at] == '"') return at;
    if (at < text.size() && text[at] == '\\') ++at;
  }
  return text.size();
}

}  // namespace

std::optional<ArrayText> split_array(std::string_view text) {
  ArrayText array;
  std::size_t depth = 0, start = 1;
  const auto end_element = [&](std::size_t at) {
    array.elements.push_back(text.substr(start, at - start));
    start = at + 1;
  };
  for (std::size_t at = 0; at < text.size(); ++at) switch (text[at]) {
      case '"': at = end_of_string(text, at); break;
      case '[':
      case '{': ++depth; break;
      case ']':
      case '}':
        if (--depth > 0) break;
        if (text[at] != ']') return std::nullopt;
        end_element(at);
        array.length = at + 1;
        return array;
      case ',':
        if (depth == 1) end_element(at);
        break;
      default: break;
    }
  return std::nullopt;
}

}  // namespace forgepool::json
