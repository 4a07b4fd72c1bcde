#include "crypto/x509_der.hpp"

namespace forgepool {

bool add_time(CBB* out, Time time) {
  const std::string text = to_rfc3339(time);  // 2026-01-31T08:15:00Z
  std::string digits;
  for (const char c : text)
    if ((c >= '0' && c <= '9') || c == 'Z') digits += c;
  if (text >= "2050") return add_element(out, CBS_ASN1_GENERALIZEDTIME, as_bytes(digits));
  return add_element(out, CBS_ASN1_UTCTIME, as_bytes(std::string_view(digits).substr(2)));
}

bool add_unsigned(CBB* out, ByteView number) {
  while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
  Bytes contents;
  if (number[0] & 0x80) contents.push_back(0);
  contents.insert(contents.end(), number.begin(), number.end());
  return add_element(out, CBS_ASN1_INTEGER, contents);
}

bool add_authority_key_id(CBB* list, ByteView key_id) {
  return add_extension(list, oid::authority_key_identifier, false, [&](CBB* value) {
    CBB sequence;
    return CBB_add_asn1(value, &sequence, CBS_ASN1_SEQUENCE) && add_element(&sequence, CBS_ASN1_CONTEXT_SPECIFIC | 0, key_id) &&
           CBB_flush(value);
  });
}

}  // namespace forgepool
