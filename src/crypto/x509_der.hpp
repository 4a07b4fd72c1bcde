#pragma once
/// Private to this folder: the pieces of DER that certificates and revocation lists have in common. All return false where
/// BoringSSL's CBB does: when memory runs out.
#include "crypto/boringssl.hpp"

#include <forgepool/time.hpp>

namespace forgepool {

/// RFC 5280 section 4.1.2.5: UTCTime up to 2049, GeneralizedTime from 2050; whole seconds.
bool add_time(CBB* out, Time time);
/// A number of any size, big-endian, not empty.
bool add_unsigned(CBB* out, ByteView number);
/// The authority key identifier, as an extension.
bool add_authority_key_id(CBB* list, ByteView key_id);

/// SEQUENCE { type, critical, OCTET STRING { whatever `body` writes } }
template <class Body>
bool add_extension(CBB* list, ByteView type, bool critical, Body body) {
  CBB extension, value;
  return CBB_add_asn1(list, &extension, CBS_ASN1_SEQUENCE) && add_oid(&extension, type) &&
         (!critical || CBB_add_asn1_bool(&extension, 1)) && CBB_add_asn1(&extension, &value, CBS_ASN1_OCTETSTRING) &&
         body(&value) && CBB_flush(list);
}

}  // namespace forgepool
