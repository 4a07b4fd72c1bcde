#pragma once
/// KeyStore: where private keys live, and the certificates beside them. What it gives out of a private key is a signer.
///
/// Keys have a purpose and an epoch, counted from 1: a new key of a purpose takes over from the one before. Nothing is ever
/// overwritten. Implementations: a directory of files (backends/file_key_store.hpp), memory (backends/memory_key_store.hpp), a
/// PKCS#11 token (backends/pkcs11_key_store.hpp), and any of yours; tests/conformance/key_store holds them to this page.
///
/// Threads: safe for use from several threads. What changes the store blocks until it is durable.
#include <forgepool/keys.hpp>
#include <forgepool/time.hpp>

#include <string>
#include <vector>

namespace forgepool {

enum class KeyPurpose {
  ca,       ///< P-256; issues certificates.
  hub,      ///< P-256; the hub's end of TLS; signs verdicts and bundles.
  token,    ///< Ed25519; signs lease tokens.
  log,      ///< Ed25519; signs checkpoints.
  node,     ///< P-256; an agent's or client's end of TLS; signs receipts.
  content,  ///< Ed25519; what it signs becomes the key under which the keys of jobs' content are encrypted. Each erasure brings
            ///< the next epoch and destroys the one before.
};
FORGEPOOL_API std::string_view to_string(KeyPurpose purpose);
/// The one algorithm that keys of this purpose have.
FORGEPOOL_API KeyAlgorithm algorithm_of(KeyPurpose purpose);

/// Names one key: "token-2" is the second key for tokens.
struct KeyId {
  KeyPurpose purpose = KeyPurpose::node;
  std::uint32_t epoch = 1;

  FORGEPOOL_API std::string str() const;
  /// invalid_input unless it is what `str` makes of some id.
  FORGEPOOL_API static Result<KeyId> parse(std::string_view text);
  friend auto operator<=>(const KeyId&, const KeyId&) = default;
};

struct KeyInfo {
  KeyId id;
  Time made{};  ///< Whole seconds: when it took over from the epoch before.
  PublicKey key;

  friend bool operator==(const KeyInfo&, const KeyInfo&) = default;
};

class KeyStore {
 public:
  virtual ~KeyStore() = default;

  /// What it is, for logs and messages: "files in /var/lib/pool/identity".
  virtual std::string name() const = 0;

  /// Makes a key, of the epoch after the last one of its purpose. In stores that can, it is born where it will live.
  virtual Result<KeyInfo> generate(KeyPurpose purpose, Time now) = 0;
  /// Keeps a key that was made in this process's memory, likewise. `unsupported` by stores whose keys come from nowhere else,
  /// and for signers whose key is elsewhere; invalid_input for a key of another algorithm than the purpose has.
  virtual Result<KeyInfo> adopt(KeyPurpose purpose, const std::shared_ptr<Signer>& key, Time now) = 0;
  /// Every key, ordered by purpose and epoch.
  virtual Result<std::vector<KeyInfo>> keys() const = 0;
  /// `not_found`; `corrupt` if it is not a key; `denied` if others could have read or changed it, or if it does not open under
  /// the store's passphrase.
  virtual Result<std::shared_ptr<Signer>> signer(const KeyId& id) const = 0;
  /// Destroys the private key, and what the store keeps it in is overwritten where it can be; its epoch is not given to
  /// another. Signers that were given out may go on working.
  virtual Status destroy(const KeyId& id) = 0;

  /// Texts beside the keys: certificates, pins. `name` is an id (ids.hpp), and not that of a key; `conflict` if it is taken.
  virtual Status put_text(std::string_view name, std::string_view text) = 0;
  /// Puts a text in the place of another, whole or not at all.
  virtual Status replace_text(std::string_view name, std::string_view text) = 0;
  virtual Result<std::string> text(std::string_view name) const = 0;
};

}  // namespace forgepool
