#pragma once
/// Keys as files: a directory (0700) of files (0600), each written whole, synced and linked to its name. Format:
/// src/identity/FORMAT.md.
#include <forgepool/key_store.hpp>

namespace forgepool {

struct FileKeyStoreOptions {
  std::string path;
  /// Not empty: private keys are encrypted under it (scrypt, AES-256-GCM). A store is made with a passphrase or without, and
  /// opened likewise: `denied` for a wrong, missing or needless one.
  std::string passphrase{};
};

/// Makes the directory, with its last component only, if it is not there.
FORGEPOOL_API Result<std::unique_ptr<KeyStore>> make_file_key_store(const FileKeyStoreOptions& options);
/// `not_found` if the directory is not there, `denied` if others may change it.
FORGEPOOL_API Result<std::unique_ptr<KeyStore>> open_file_key_store(const FileKeyStoreOptions& options);

}  // namespace forgepool
