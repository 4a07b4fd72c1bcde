#pragma once
/// Words in bytes, also where they were written in another form.
#include <forgepool/bytes.hpp>

#include <algorithm>
#include <string>

namespace forgepool::test {

inline bool contains(ByteView bytes, std::string_view word) {
  return std::ranges::search(bytes, as_bytes(word)).begin() != bytes.end();
}

/// Also as it would stand in a token, a receipt or a certificate in text.
inline bool contains_in_any_form(ByteView bytes, const std::string& word) {
  if (contains(bytes, word) || contains(bytes, to_hex(as_bytes(word)))) return true;
  // In base64 a word looks different at each of three offsets; its inner characters do not depend on its neighbours.
  for (std::size_t offset = 0; offset < 3; ++offset) {
    Bytes padded(offset, ' ');
    padded.insert(padded.end(), word.begin(), word.end());
    for (const std::string& text : {to_base64(padded), to_base64url(padded)})
      if (contains(bytes, std::string_view(text).substr(4, text.size() - 8))) return true;
  }
  return false;
}

}  // namespace forgepool::test
