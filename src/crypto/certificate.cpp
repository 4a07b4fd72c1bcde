#include "crypto/boringssl.hpp"
#include "crypto/pem.hpp"
#include "crypto/x509.hpp"

#include <fmt/core.h>

#include <chrono>

namespace forgepool {
namespace {

constexpr unsigned context(unsigned number) {
  return CBS_ASN1_CONTEXT_SPECIFIC | number;
}
constexpr unsigned context_constructed(unsigned number) {
  return context(number) | CBS_ASN1_CONSTRUCTED;
}

/// So many decimal digits off the front. -1 if there are fewer.
int take_digits(CBS* in, int count) {
  int value = 0;
  for (; count > 0; --count) {
    std::uint8_t digit;
    if (!CBS_get_u8(in, &digit) || digit < '0' || digit > '9') return -1;
    value = value * 10 + (digit - '0');
  }
  return value;
}

// The limits of nanoseconds in 64 bits lie in the years 1677 and 2262; "no expiry" is written as the year 9999.
Time time_from(std::chrono::year_month_day date, std::chrono::seconds since_midnight) {
  using namespace std::chrono;
  if (date.year() < year(1678)) return Time::min();
  if (date.year() > year(2261)) return Time::max();
  return Time{sys_days{date}} + since_midnight;
}

// RFC 5280 section 4.1.2.5: UTCTime up to 2049, GeneralizedTime from 2050; both in UTC ("Z") with seconds.
bool read_time(CBS* in, Time* out) {
  using namespace std::chrono;
  CBS contents;
  unsigned tag;
  if (!CBS_get_any_asn1(in, &contents, &tag) || (tag != CBS_ASN1_UTCTIME && tag != CBS_ASN1_GENERALIZEDTIME)) return false;
  const bool two_digits = tag == CBS_ASN1_UTCTIME;
  int y = take_digits(&contents, two_digits ? 2 : 4);
  if (y < 0) return false;
  if (two_digits) y += y < 50 ? 2000 : 1900;
  if (!two_digits && y < 2050) return false;
  const int month_number = take_digits(&contents, 2), day_number = take_digits(&contents, 2);
  const int hour = take_digits(&contents, 2), minute = take_digits(&contents, 2), second = take_digits(&contents, 2);
  std::uint8_t zone;
  if (month_number < 0 || day_number < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 ||
      !CBS_get_u8(&contents, &zone) || zone != 'Z' || CBS_len(&contents) != 0)
    return false;
  const year_month_day date{year(y), month(static_cast<unsigned>(month_number)), day(static_cast<unsigned>(day_number))};
  if (!date.ok()) return false;
  *out = time_from(date, hours(hour) + minutes(minute) + seconds(second));
  return true;
}

// Checks the structure of a Name and picks out its last common name.
bool read_name(CBS* in, Bytes* der, std::string* common_name) {
  CBS element;
  if (!CBS_get_asn1_element(in, &element, CBS_ASN1_SEQUENCE)) return false;
  *der = copy(element);
  CBS name, set, attribute, type, value;
  unsigned tag;
  if (!CBS_get_asn1(&element, &name, CBS_ASN1_SEQUENCE)) return false;
  while (CBS_len(&name) != 0) {
    if (!CBS_get_asn1(&name, &set, CBS_ASN1_SET) || CBS_len(&set) == 0) return false;
    while (CBS_len(&set) != 0) {
      if (!CBS_get_asn1(&set, &attribute, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&attribute, &type, CBS_ASN1_OBJECT) ||
          !CBS_get_any_asn1(&attribute, &value, &tag) || CBS_len(&attribute) != 0)
        return false;
      const bool text = tag == CBS_ASN1_UTF8STRING || tag == CBS_ASN1_PRINTABLESTRING;
      if (common_name && text && same_bytes(view(type), oid::common_name)) *common_name = to_text(view(value));
    }
  }
  return true;
}

bool read_key_usage(CBS value, std::uint16_t* usage) {
  CBS bits;
  std::uint8_t unused = 0;
  if (!CBS_get_asn1(&value, &bits, CBS_ASN1_BITSTRING) || CBS_len(&value) != 0 || !CBS_is_valid_asn1_bitstring(&bits) ||
      !CBS_get_u8(&bits, &unused) || CBS_len(&bits) == 0 || CBS_len(&bits) > 2)
    return false;
  std::uint16_t result = 0;
  unsigned bit = 0;
  for (const std::uint8_t byte : view(bits))
    for (int shift = 7; shift >= 0; --shift, ++bit)
      if (byte >> shift & 1) result = static_cast<std::uint16_t>(result | 1u << bit);
  *usage = result;
  return result != 0;  // An extension that permits nothing is forbidden, and 0 stands for its absence here.
}

bool read_basic_constraints(CBS value, CertificateFields* fields) {
  CBS sequence;
  int is_ca = 0;
  if (!CBS_get_asn1(&value, &sequence, CBS_ASN1_SEQUENCE) || CBS_len(&value) != 0) return false;
  // DER leaves out a default, so a FALSE that is written out is an error.
  if (CBS_peek_asn1_tag(&sequence, CBS_ASN1_BOOLEAN) && (!CBS_get_asn1_bool(&sequence, &is_ca) || !is_ca)) return false;
  fields->is_ca = is_ca != 0;
  if (CBS_len(&sequence) == 0) return true;
  std::uint64_t length = 0;
  if (!is_ca || !CBS_get_asn1_uint64(&sequence, &length) || length > 255 || CBS_len(&sequence) != 0) return false;
  fields->path_length = static_cast<std::uint32_t>(length);
  return true;
}

bool read_extended_key_usage(CBS value, CertificateFields* fields) {
  CBS sequence, purpose;
  if (!CBS_get_asn1(&value, &sequence, CBS_ASN1_SEQUENCE) || CBS_len(&value) != 0 || CBS_len(&sequence) == 0) return false;
  while (CBS_len(&sequence) != 0) {
    if (!CBS_get_asn1(&sequence, &purpose, CBS_ASN1_OBJECT)) return false;
    const bssl::UniquePtr<char> text(CBS_asn1_oid_to_text(&purpose));
    if (!text) return false;
    fields->extended_key_usage.emplace_back(text.get());
  }
  return true;
}

bool read_names(CBS value, Certificate* certificate) {
  CBS sequence, name;
  unsigned tag;
  if (!CBS_get_asn1(&value, &sequence, CBS_ASN1_SEQUENCE) || CBS_len(&value) != 0 || CBS_len(&sequence) == 0) return false;
  while (CBS_len(&sequence) != 0) {
    if (!CBS_get_any_asn1(&sequence, &name, &tag)) return false;
    if (tag == context(6) || tag == context(2)) {
      // IA5String without control characters: nothing that another reader might cut short or print differently.
      for (const std::uint8_t c : view(name))
        if (c < 0x21 || c > 0x7e) return false;
      (tag == context(6) ? certificate->fields.uri_names : certificate->fields.dns_names).push_back(to_text(view(name)));
    } else if (tag == context(7)) {
      if (CBS_len(&name) != 4 && CBS_len(&name) != 16) return false;
      certificate->fields.ip_addresses.push_back(copy(name));
    } else {
      certificate->has_other_names = true;
    }
  }
  return true;
}

bool read_authority_key_id(CBS value, Bytes* key_id) {
  CBS sequence, id;
  int present = 0;
  if (!CBS_get_asn1(&value, &sequence, CBS_ASN1_SEQUENCE) || CBS_len(&value) != 0 ||
      !CBS_get_optional_asn1(&sequence, &id, &present, context(0)))
    return false;
  if (present) *key_id = copy(id);
  return true;  // The issuer's name and serial number, if given too, add nothing.
}

Status read_extension(ByteView type, CBS value, bool critical, Certificate* certificate) {
  const auto check = [](bool ok, std::string_view name) -> Status {
    if (ok) return {};
    return fail(ErrorKind::invalid_input, fmt::format("certificate has a malformed {} extension", name));
  };
  if (same_bytes(type, oid::key_usage)) return check(read_key_usage(value, &certificate->fields.key_usage), "key usage");
  if (same_bytes(type, oid::basic_constraints))
    return check(read_basic_constraints(value, &certificate->fields), "basic constraints");
  if (same_bytes(type, oid::extended_key_usage))
    return check(read_extended_key_usage(value, &certificate->fields), "extended key usage");
  if (same_bytes(type, oid::subject_alternative_name)) return check(read_names(value, certificate), "subject alternative name");
  if (same_bytes(type, oid::authority_key_identifier))
    return check(read_authority_key_id(value, &certificate->authority_key_id), "authority key identifier");
  if (same_bytes(type, oid::subject_key_identifier)) {
    CBS id;
    const bool ok = CBS_get_asn1(&value, &id, CBS_ASN1_OCTETSTRING) && CBS_len(&value) == 0;
    if (ok) certificate->subject_key_id = copy(id);
    return check(ok, "subject key identifier");
  }
  if (!critical) return {};
  CBS identifier = to_cbs(type);
  const bssl::UniquePtr<char> text(CBS_asn1_oid_to_text(&identifier));
  return fail(ErrorKind::invalid_input,
              fmt::format("certificate has an unknown critical extension {}", text ? text.get() : "?"));
}

Status read_extensions(CBS list, Certificate* certificate) {
  constexpr std::size_t limit = 32;
  const auto malformed = [] { return fail(ErrorKind::invalid_input, "certificate has malformed extensions"); };
  std::vector<Bytes> seen;
  if (CBS_len(&list) == 0) return malformed();
  while (CBS_len(&list) != 0) {
    CBS extension, type, value;
    int critical = 0;
    if (!CBS_get_asn1(&list, &extension, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&extension, &type, CBS_ASN1_OBJECT))
      return malformed();
    if (CBS_peek_asn1_tag(&extension, CBS_ASN1_BOOLEAN) && (!CBS_get_asn1_bool(&extension, &critical) || !critical))
      return malformed();
    if (!CBS_get_asn1(&extension, &value, CBS_ASN1_OCTETSTRING) || CBS_len(&extension) != 0) return malformed();
    for (const auto& other : seen)
      if (same_bytes(other, view(type))) return fail(ErrorKind::invalid_input, "certificate has the same extension twice");
    if (seen.size() == limit) return fail(ErrorKind::too_large, fmt::format("certificate has more than {} extensions", limit));
    seen.push_back(copy(type));
    if (auto status = read_extension(view(type), value, critical != 0, certificate); !status) return status;
  }
  return {};
}

bool read_serial(CBS* in, Bytes* serial) {
  CBS integer;
  int negative = 0;
  if (!CBS_get_asn1(in, &integer, CBS_ASN1_INTEGER) || !CBS_is_valid_asn1_integer(&integer, &negative) || negative)
    return false;
  if (CBS_len(&integer) > 1 && CBS_data(&integer)[0] == 0) CBS_skip(&integer, 1);
  *serial = copy(integer);
  return serial->size() <= 20;
}

}  // namespace

Result<Certificate> parse_certificate(ByteView der) {
  auto parts = parse_signed_der(der, "certificate");
  if (!parts) return fail(parts.error());
  Certificate certificate;
  const auto malformed = [](std::string_view what) {
    return fail(ErrorKind::invalid_input, fmt::format("certificate has a malformed {}", what));
  };
  CBS in = to_cbs(parts->tbs), tbs, version, validity, spki, wrapper, extensions;
  std::uint64_t number = 0;
  KeyAlgorithm inner;
  if (!CBS_get_asn1(&in, &tbs, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&tbs, &version, context_constructed(0)) ||
      !CBS_get_asn1_uint64(&version, &number) || CBS_len(&version) != 0 || number != 2)
    return fail(ErrorKind::invalid_input, "certificate is not of version 3");
  if (!read_serial(&tbs, &certificate.serial)) return malformed("serial number");
  if (!read_signature_algorithm(&tbs, &inner) || inner != parts->algorithm) return malformed("signature algorithm");
  if (!read_name(&tbs, &certificate.issuer, nullptr)) return malformed("issuer");
  if (!CBS_get_asn1(&tbs, &validity, CBS_ASN1_SEQUENCE) || !read_time(&validity, &certificate.fields.not_before) ||
      !read_time(&validity, &certificate.fields.not_after) || CBS_len(&validity) != 0)
    return malformed("validity");
  if (!read_name(&tbs, &certificate.subject, &certificate.fields.common_name)) return malformed("subject");
  if (!CBS_get_asn1_element(&tbs, &spki, CBS_ASN1_SEQUENCE)) return malformed("public key");
  auto key = parse_public_key(view(spki));
  if (!key) return fail(key.error().kind, "certificate: " + key.error().message);
  if (CBS_len(&tbs) != 0) {
    if (!CBS_get_asn1(&tbs, &wrapper, context_constructed(3)) || CBS_len(&tbs) != 0 ||
        !CBS_get_asn1(&wrapper, &extensions, CBS_ASN1_SEQUENCE) || CBS_len(&wrapper) != 0)
      return malformed("list of extensions");
    if (auto status = read_extensions(extensions, &certificate); !status) return fail(status.error());
  }
  certificate.der.assign(der.begin(), der.end());
  certificate.key = std::move(*key);
  certificate.tbs = std::move(parts->tbs);
  certificate.signature_algorithm = parts->algorithm;
  certificate.signature = std::move(parts->signature);
  return certificate;
}

Result<std::vector<Bytes>> certificate_chain_from_pem(std::string_view pem) {
  return from_pem("CERTIFICATE", pem);
}

Result<Certificate> certificate_from_pem(std::string_view pem) {
  const auto blocks = certificate_chain_from_pem(pem);
  if (!blocks) return fail(blocks.error());
  if (blocks->size() != 1)
    return fail(ErrorKind::invalid_input, fmt::format("expected one certificate, found {}", blocks->size()));
  return parse_certificate(blocks->front());
}

std::string certificate_to_pem(ByteView der) {
  return to_pem("CERTIFICATE", der);
}

bool is_signed_by(const Certificate& certificate, const PublicKey& issuer) {
  return certificate.signature_algorithm == issuer.algorithm &&
         verify_signature(issuer, certificate.tbs, certificate.signature);
}

}  // namespace forgepool
