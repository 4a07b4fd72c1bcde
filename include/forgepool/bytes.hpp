#pragma once
/// Byte strings, owned and borrowed, and the text forms used throughout: lower-case hex and base64 (RFC 4648).
#include <forgepool/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace forgepool {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}
inline std::string to_text(ByteView bytes) {
  return std::string(as_text(bytes));
}

FORGEPOOL_API std::string to_hex(ByteView bytes);
/// Lower case only, even length: invalid_input otherwise.
FORGEPOOL_API Result<Bytes> from_hex(std::string_view text);

/// Standard alphabet with padding (RFC 4648, section 4). Decoding is strict: padding and zero trailing bits are required.
FORGEPOOL_API std::string to_base64(ByteView bytes);
FORGEPOOL_API Result<Bytes> from_base64(std::string_view text);

/// URL-safe alphabet without padding (RFC 4648, section 5). Decoding is strict.
FORGEPOOL_API std::string to_base64url(ByteView bytes);
FORGEPOOL_API Result<Bytes> from_base64url(std::string_view text);

}  // namespace forgepool
