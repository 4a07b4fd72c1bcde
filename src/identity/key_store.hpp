#pragma once
/// Where private keys and certificates are kept. Names are ids (ids.hpp) such as "ca.key" or "chain.pem".
///
/// Implementations: a directory of files, memory. Hardware tokens come in behind the same interface: what it gives out are
/// signers. Threads: one at a time per store. `put` blocks until the content is durable.
#include "crypto/keys.hpp"

#include <memory>

namespace forgepool::identity {

class KeyStore {
 public:
  virtual ~KeyStore() = default;

  /// `conflict` if the name is taken: nothing is ever overwritten.
  virtual Status put_key(std::string_view name, const PrivateKey& key) = 0;
  virtual Status put_text(std::string_view name, std::string_view text) = 0;
  /// `not_found`, `corrupt` if it is not a key, `denied` if others could have read or changed it.
  virtual Result<std::shared_ptr<Signer>> signer(std::string_view name) const = 0;
  virtual Result<std::string> text(std::string_view name) const = 0;
};

/// A directory (0700) of files (0600). `not_found` if it is not there, `denied` if others may change it.
Result<std::unique_ptr<KeyStore>> open_key_directory(const std::string& path);
/// Makes it, if it is not there, with its last component only.
Result<std::unique_ptr<KeyStore>> make_key_directory(const std::string& path);
std::unique_ptr<KeyStore> make_memory_key_store();

}  // namespace forgepool::identity
