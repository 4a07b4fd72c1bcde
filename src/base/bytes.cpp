#include <forgepool/bytes.hpp>

#include <array>

namespace forgepool {
namespace {

constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> inverse_of(std::string_view alphabet) {
  std::array<std::int8_t, 256> inverse{};
  for (auto& value : inverse) value = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    inverse[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  return inverse;
}
constexpr auto base64_inverse = inverse_of(base64_alphabet);
constexpr auto base64url_inverse = inverse_of(base64url_alphabet);

std::string encode64(ByteView bytes, std::string_view alphabet, bool padded) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = std::uint32_t{bytes[i]} << 16;
    if (n > 1) group |= std::uint32_t{bytes[i + 1]} << 8;
    if (n > 2) group |= bytes[i + 2];
    for (std::size_t k = 0; k < 4; ++k) {
      if (k <= n)
        text.push_back(alphabet[(group >> (18 - 6 * k)) & 63]);
      else if (padded)
        text.push_back('=');
    }
  }
  return text;
}

Result<Bytes> decode64(std::string_view text, const std::array<std::int8_t, 256>& inverse, const char* name) {
  const auto malformed = [&] { return fail(ErrorKind::invalid_input, std::string("malformed ") + name); };
  if (text.size() % 4 == 1) return malformed();
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = inverse[static_cast<std::uint8_t>(c)];
    if (value < 0) return malformed();
    group = (group << 6) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<std::uint8_t>(group >> bits));
      group &= (1u << bits) - 1;
    }
  }
  if (group != 0) return malformed();  // Non-zero trailing bits: a second spelling of the same bytes.
  return bytes;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  if (text.size() % 2 != 0) return fail(ErrorKind::invalid_input, "malformed hex: odd number of digits");
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return fail(ErrorKind::invalid_input, "malformed hex: expected digits 0-9 and a-f");
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
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
