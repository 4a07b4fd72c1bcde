#pragma once
/// How strings are spelt in JSON, for those who read it and those who write it.
#include <cstddef>
#include <string>
#include <string_view>

namespace forgepool::json {

/// How many bytes at the start of `text` are ASCII that stands for itself in a string: no control characters, quotes or
/// backslashes.
std::size_t count_plain(std::string_view text);

/// Appends what stands for `text` between quotes in the canonical form.
void append_escaped(std::string& out, std::string_view text);

}  // namespace forgepool::json
