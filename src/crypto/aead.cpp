#include "crypto/aead.hpp"

#include "crypto/boringssl.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#include <openssl/aead.h>
#include <openssl/err.h>
#pragma GCC diagnostic pop

namespace forgepool {
namespace {

constexpr std::size_t max_scrypt_memory = 1u << 30;

bool init(bssl::ScopedEVP_AEAD_CTX& context, ByteView key) {
  return key.size() == aead_key_bytes && EVP_AEAD_CTX_init(context.get(), EVP_aead_aes_256_gcm(), key.data(), key.size(),
                                                           EVP_AEAD_DEFAULT_TAG_LENGTH, nullptr) == 1;
}

}  // namespace

Result<Bytes> aead_seal(ByteView key, ByteView nonce, ByteView context, ByteView plaintext) {
  bssl::ScopedEVP_AEAD_CTX aead;
  Bytes sealed(plaintext.size() + EVP_AEAD_max_overhead(EVP_aead_aes_256_gcm()));
  std::size_t size = 0;
  const bool done = nonce.size() == aead_nonce_bytes && init(aead, key) &&
                    EVP_AEAD_CTX_seal(aead.get(), sealed.data(), &size, sealed.size(), nonce.data(), nonce.size(),
                                      plaintext.data(), plaintext.size(), context.data(), context.size()) == 1;
  ERR_clear_error();
  if (!done) return fail(ErrorKind::invalid_input, "cannot encrypt: expected a key of 32 and a nonce of 12 bytes");
  sealed.resize(size);
  return sealed;
}

Result<SecretBytes> aead_open(ByteView key, ByteView nonce, ByteView context, ByteView sealed) {
  bssl::ScopedEVP_AEAD_CTX aead;
  Bytes plaintext(sealed.size());
  std::size_t size = 0;
  const bool done = nonce.size() == aead_nonce_bytes && init(aead, key) &&
                    EVP_AEAD_CTX_open(aead.get(), plaintext.data(), &size, plaintext.size(), nonce.data(), nonce.size(),
                                      sealed.data(), sealed.size(), context.data(), context.size()) == 1;
  ERR_clear_error();
  if (!done) return fail(ErrorKind::denied, "this was encrypted under another key, or was changed since");
  plaintext.resize(size);
  return SecretBytes(std::move(plaintext));
}

Result<SecretBytes> key_from_passphrase(std::string_view passphrase, ByteView salt, const ScryptCost& cost) {
  Bytes key(aead_key_bytes);
  const bool done = EVP_PBE_scrypt(passphrase.data(), passphrase.size(), salt.data(), salt.size(), cost.n, cost.r, cost.p,
                                   max_scrypt_memory, key.data(), key.size()) == 1;
  ERR_clear_error();
  if (!done)
    return fail(ErrorKind::invalid_input,
                "these costs of scrypt are not possible: n is a power of two, and at most 1 GiB may be needed");
  return SecretBytes(std::move(key));
}

}  // namespace forgepool
