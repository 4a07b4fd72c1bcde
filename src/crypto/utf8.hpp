#pragma once
/// What signed notes need to know about Unicode text.
#include <string_view>

namespace forgepool {

/// RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF, nothing cut short.
bool is_valid_utf8(std::string_view text);

/// True if valid UTF-8 `text` holds a character of Unicode's White_Space property or an ASCII control character.
bool has_space_or_control(std::string_view text);

}  // namespace forgepool
