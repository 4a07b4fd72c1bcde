#pragma once
/// Private keys in this process's memory, and their PKCS#8 PEM form. Only what makes, stores and loads keys uses this;
/// everything else gets a `Signer` (forgepool/keys.hpp). Strictly P-256 and Ed25519.
#include "crypto/secret.hpp"

#include <forgepool/keys.hpp>

namespace forgepool {

class PrivateKey {
 public:
  static Result<PrivateKey> generate(KeyAlgorithm algorithm);
  /// One "PRIVATE KEY" block (RFC 7468 section 10), unencrypted; invalid_input for anything else or another algorithm.
  static Result<PrivateKey> from_pem(std::string_view pem);
  /// From the 32-byte scalar (P-256, big-endian) or seed (Ed25519).
  static Result<PrivateKey> from_raw(KeyAlgorithm algorithm, ByteView raw);
  /// The key behind a signer that was made here (`signer`, `generate_key`); unsupported if the key lives elsewhere.
  static Result<PrivateKey> of(std::shared_ptr<const Signer> signer);

  SecretBytes to_pem() const;
  const PublicKey& public_key() const;
  std::shared_ptr<Signer> signer() const;

 private:
  class Held;
  explicit PrivateKey(std::shared_ptr<const Held> held) : held_(std::move(held)) {}
  friend struct PrivateKeyAccess;

  std::shared_ptr<const Held> held_;
};

/// `PrivateKey::from_pem` for those who only want to sign.
Result<std::shared_ptr<Signer>> signer_from_pem(std::string_view pem);

/// PEM of a SubjectPublicKeyInfo ("PUBLIC KEY"), and back.
std::string public_key_to_pem(const PublicKey& key);
Result<PublicKey> public_key_from_pem(std::string_view pem);

/// `verify_signature` for those who have hashed the messages already, and have many by one key: it is parsed once.
/// For any number of threads.
class DigestVerifier {
 public:
  explicit DigestVerifier(const PublicKey& key);
  /// True if `signature` over a message of that digest was made by the holder of the key, a P-256 key. Of an Ed25519 key, whose
  /// signatures are over the message itself, it is false.
  bool verify(const Digest& digest, ByteView signature) const;

 private:
  struct Parsed;
  std::shared_ptr<const Parsed> key_;  // Null if it is no P-256 key.
};

/// The 32 bytes of an Ed25519 key, or the 65 bytes 04‖X‖Y of a P-256 key.
Bytes raw_public_key(const PublicKey& key);
/// From either of those; invalid_input if it is no valid key.
Result<PublicKey> public_key_from_raw(KeyAlgorithm algorithm, ByteView raw);

/// An ECDSA P-256 signature as the 64 bytes r‖s (IEEE P1363) that some formats use, and as DER.
Result<Bytes> ecdsa_der_from_raw(ByteView raw);
Result<Bytes> ecdsa_raw_from_der(ByteView der);

}  // namespace forgepool
