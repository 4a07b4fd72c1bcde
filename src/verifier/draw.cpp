#include "crypto/hkdf.hpp"
#include "verifier/rule.hpp"

namespace forgepool {

double draw(const JobCase& job, std::string_view purpose, std::uint32_t number) {
  Bytes message = to_bytes("forgepool verifier draw v1 ");
  message.insert(message.end(), purpose.begin(), purpose.end());
  for (int shift = 24; shift >= 0; shift -= 8) message.push_back(static_cast<std::uint8_t>(number >> shift));
  const Digest mac = hmac_sha256(job.secret, message);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | mac.bytes[i];
  return static_cast<double>(value >> 11) * 0x1p-53;
}

}  // namespace forgepool
