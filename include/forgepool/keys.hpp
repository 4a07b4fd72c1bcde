#pragma once
/// Keys as their users see them: something that signs, and a public half. Where the private half lives (file, memory, token) is
/// the business of whoever made the signer; no interface of this library hands it out.
#include <forgepool/bytes.hpp>
#include <forgepool/digest.hpp>

#include <memory>

namespace forgepool {

enum class KeyAlgorithm {
  ecdsa_p256,  ///< Signatures are DER-encoded ECDSA over SHA-256.
  ed25519,     ///< Signatures are the 64 bytes of RFC 8032.
};

/// A public key as DER SubjectPublicKeyInfo, and its RFC 7469 pin (SHA-256 of that DER).
struct PublicKey {
  KeyAlgorithm algorithm = KeyAlgorithm::ed25519;
  Bytes spki;

  Digest pin() const { return sha256(spki); }
  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

/// Parses a SubjectPublicKeyInfo; invalid_input unless it is a valid P-256 or Ed25519 key without trailing bytes.
FORGEPOOL_API Result<PublicKey> parse_public_key(ByteView spki);

/// True if `signature` over `message` was made by the holder of `key`. Malformed signatures are false.
FORGEPOOL_API bool verify_signature(const PublicKey& key, ByteView message, ByteView signature);

/// Signs with one private key. Thread-safe; may block for as long as the key's home takes.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual const PublicKey& public_key() const = 0;
  /// Hashes (where the algorithm does) and signs `message`. Fails with `unavailable` if the key's home does.
  virtual Result<Bytes> sign(ByteView message) const = 0;
};

/// A new key in this process's memory.
FORGEPOOL_API Result<std::shared_ptr<Signer>> generate_key(KeyAlgorithm algorithm);

}  // namespace forgepool
