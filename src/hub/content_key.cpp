#include "hub/content_key.hpp"

#include "crypto/aead.hpp"
#include "crypto/digest.hpp"
#include "crypto/hkdf.hpp"

#include <new>

namespace forgepool::hub {
namespace {

static_assert(content_key_bytes == aead_key_bytes);
constexpr std::size_t epoch_bytes = 4;

}  // namespace

std::shared_ptr<const ContentKey> ContentKey::make(const RandomSource& random) {
  Bytes key(content_key_bytes);
  random(key);
  return std::make_shared<const ContentKey>(SecretBytes(std::move(key)));
}

Bytes ContentKey::seal(const RandomSource& random, std::string_view place, ByteView content) const {
  Bytes record(aead_nonce_bytes);
  random(record);
  const auto sealed = aead_seal(key_.view(), record, as_bytes(place), content);
  // With a key and a nonce of the right length nothing but memory can be missing.
  if (!sealed) throw std::bad_alloc();
  record.insert(record.end(), sealed->begin(), sealed->end());
  return record;
}

Result<Bytes> ContentKey::open(std::string_view place, ByteView sealed) const {
  if (sealed.size() < sealing_bytes) return fail(ErrorKind::corrupt, "it is too short to be encrypted content");
  auto content = aead_open(key_.view(), sealed.first(aead_nonce_bytes), as_bytes(place), sealed.subspan(aead_nonce_bytes));
  if (!content) return fail(ErrorKind::corrupt, "it was not encrypted under its key for this place, or is damaged");
  return Bytes(content->view().begin(), content->view().end());
}

Digest ContentKey::name_of(const Digest& digest) const {
  return hmac_sha256(key_.view(), digest.bytes);
}

Result<WrappingKey> WrappingKey::of(const Signer& signer, std::uint32_t epoch) {
  // Ed25519 signs deterministically (RFC 8032): whoever has the key finds the same secret again, and nobody else does.
  auto signature = signer.sign(as_bytes("forgepool content wrapping key v1"));
  if (!signature) return fail(signature.error());
  const SecretBytes secret(std::move(*signature));
  return WrappingKey{epoch, std::make_shared<const ContentKey>(SecretBytes(
                                hkdf_sha256(secret.view(), {}, as_bytes("forgepool content v1"), content_key_bytes)))};
}

Bytes WrappingKey::wrap(const RandomSource& random, std::string_view place, ByteView secret) const {
  Bytes record;
  for (int shift = 24; shift >= 0; shift -= 8) record.push_back(static_cast<std::uint8_t>(epoch >> shift));
  const Bytes sealed = key->seal(random, place, secret);
  record.insert(record.end(), sealed.begin(), sealed.end());
  return record;
}

Result<SecretBytes> WrappingKey::unwrap(std::string_view place, ByteView wrapped) const {
  const auto found = epoch_of_wrapped(wrapped);
  if (!found) return fail(found.error());
  if (*found != epoch)
    return fail(ErrorKind::corrupt, "it is wrapped under the content key of epoch " + std::to_string(*found) + ", and not " +
                                        std::to_string(epoch) + " like the others");
  auto secret = key->open(place, wrapped.subspan(epoch_bytes));
  if (!secret) return fail(secret.error());
  return SecretBytes(std::move(*secret));
}

Result<std::uint32_t> epoch_of_wrapped(ByteView wrapped) {
  if (wrapped.size() < epoch_bytes + sealing_bytes) return fail(ErrorKind::corrupt, "it is too short to be a wrapped key");
  std::uint32_t epoch = 0;
  for (std::size_t i = 0; i < epoch_bytes; ++i) epoch = epoch << 8 | wrapped[i];
  return epoch;
}

}  // namespace forgepool::hub
