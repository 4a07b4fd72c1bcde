#pragma once
/// DSSE 1.0.2 envelopes: a payload, its type, and signatures over both. What is verified is what was received: nothing is
/// serialised again on the way.
#include <forgepool/digest.hpp>
#include <forgepool/keys.hpp>

#include <vector>

namespace forgepool {
class DigestVerifier;
}

namespace forgepool::identity {

inline constexpr std::string_view in_toto_payload_type = "application/vnd.in-toto+json";
inline constexpr std::size_t max_envelope_bytes = 8u << 20;
inline constexpr std::size_t max_envelope_signatures = 16;

/// The bytes that are signed: "DSSEv1 <length> <type> <length> <payload>".
Bytes pre_authentication_encoding(std::string_view payload_type, ByteView payload);

struct EnvelopeSignature {
  std::string key_id;  ///< A hint, not authenticated; empty if absent.
  Bytes signature;
};

struct Envelope {
  std::string payload_type;
  Bytes payload;
  std::vector<EnvelopeSignature> signatures;

  Bytes pae() const { return pre_authentication_encoding(payload_type, payload); }
  Digest pae_digest() const;
};

/// The JSON form of a payload signed by one key: RFC 8785, standard base64. The key id is the signer's pin.
Result<std::string> sign_envelope(std::string_view payload_type, ByteView payload, const Signer& key);

/// Reads the JSON form. Strict, except that base64 may be either alphabet, as the specification asks. Nothing is verified.
/// invalid_input (with the JSON pointer) or too_large.
Result<Envelope> parse_envelope(std::string_view text);

/// Whether one of the signatures is by `key`. unauthenticated if not, invalid_input if the payload is not of the type expected.
Status verify_envelope(const Envelope& envelope, std::string_view payload_type, const PublicKey& key);

/// The same for those who have the envelope's `pae_digest`, and a P-256 key.
Status verify_envelope(const Envelope& envelope, const Digest& pae_digest, std::string_view payload_type,
                       const DigestVerifier& key);

/// Parses and verifies; returns the payload.
Result<Bytes> open_envelope(std::string_view text, std::string_view payload_type, const PublicKey& key);

}  // namespace forgepool::identity
