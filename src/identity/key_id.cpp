#include "identity/key_id.hpp"

#include "crypto/keys.hpp"

#include <fmt/core.h>

namespace forgepool::identity {

std::string jwk_thumbprint(const PublicKey& key) {
  const Bytes raw = raw_public_key(key);
  const ByteView bytes(raw);
  // The required members in lexical order without white space (RFC 7638 section 3).
  const std::string jwk = key.algorithm == KeyAlgorithm::ecdsa_p256
                              ? fmt::format(R"({{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}})",
                                            to_base64url(bytes.subspan(1, 32)), to_base64url(bytes.subspan(33, 32)))
                              : fmt::format(R"({{"crv":"Ed25519","kty":"OKP","x":"{}"}})", to_base64url(bytes));
  return to_base64url(sha256(jwk).bytes);
}

}  // namespace forgepool::identity
