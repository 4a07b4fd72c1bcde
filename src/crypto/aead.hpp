#pragma once
/// Encryption of small secrets: AES-256-GCM (NIST SP 800-38D), and scrypt (RFC 7914) to make its key of a passphrase.
#include "crypto/secret.hpp"

namespace forgepool {

inline constexpr std::size_t aead_key_bytes = 32;
inline constexpr std::size_t aead_nonce_bytes = 12;

/// Ciphertext with its tag of 16 bytes. A nonce is used once per key. `context` is bound to it, and not part of it.
Result<Bytes> aead_seal(ByteView key, ByteView nonce, ByteView context, ByteView plaintext);
/// `denied` if key, nonce, context and ciphertext do not belong together.
Result<SecretBytes> aead_open(ByteView key, ByteView nonce, ByteView context, ByteView sealed);

struct ScryptCost {
  std::uint64_t n = 1u << 15;  ///< With r = 8: 32 MiB and some 100 ms.
  std::uint64_t r = 8;
  std::uint64_t p = 1;
};
/// A key for the functions above. invalid_input for costs beyond 1 GiB or nonsense.
Result<SecretBytes> key_from_passphrase(std::string_view passphrase, ByteView salt, const ScryptCost& cost);

}  // namespace forgepool
