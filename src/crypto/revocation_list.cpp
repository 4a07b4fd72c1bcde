#include "crypto/pem.hpp"
#include "crypto/x509.hpp"
#include "crypto/x509_der.hpp"

#include <algorithm>

namespace forgepool {
namespace {

bool add_reason(CBB* entry, RevocationReason reason) {
  // RFC 5280 section 5.3.1: unspecified is said by leaving the extension out.
  if (reason == RevocationReason::unspecified) return true;
  const std::uint8_t code = static_cast<std::uint8_t>(reason);
  CBB list;
  return CBB_add_asn1(entry, &list, CBS_ASN1_SEQUENCE) &&
         add_extension(&list, oid::crl_reason, false,
                       [&](CBB* value) {
                         return add_element(value, CBS_ASN1_ENUMERATED, {&code, 1});
                       }) &&
         CBB_flush(entry);
}

bool add_entries(CBB* tbs, const std::vector<RevokedCertificate>& revoked) {
  if (revoked.empty()) return true;  // Section 5.1.2.6: then the list must be absent.
  CBB list, entry;
  if (!CBB_add_asn1(tbs, &list, CBS_ASN1_SEQUENCE)) return false;
  for (const auto& one : revoked)
    if (!CBB_add_asn1(&list, &entry, CBS_ASN1_SEQUENCE) || !add_unsigned(&entry, one.serial) || !add_time(&entry, one.at) ||
        !add_reason(&entry, one.reason) || !CBB_flush(&list))
      return false;
  return CBB_flush(tbs) == 1;
}

bool add_extensions(CBB* tbs, ByteView issuer_key_id, std::uint64_t number) {
  CBB wrapper, list;
  return CBB_add_asn1(tbs, &wrapper, CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0) &&
         CBB_add_asn1(&wrapper, &list, CBS_ASN1_SEQUENCE) && add_authority_key_id(&list, issuer_key_id) &&
         add_extension(&list, oid::crl_number, false, [&](CBB* value) { return CBB_add_asn1_uint64(value, number) == 1; }) &&
         CBB_flush(tbs);
}

}  // namespace

Result<Bytes> make_revocation_list(const Certificate& ca, const Signer& ca_key, RevocationList list) {
  const auto wrong = [](std::string message) {
    return fail(ErrorKind::invalid_input, "revocation list cannot be made: " + message);
  };
  if (ca.key != ca_key.public_key()) return wrong("the CA certificate and the CA key do not belong together");
  if (!ca.fields.is_ca || !(ca.fields.key_usage & key_usage::crl_sign) || ca.subject_key_id.empty())
    return wrong("the issuing certificate is not that of a CA that may sign revocation lists");
  if (list.next_update <= list.this_update) return wrong("the next one would be due before this one");
  const auto by_number = [](const Bytes& a, const Bytes& b) { return a.size() != b.size() ? a.size() < b.size() : a < b; };
  std::ranges::sort(list.revoked, by_number, &RevokedCertificate::serial);
  for (std::size_t i = 0; i < list.revoked.size(); ++i) {
    if (list.revoked[i].serial.empty()) return wrong("a serial number is empty");
    if (i > 0 && list.revoked[i].serial == list.revoked[i - 1].serial) return wrong("a serial number stands in it twice");
  }
  DerWriter writer;
  CBB tbs;
  if (!CBB_add_asn1(writer.get(), &tbs, CBS_ASN1_SEQUENCE) || !CBB_add_asn1_uint64(&tbs, 1) ||
      !add_signature_algorithm(&tbs, ca_key.public_key().algorithm) ||
      !CBB_add_bytes(&tbs, ca.subject.data(), ca.subject.size()) || !add_time(&tbs, list.this_update) ||
      !add_time(&tbs, list.next_update) || !add_entries(&tbs, list.revoked) ||
      !add_extensions(&tbs, ca.subject_key_id, list.number))
    return fail(ErrorKind::internal, "out of memory while encoding a revocation list");
  const Bytes encoded = writer.finish();
  return sign_der(encoded, ca_key);
}

std::string revocation_list_to_pem(ByteView der) {
  return to_pem("X509 CRL", der);
}

}  // namespace forgepool
