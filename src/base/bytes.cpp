#include <forgepool/bytes.hpp>

#include <array>

namespace forgepool {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> inverse_of(std::string_view alphabet) {
  std::array<std::int8_t, 256> inverse{};
  for (auto& value : inverse) value = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    inverse[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  return inverse;
}
constexpr auto hex_inverse = inverse_of(hex_digits);
constexpr auto base64_inverse = inverse_of(base64_alphabet);
constexpr auto base64url_inverse = inverse_of(base64url_alphabet);

std::string encode64(ByteView bytes, std::string_view alphabet, bool padded) {
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  char* out = text.data();
  const auto put = [&](std::uint32_t group, int characters) {
    for (int k = 0; k < characters; ++k) *out++ = alphabet[(group >> (18 - 6 * k)) & 63];
  };
  while (bytes.size() >= 3) {
    put(std::uint32_t{bytes[0]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[2], 4);
    bytes = bytes.subspan(3);
  }
  if (bytes.size() == 1) put(std::uint32_t{bytes[0]} << 16, 2);
  if (bytes.size() == 2) put(std::uint32_t{bytes[0]} << 16 | std::uint32_t{bytes[1]} << 8, 3);
  if (!padded) text.resize(static_cast<std::size_t>(out - text.data()));
  return text;
}

/// `text` without padding.
Result<Bytes> decode64(std::string_view text, const std::array<std::int8_t, 256>& inverse, const char* name) {
  const auto malformed = [&] { return fail(ErrorKind::invalid_input, std::string("malformed ") + name); };
  const auto value = [&](std::size_t i) { return std::int32_t{inverse[static_cast<std::uint8_t>(text[i])]}; };
  const std::size_t rest = text.size() % 4;
  if (rest == 1) return malformed();
  Bytes bytes(text.size() / 4 * 3 + (rest == 0 ? 0 : rest - 1));
  std::uint8_t* out = bytes.data();
  std::size_t at = 0;
  for (; at + 4 <= text.size(); at += 4) {
    const std::int32_t group = value(at) << 18 | value(at + 1) << 12 | value(at + 2) << 6 | value(at + 3);
    if (group < 0) return malformed();
    *out++ = static_cast<std::uint8_t>(group >> 16);
    *out++ = static_cast<std::uint8_t>(group >> 8);
    *out++ = static_cast<std::uint8_t>(group);
  }
  if (rest == 0) return bytes;
  const std::int32_t group = value(at) << 18 | value(at + 1) << 12 | (rest == 3 ? value(at + 2) << 6 : 0);
  if (group < 0) return malformed();
  *out++ = static_cast<std::uint8_t>(group >> 16);
  if (rest == 3) *out++ = static_cast<std::uint8_t>(group >> 8);
  // Non-zero trailing bits: a second spelling of the same bytes.
  if ((group & (rest == 3 ? 0xff : 0xffff)) != 0) return malformed();
  return bytes;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string text(bytes.size() * 2, '\0');
  char* out = text.data();
  for (const std::uint8_t byte : bytes) {
    *out++ = hex_digits[byte >> 4];
    *out++ = hex_digits[byte & 15];
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(ErrorKind::invalid_input, "malformed hex: odd number of digits");
  Bytes bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int high = hex_inverse[static_cast<std::uint8_t>(text[2 * i])];
    const int low = hex_inverse[static_cast<std::uint8_t>(text[2 * i + 1])];
    if (high < 0 || low < 0) return fail(ErrorKind::invalid_input, "malformed hex: expected digits 0-9 and a-f");
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return bytes;
}

std::string to_base64(ByteView bytes) {
  return encode64(bytes, base64_alphabet, true);
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return fail(ErrorKind::invalid_input, "malformed base64: length is not a multiple of 4");
  if (text.ends_with("=="))
    text.remove_suffix(2);
  else if (text.ends_with('='))
    text.remove_suffix(1);
  return decode64(text, base64_inverse, "base64");
}

std::string to_base64url(ByteView bytes) {
  return encode64(bytes, base64url_alphabet, false);
}

Result<Bytes> from_base64url(std::string_view text) {
  return decode64(text, base64url_inverse, "base64url");
}

}  // namespace forgepool
