#pragma once
/// Keys in a PKCS#11 token (v2.40 or later): a hardware security module, or a software one such as SoftHSM. Private keys are
/// made in the token, sensitive and not extractable; signing happens there. Texts are data objects of the same token.
#include <forgepool/key_store.hpp>

namespace forgepool {

struct Pkcs11KeyStoreOptions {
  std::string module;  ///< Path of the token's library, such as /usr/lib/softhsm/libsofthsm2.so.
  std::string token;   ///< Its label.
  std::string pin;     ///< The user's.
};

/// `not_found` if there is no such library or token, `denied` for a wrong PIN, `unsupported` if the token cannot make and use
/// P-256 and Ed25519 keys. The library is initialised once and stays loaded as long as the process: others may be using it,
/// too. A process logs in once: while one store of a token is open, another one's PIN is not looked at.
FORGEPOOL_API Result<std::unique_ptr<KeyStore>> open_pkcs11_key_store(const Pkcs11KeyStoreOptions& options);

}  // namespace forgepool
