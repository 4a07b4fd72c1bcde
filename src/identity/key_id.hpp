#pragma once
/// Text forms of a public key's identity.
#include <forgepool/keys.hpp>

namespace forgepool::identity {

/// Base64 of the pin, as in RFC 7469's pin-sha256: `kid` of tokens, `keyid` of envelopes.
inline std::string key_id(const PublicKey& key) {
  return to_base64(key.pin().bytes);
}

/// RFC 7638 thumbprint of the key as a JSON Web Key (EC P-256, or OKP Ed25519 by RFC 8037), base64url: `cnf.jkt` of tokens. It
/// stays the same when the certificate is renewed.
std::string jwk_thumbprint(const PublicKey& key);

}  // namespace forgepool::identity
