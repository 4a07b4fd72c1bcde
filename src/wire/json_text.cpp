#include "wire/json_text.hpp"

#include <cstdint>
#include <cstring>

namespace forgepool::json {
namespace {

bool is_plain(char c) {
  return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\';
}

/// Whether all eight bytes are plain.
bool are_plain(const char* eight) {
  constexpr std::uint64_t ones = 0x0101010101010101, top_bits = 0x80 * ones;
  std::uint64_t word;
  std::memcpy(&word, eight, sizeof word);
  // Of bytes without a top bit, to subtract n sets it in the lowest that is less than n. (In others above that one perhaps
  // too.)
  return ((word | (word - 0x20 * ones) | ((word ^ '"' * ones) - ones) | ((word ^ '\\' * ones) - ones)) & top_bits) == 0;
}

}  // namespace

std::size_t count_plain(std::string_view text) {
  std::size_t count = 0;
  while (text.size() - count >= 8 && are_plain(text.data() + count)) count += 8;
  while (count < text.size() && is_plain(text[count])) ++count;
  return count;
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  while (!text.empty()) {
    const std::size_t plain = count_plain(text);
    out.append(text, 0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const char c = text.front();
    text.remove_prefix(1);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\f': out += "\\f"; break;
      case '\r': out += "\\r"; break;
      default:
        if (static_cast<std::uint8_t>(c) < 0x20)
          out += {'\\', 'u', '0', '0', hex[static_cast<std::uint8_t>(c) >> 4], hex[c & 15]};
        else
          out.push_back(c);  // Part of what is not ASCII.
    }
  }
}

}  // namespace forgepool::json
