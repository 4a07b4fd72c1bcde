#include "crypto/hkdf.hpp"

#include "crypto/boringssl.hpp"

#include <cstdlib>

namespace forgepool {

Digest hmac_sha256(ByteView key, ByteView message) {
  Digest digest;
  unsigned size = 0;
  // Only memory exhaustion can fail here; a made-up digest must never come out of it.
  if (!HMAC(EVP_sha256(), key.data(), key.size(), message.data(), message.size(), digest.bytes.data(), &size)) std::abort();
  return digest;
}

Bytes hkdf_sha256(ByteView secret, ByteView salt, ByteView info, std::size_t size) {
  Bytes derived(size);
  if (!HKDF(derived.data(), derived.size(), EVP_sha256(), secret.data(), secret.size(), salt.data(), salt.size(), info.data(),
            info.size()))
    std::abort();
  return derived;
}

}  // namespace forgepool
