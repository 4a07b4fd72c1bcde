#pragma once
/// Private to this folder: BoringSSL's headers, owners for its objects, and DER in and out.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-qualifiers"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/ec_key.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hkdf.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#pragma GCC diagnostic pop

#if !defined(OPENSSL_IS_BORINGSSL) && !defined(OPENSSL_IS_AWSLC)
#error "OpenSSL's headers were found instead of BoringSSL's or AWS-LC's: check the order of the include paths"
#endif

#include <forgepool/bytes.hpp>
#include <forgepool/keys.hpp>

#include <algorithm>

namespace forgepool {

inline CBS to_cbs(ByteView bytes) {
  CBS cbs;
  CBS_init(&cbs, bytes.data(), bytes.size());
  return cbs;
}
inline ByteView view(const CBS& cbs) {
  return {CBS_data(&cbs), CBS_len(&cbs)};
}
inline Bytes copy(const CBS& cbs) {
  return {CBS_data(&cbs), CBS_data(&cbs) + CBS_len(&cbs)};
}

/// A growing DER encoding. BoringSSL's CBB only fails when memory runs out or a caller misuses it; `finish` reports that.
class DerWriter {
 public:
  DerWriter() { CBB_init(cbb_.get(), 512); }

  CBB* get() { return cbb_.get(); }
  /// Empty if anything failed on the way: no DER encoding is empty.
  Bytes finish();

 private:
  bssl::ScopedCBB cbb_;
};

/// Object identifiers, as the contents of their DER encoding.
namespace oid {
inline constexpr std::uint8_t ecdsa_with_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
inline constexpr std::uint8_t ed25519[] = {0x2b, 0x65, 0x70};
inline constexpr std::uint8_t common_name[] = {0x55, 0x04, 0x03};
inline constexpr std::uint8_t subject_key_identifier[] = {0x55, 0x1d, 0x0e};
inline constexpr std::uint8_t key_usage[] = {0x55, 0x1d, 0x0f};
inline constexpr std::uint8_t subject_alternative_name[] = {0x55, 0x1d, 0x11};
inline constexpr std::uint8_t basic_constraints[] = {0x55, 0x1d, 0x13};
inline constexpr std::uint8_t crl_number[] = {0x55, 0x1d, 0x14};
inline constexpr std::uint8_t crl_reason[] = {0x55, 0x1d, 0x15};
inline constexpr std::uint8_t authority_key_identifier[] = {0x55, 0x1d, 0x23};
inline constexpr std::uint8_t extended_key_usage[] = {0x55, 0x1d, 0x25};
inline constexpr std::uint8_t server_auth[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
inline constexpr std::uint8_t client_auth[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
}  // namespace oid

inline bool same_bytes(ByteView a, ByteView b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}
/// A primitive element with the given contents.
bool add_element(CBB* out, unsigned tag, ByteView contents);
inline bool add_oid(CBB* out, ByteView contents) {
  return add_element(out, CBS_ASN1_OBJECT, contents);
}

/// The AlgorithmIdentifier of signatures by keys of `algorithm` (RFC 5758 section 3.2, RFC 8410 section 3).
bool add_signature_algorithm(CBB* out, KeyAlgorithm algorithm);
/// Reads one; false for any other algorithm or for parameters.
bool read_signature_algorithm(CBS* in, KeyAlgorithm* algorithm);

/// A Name with one common name, or with nothing if it is empty (RFC 5280 section 4.1.2.4).
bool add_name(CBB* out, std::string_view common_name);

/// SEQUENCE { tbs, AlgorithmIdentifier, BIT STRING signature }: what certificates and certificate requests have in common.
Result<Bytes> sign_der(ByteView tbs, const Signer& signer);

struct SignedDer {
  Bytes tbs;
  KeyAlgorithm algorithm = KeyAlgorithm::ecdsa_p256;
  Bytes signature;
};
/// Splits one; `what` names it in the error ("certificate").
Result<SignedDer> parse_signed_der(ByteView der, std::string_view what);

}  // namespace forgepool
