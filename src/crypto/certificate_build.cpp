#include "crypto/boringssl.hpp"
#include "crypto/keys.hpp"
#include "crypto/random.hpp"
#include "crypto/x509.hpp"
#include "crypto/x509_der.hpp"

#include <fmt/core.h>

namespace forgepool {
namespace {

constexpr unsigned context(unsigned number) {
  return CBS_ASN1_CONTEXT_SPECIFIC | number;
}
constexpr unsigned context_constructed(unsigned number) {
  return context(number) | CBS_ASN1_CONSTRUCTED;
}

bool add_key_usage(CBB* list, std::uint16_t usage) {
  return add_extension(list, oid::key_usage, true, [&](CBB* value) {
    unsigned highest = 0;
    for (unsigned bit = 0; bit < 9; ++bit)
      if (usage >> bit & 1) highest = bit;
    Bytes bits(2 + highest / 8);
    bits[0] = static_cast<std::uint8_t>(7 - highest % 8);  // DER: no trailing zero bits.
    for (unsigned bit = 0; bit <= highest; ++bit)
      if (usage >> bit & 1) bits[1 + bit / 8] = static_cast<std::uint8_t>(bits[1 + bit / 8] | 0x80 >> bit % 8);
    return add_element(value, CBS_ASN1_BITSTRING, bits);
  });
}

bool add_basic_constraints(CBB* list, const CertificateFields& fields) {
  return add_extension(list, oid::basic_constraints, true, [&](CBB* value) {
    CBB sequence;
    return CBB_add_asn1(value, &sequence, CBS_ASN1_SEQUENCE) && (!fields.is_ca || CBB_add_asn1_bool(&sequence, 1)) &&
           (!fields.path_length || CBB_add_asn1_uint64(&sequence, *fields.path_length)) && CBB_flush(value);
  });
}

bool add_extended_key_usage(CBB* list, const std::vector<std::string>& purposes) {
  return add_extension(list, oid::extended_key_usage, false, [&](CBB* value) {
    CBB sequence, purpose;
    if (!CBB_add_asn1(value, &sequence, CBS_ASN1_SEQUENCE)) return false;
    for (const auto& text : purposes)
      if (!CBB_add_asn1(&sequence, &purpose, CBS_ASN1_OBJECT) ||
          !CBB_add_asn1_oid_from_text(&purpose, text.data(), text.size()) || !CBB_flush(&sequence))
        return false;
    return CBB_flush(value) == 1;
  });
}

bool add_names(CBB* list, const CertificateFields& fields) {
  // With an empty subject these names are the subject, so whoever cannot read them must refuse (RFC 5280 section 4.2.1.6).
  return add_extension(list, oid::subject_alternative_name, fields.common_name.empty(), [&](CBB* value) {
    CBB sequence;
    if (!CBB_add_asn1(value, &sequence, CBS_ASN1_SEQUENCE)) return false;
    for (const auto& name : fields.uri_names)
      if (!add_element(&sequence, context(6), as_bytes(name))) return false;
    for (const auto& name : fields.dns_names)
      if (!add_element(&sequence, context(2), as_bytes(name))) return false;
    for (const auto& address : fields.ip_addresses)
      if (!add_element(&sequence, context(7), address)) return false;
    return CBB_flush(value) == 1;
  });
}

bool add_extensions(CBB* tbs, const CertificateFields& fields, ByteView key_id, ByteView issuer_key_id) {
  CBB wrapper, list;
  return CBB_add_asn1(tbs, &wrapper, context_constructed(3)) && CBB_add_asn1(&wrapper, &list, CBS_ASN1_SEQUENCE) &&
         add_basic_constraints(&list, fields) && (fields.key_usage == 0 || add_key_usage(&list, fields.key_usage)) &&
         (fields.extended_key_usage.empty() || add_extended_key_usage(&list, fields.extended_key_usage)) &&
         add_extension(&list, oid::subject_key_identifier, false,
                       [&](CBB* value) { return add_element(value, CBS_ASN1_OCTETSTRING, key_id); }) &&
         (issuer_key_id.empty() || add_authority_key_id(&list, issuer_key_id)) &&
         ((fields.uri_names.empty() && fields.dns_names.empty() && fields.ip_addresses.empty()) || add_names(&list, fields)) &&
         CBB_flush(tbs);
}

// RFC 7093 section 2, method 1: the leftmost 160 bits of the SHA-256 of the key's bits.
Bytes key_id_of(const PublicKey& key) {
  const Digest digest = sha256(raw_public_key(key));
  return {digest.bytes.begin(), digest.bytes.begin() + 20};
}

Status check_fields(const CertificateFields& fields) {
  const auto wrong = [](std::string message) {
    return fail(ErrorKind::invalid_input, "certificate cannot be made: " + message);
  };
  if (fields.common_name.size() > 64) return wrong("the common name is longer than 64 bytes");
  if (fields.not_after < fields.not_before) return wrong("it would expire before it becomes valid");
  if (fields.path_length && !fields.is_ca) return wrong("only a CA has a path length");
  for (const auto* names : {&fields.uri_names, &fields.dns_names})
    for (const auto& name : *names)
      if (name.empty() || std::any_of(name.begin(), name.end(), [](char c) { return c < 0x21 || c > 0x7e; }))
        return wrong("names must be of printable ASCII characters without spaces");
  for (const auto& address : fields.ip_addresses)
    if (address.size() != 4 && address.size() != 16) return wrong("an IP address has 4 or 16 bytes");
  return {};
}

Result<Bytes> build(const CertificateFields& fields, const PublicKey& subject, ByteView issuer_name, ByteView issuer_key_id,
                    const Signer& issuer_key) {
  if (auto status = check_fields(fields); !status) return fail(status.error());
  Bytes serial = random_bytes(16);
  serial[15] |= 1;  // Never zero.
  const Bytes key_id = key_id_of(subject);
  DerWriter writer;
  CBB tbs, version, validity;
  if (!CBB_add_asn1(writer.get(), &tbs, CBS_ASN1_SEQUENCE) || !CBB_add_asn1(&tbs, &version, context_constructed(0)) ||
      !CBB_add_asn1_uint64(&version, 2) || !add_unsigned(&tbs, serial) ||
      !add_signature_algorithm(&tbs, issuer_key.public_key().algorithm) ||
      !CBB_add_bytes(&tbs, issuer_name.data(), issuer_name.size()) || !CBB_add_asn1(&tbs, &validity, CBS_ASN1_SEQUENCE) ||
      !add_time(&validity, fields.not_before) || !add_time(&validity, fields.not_after) ||
      !add_name(&tbs, fields.common_name) || !CBB_add_bytes(&tbs, subject.spki.data(), subject.spki.size()) ||
      !add_extensions(&tbs, fields, key_id, issuer_key_id))
    return fail(ErrorKind::invalid_input, "certificate cannot be made: a field cannot be encoded (object identifier?)");
  const Bytes encoded = writer.finish();
  return sign_der(encoded, issuer_key);
}

}  // namespace

Result<Bytes> make_ca_certificate(const Signer& key, const CaProfile& profile) {
  if (profile.common_name.empty()) return fail(ErrorKind::invalid_input, "a CA certificate needs a common name");
  CertificateFields fields;
  fields.common_name = profile.common_name;
  fields.not_before = profile.not_before;
  fields.not_after = profile.not_after;
  fields.is_ca = true;
  fields.path_length = profile.path_length;
  fields.key_usage = key_usage::key_cert_sign | key_usage::crl_sign;
  DerWriter name;
  if (!add_name(name.get(), profile.common_name)) return fail(ErrorKind::internal, "out of memory while encoding a name");
  return build(fields, key.public_key(), name.finish(), key_id_of(key.public_key()), key);
}

Result<Bytes> make_certificate(const Certificate& ca, const Signer& ca_key, const PublicKey& subject,
                               const CertificateFields& fields) {
  if (ca.key != ca_key.public_key())
    return fail(ErrorKind::invalid_input, "the CA certificate and the CA key do not belong together");
  if (!ca.fields.is_ca) return fail(ErrorKind::invalid_input, "the issuing certificate is not that of a CA");
  CertificateFields cut = fields;
  // What outlives its issuer stops verifying anyway; better that its own date says so.
  cut.not_before = std::max(fields.not_before, ca.fields.not_before);
  cut.not_after = std::min(fields.not_after, ca.fields.not_after);
  return build(cut, subject, ca.subject, ca.subject_key_id, ca_key);
}

}  // namespace forgepool
