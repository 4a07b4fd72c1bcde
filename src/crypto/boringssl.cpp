#include "crypto/boringssl.hpp"

#include <fmt/core.h>

namespace forgepool {

Bytes DerWriter::finish() {
  std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (!CBB_finish(cbb_.get(), &data, &size)) return {};
  const bssl::UniquePtr<std::uint8_t> owner(data);
  return {data, data + size};
}

bool add_element(CBB* out, unsigned tag, ByteView contents) {
  CBB element;
  return CBB_add_asn1(out, &element, tag) && CBB_add_bytes(&element, contents.data(), contents.size()) && CBB_flush(out);
}

bool add_signature_algorithm(CBB* out, KeyAlgorithm algorithm) {
  CBB sequence;
  // Neither algorithm has parameters; not even NULL.
  return CBB_add_asn1(out, &sequence, CBS_ASN1_SEQUENCE) &&
         (algorithm == KeyAlgorithm::ecdsa_p256 ? add_oid(&sequence, oid::ecdsa_with_sha256)
                                                : add_oid(&sequence, oid::ed25519)) &&
         CBB_flush(out);
}

bool read_signature_algorithm(CBS* in, KeyAlgorithm* algorithm) {
  CBS sequence, identifier;
  if (!CBS_get_asn1(in, &sequence, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&sequence, &identifier, CBS_ASN1_OBJECT) ||
      CBS_len(&sequence) != 0)
    return false;
  if (same_bytes(view(identifier), oid::ecdsa_with_sha256))
    *algorithm = KeyAlgorithm::ecdsa_p256;
  else if (same_bytes(view(identifier), oid::ed25519))
    *algorithm = KeyAlgorithm::ed25519;
  else
    return false;
  return true;
}

bool add_name(CBB* out, std::string_view common_name) {
  CBB name, set, attribute;
  if (!CBB_add_asn1(out, &name, CBS_ASN1_SEQUENCE)) return false;
  if (!common_name.empty() &&
      (!CBB_add_asn1(&name, &set, CBS_ASN1_SET) || !CBB_add_asn1(&set, &attribute, CBS_ASN1_SEQUENCE) ||
       !add_oid(&attribute, oid::common_name) || !add_element(&attribute, CBS_ASN1_UTF8STRING, as_bytes(common_name))))
    return false;
  return CBB_flush(out);
}

Result<Bytes> sign_der(ByteView tbs, const Signer& signer) {
  auto signature = signer.sign(tbs);
  if (!signature) return fail(signature.error());
  DerWriter writer;
  CBB outer, bits;
  if (!CBB_add_asn1(writer.get(), &outer, CBS_ASN1_SEQUENCE) || !CBB_add_bytes(&outer, tbs.data(), tbs.size()) ||
      !add_signature_algorithm(&outer, signer.public_key().algorithm) || !CBB_add_asn1(&outer, &bits, CBS_ASN1_BITSTRING) ||
      !CBB_add_u8(&bits, 0) || !CBB_add_bytes(&bits, signature->data(), signature->size()))
    return fail(ErrorKind::internal, "out of memory while encoding a signed structure");
  return writer.finish();
}

Result<SignedDer> parse_signed_der(ByteView der, std::string_view what) {
  // Far beyond any certificate of the profile; keeps a hostile peer from making us hash megabytes.
  constexpr std::size_t limit = 16 * 1024;
  if (der.size() > limit)
    return fail(ErrorKind::too_large, fmt::format("{} of {} bytes; at most {} are accepted", what, der.size(), limit));
  SignedDer parsed;
  CBS in = to_cbs(der), outer, tbs, bits;
  if (!CBS_get_asn1(&in, &outer, CBS_ASN1_SEQUENCE) || CBS_len(&in) != 0 ||
      !CBS_get_asn1_element(&outer, &tbs, CBS_ASN1_SEQUENCE))
    return fail(ErrorKind::invalid_input, fmt::format("{} is not one DER SEQUENCE without trailing bytes", what));
  if (!read_signature_algorithm(&outer, &parsed.algorithm))
    return fail(ErrorKind::invalid_input, fmt::format("{} is not signed with ECDSA over SHA-256 or Ed25519", what));
  std::uint8_t unused_bits = 0;
  if (!CBS_get_asn1(&outer, &bits, CBS_ASN1_BITSTRING) || CBS_len(&outer) != 0 || !CBS_get_u8(&bits, &unused_bits) ||
      unused_bits != 0)
    return fail(ErrorKind::invalid_input, fmt::format("{} does not end with its signature", what));
  parsed.tbs = copy(tbs);
  parsed.signature = copy(bits);
  return parsed;
}

}  // namespace forgepool
