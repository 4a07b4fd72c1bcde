#include "crypto/boringssl.hpp"
#include "crypto/pem.hpp"
#include "crypto/x509.hpp"

namespace forgepool {
namespace {

constexpr unsigned attributes_tag = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0;

}  // namespace

Result<Bytes> make_certificate_request(const Signer& key, std::string_view common_name) {
  if (common_name.size() > 64) return fail(ErrorKind::invalid_input, "the common name is longer than 64 bytes");
  const Bytes& spki = key.public_key().spki;
  DerWriter writer;
  CBB info;
  if (!CBB_add_asn1(writer.get(), &info, CBS_ASN1_SEQUENCE) || !CBB_add_asn1_uint64(&info, 0) ||
      !add_name(&info, common_name) || !CBB_add_bytes(&info, spki.data(), spki.size()) ||
      !add_element(&info, attributes_tag, {}))
    return fail(ErrorKind::internal, "out of memory while encoding a certificate request");
  return sign_der(writer.finish(), key);
}

Result<CertificateRequest> parse_certificate_request(ByteView der) {
  const auto parts = parse_signed_der(der, "certificate request");
  if (!parts) return fail(parts.error());
  CBS in = to_cbs(parts->tbs), info, subject, spki, attributes;
  std::uint64_t version = 0;
  if (!CBS_get_asn1(&in, &info, CBS_ASN1_SEQUENCE) || !CBS_get_asn1_uint64(&info, &version) || version != 0 ||
      !CBS_get_asn1_element(&info, &subject, CBS_ASN1_SEQUENCE) || !CBS_get_asn1_element(&info, &spki, CBS_ASN1_SEQUENCE) ||
      // Attributes are wishes of the requester's (extensions, passwords); none is granted, so none is read.
      !CBS_get_asn1(&info, &attributes, attributes_tag) || CBS_len(&info) != 0)
    return fail(ErrorKind::invalid_input,
                "malformed certificate request: expected a PKCS#10 CertificationRequestInfo of version 0");
  auto key = parse_public_key(view(spki));
  if (!key) return fail(key.error().kind, "certificate request: " + key.error().message);
  if (parts->algorithm != key->algorithm || !verify_signature(*key, parts->tbs, parts->signature))
    return fail(ErrorKind::unauthenticated, "certificate request is not signed by the key it asks a certificate for");
  return CertificateRequest{std::move(*key), copy(subject)};
}

Result<Bytes> certificate_request_from_pem(std::string_view pem) {
  auto blocks = from_pem("CERTIFICATE REQUEST", pem);
  if (!blocks) return fail(blocks.error());
  if (blocks->size() != 1) return fail(ErrorKind::invalid_input, "expected one certificate request");
  return std::move(blocks->front());
}

std::string certificate_request_to_pem(ByteView der) {
  return to_pem("CERTIFICATE REQUEST", der);
}

}  // namespace forgepool
