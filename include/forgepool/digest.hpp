#pragma once
/// SHA-256, the only content digest of the system. Written as "sha256:" and 64 lower-case hex digits.
#include <forgepool/bytes.hpp>

#include <array>
#include <compare>
#include <cstring>
#include <functional>

namespace forgepool {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  std::string hex() const { return to_hex(bytes); }
  /// "sha256:<hex>"
  std::string str() const { return "sha256:" + hex(); }
  ByteView view() const { return bytes; }

  /// Accepts "sha256:<64 hex>" and plain "<64 hex>"; invalid_input otherwise.
  FORGEPOOL_API static Result<Digest> parse(std::string_view text);

  friend auto operator<=>(const Digest&, const Digest&) = default;
};

FORGEPOOL_API Digest sha256(ByteView data);
inline Digest sha256(std::string_view text) {
  return sha256(as_bytes(text));
}

}  // namespace forgepool

template <>
struct std::hash<forgepool::Digest> {
  std::size_t operator()(const forgepool::Digest& digest) const {
    std::size_t value;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
  }
};
