#pragma once
/// X.509 certificates (RFC 5280) and PKCS#10 certificate requests (RFC 2986), as far as this system uses them: keys are P-256
/// or Ed25519, encodings are DER and nothing but, everything is signed through a `Signer`.
///
/// The parser is strict. It refuses what it does not know where that matters (critical extensions, other algorithms, duplicate
/// extensions, non-canonical numbers and booleans), so that no two readers can see two things in one certificate.
#include <forgepool/keys.hpp>
#include <forgepool/time.hpp>

#include <optional>
#include <string>
#include <vector>

namespace forgepool {

/// Bits of the key usage extension, as in RFC 5280 section 4.2.1.3.
namespace key_usage {
inline constexpr std::uint16_t digital_signature = 1u << 0;
inline constexpr std::uint16_t key_cert_sign = 1u << 5;
inline constexpr std::uint16_t crl_sign = 1u << 6;
}  // namespace key_usage

/// Purposes of the extended key usage extension (RFC 5280 section 4.2.1.12).
inline constexpr std::string_view eku_server_auth = "1.3.6.1.5.5.7.3.1";
inline constexpr std::string_view eku_client_auth = "1.3.6.1.5.5.7.3.2";

/// What a certificate says, apart from whose it is and who signed it.
struct CertificateFields {
  std::string common_name;  ///< Of the subject; empty for an empty subject. At most 64 bytes.
  Time not_before{};        ///< Whole seconds; a fraction is cut off.
  Time not_after{};         ///< Inclusive.
  bool is_ca = false;
  std::optional<std::uint32_t> path_length;     ///< Only with is_ca: how many CAs may stand below this one.
  std::uint16_t key_usage = 0;                  ///< Bits of namespace key_usage; 0 if the extension is absent.
  std::vector<std::string> extended_key_usage;  ///< Dotted object identifiers; empty if the extension is absent.
  std::vector<std::string> uri_names;           ///< Subject alternative names.
  std::vector<std::string> dns_names;
  std::vector<Bytes> ip_addresses;  ///< 4 or 16 bytes each.
};

/// A parsed certificate. Nothing in it is trusted before `verify_chain` has said so.
struct Certificate {
  Bytes der;
  CertificateFields fields;
  PublicKey key;
  Bytes serial;                  ///< Big-endian, without leading zeros.
  Bytes issuer, subject;         ///< Names, DER.
  bool has_other_names = false;  ///< The subject alternative name holds kinds of names not in `fields` (e-mail, directory, …).
  Bytes subject_key_id, authority_key_id;  ///< Empty if absent.

  Bytes tbs;  ///< The signed part.
  KeyAlgorithm signature_algorithm = KeyAlgorithm::ecdsa_p256;
  Bytes signature;
};

/// `invalid_input` (or `too_large`) with the reason.
Result<Certificate> parse_certificate(ByteView der);
Result<Certificate> certificate_from_pem(std::string_view pem);               ///< Exactly one.
Result<std::vector<Bytes>> certificate_chain_from_pem(std::string_view pem);  ///< DER each, not parsed further.
std::string certificate_to_pem(ByteView der);

struct CaProfile {
  std::string common_name;
  Time not_before{};
  Time not_after{};
  std::uint32_t path_length = 0;
};

/// A self-signed certificate (DER) for `key`: CA:TRUE, keyCertSign and cRLSign, key identifiers.
Result<Bytes> make_ca_certificate(const Signer& key, const CaProfile& profile);

/// A certificate (DER) for `subject`, signed by the CA: its validity is cut to that of the CA. invalid_input for fields that
/// cannot be encoded, an empty validity, or a `ca` whose key is not `ca_key`.
Result<Bytes> make_certificate(const Certificate& ca, const Signer& ca_key, const PublicKey& subject,
                               const CertificateFields& fields);

/// Why a certificate is not to be believed (RFC 5280 section 5.3.1).
enum class RevocationReason : std::uint8_t {
  unspecified = 0,
  certificate_hold = 6,  ///< May end: the certificate can be missing from a later list.
  privilege_withdrawn = 9,
};
struct RevokedCertificate {
  Bytes serial;  ///< As in Certificate.
  Time at{};
  RevocationReason reason = RevocationReason::unspecified;
};
struct RevocationList {
  Time this_update{}, next_update{};  ///< Whole seconds; a fraction is cut off.
  std::uint64_t number = 0;           ///< Each list of a CA has a larger one than those before.
  std::vector<RevokedCertificate> revoked;
};
/// A complete certificate revocation list (DER; RFC 5280 section 5, version 2) by the CA of what it issued. invalid_input for a
/// key that is not that of `ca`, a CA that may not sign lists, dates in the wrong order, and serial numbers that are empty or
/// repeated.
Result<Bytes> make_revocation_list(const Certificate& ca, const Signer& ca_key, RevocationList list);
std::string revocation_list_to_pem(ByteView der);

/// True if `issuer`'s key made the certificate's signature.
bool is_signed_by(const Certificate& certificate, const PublicKey& issuer);

/// Checks that `chain` (DER, leaf first; the root may be left out) leads to `root` at time `now`: names, key identifiers,
/// signatures, validity, basic constraints, key usage, path lengths. Returns the leaf. What the leaf may be used for is the
/// caller's question. Errors are `unauthenticated` with one of the codes (see reason.hpp):
/// chain_malformed, chain_length, chain_issuer, chain_signature, certificate_expired, certificate_not_yet_valid, issuer_not_ca.
Result<Certificate> verify_chain(const std::vector<Bytes>& chain, const Certificate& root, Time now);

/// A PKCS#10 request (DER) that proves possession of `key`.
Result<Bytes> make_certificate_request(const Signer& key, std::string_view common_name = "");

struct CertificateRequest {
  PublicKey key;
  Bytes subject;  ///< Name, DER: what the requester calls itself. Never to be believed.
};

/// Parses a request and checks its signature; `invalid_input` if malformed, `unauthenticated` if not signed by its own key.
Result<CertificateRequest> parse_certificate_request(ByteView der);
Result<Bytes> certificate_request_from_pem(std::string_view pem);
std::string certificate_request_to_pem(ByteView der);

}  // namespace forgepool
