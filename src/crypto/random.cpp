#include "crypto/random.hpp"

#include "crypto/boringssl.hpp"

namespace forgepool {

void fill_random(std::span<std::uint8_t> out) {
  RAND_bytes(out.data(), out.size());
}  // BoringSSL aborts where it cannot.

Bytes random_bytes(std::size_t size) {
  Bytes bytes(size);
  fill_random(bytes);
  return bytes;
}

std::string id_from_random(std::string_view prefix, const std::array<std::uint8_t, 16>& random) {
  constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string id(prefix);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const std::uint8_t byte : random) {
    group = group << 8 | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      id.push_back(alphabet[(group >> bits) & 31]);
    }
  }
  id.push_back(alphabet[(group << (5 - bits)) & 31]);  // 128 = 25 * 5 + 3.
  return id;
}

std::string random_id(std::string_view prefix) {
  std::array<std::uint8_t, 16> random;
  fill_random(random);
  return id_from_random(prefix, random);
}

}  // namespace forgepool
