#include "identity/dsse.hpp"

#include "crypto/digest.hpp"
#include "crypto/keys.hpp"
#include "identity/key_id.hpp"
#include "wire/json_reader.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::identity {
namespace {

// Either alphabet (the specification asks for it), the URL-safe one with or without padding. Mixed alphabets fail in both
// decoders.
Bytes read_base64(json::ObjectReader& reader, std::string_view key, std::size_t max_chars) {
  const std::string* found = reader.text(key, max_chars);
  std::string_view text = found ? std::string_view(*found) : std::string_view();
  auto bytes = from_base64(text);
  if (!bytes) {
    if (text.size() % 4 == 0) text.remove_suffix(text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0);
    bytes = from_base64url(text);
  }
  if (!bytes) reader.refuse(key, "expected base64");
  return bytes.value_or(Bytes{});
}

Result<EnvelopeSignature> read_signature(const json::Value& value, std::string pointer) {
  EnvelopeSignature signature;
  json::ObjectReader reader(value, std::move(pointer));
  signature.key_id = reader.string("keyid", 256, "");
  signature.signature = read_base64(reader, "sig", 8192);
  if (auto status = reader.finish(); !status) return fail(status.error());
  return signature;
}

/// What of the encoding stands before the payload.
std::string pae_start(std::string_view payload_type, ByteView payload) {
  return fmt::format("DSSEv1 {} {} {} ", payload_type.size(), payload_type, payload.size());
}

/// `verify` takes a signature. The key id is only a hint, and no reason to skip one.
template <class Verify>
Status verify_any(const Envelope& envelope, std::string_view payload_type, const Verify& verify) {
  if (std::ranges::none_of(envelope.signatures, verify, &EnvelopeSignature::signature))
    return fail(ErrorKind::unauthenticated, "envelope: no signature by the expected key over this payload");
  if (envelope.payload_type != payload_type)
    return fail(ErrorKind::invalid_input, fmt::format("envelope: the payload is not of the type {}", payload_type));
  return {};
}

}  // namespace

Bytes pre_authentication_encoding(std::string_view payload_type, ByteView payload) {
  Bytes out = to_bytes(pae_start(payload_type, payload));
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Digest Envelope::pae_digest() const {
  return Sha256().update(pae_start(payload_type, payload)).update(payload).finish();
}

Result<std::string> sign_envelope(std::string_view payload_type, ByteView payload, const Signer& key) {
  const auto signature = key.sign(pre_authentication_encoding(payload_type, payload));
  if (!signature) return fail(signature.error());
  std::string text = json::canonicalize(json::Object{
      {"payload", to_base64(payload)},
      {"payloadType", payload_type},
      {"signatures", json::Array{json::Object{{"keyid", key_id(key.public_key())}, {"sig", to_base64(*signature)}}}}});
  if (text.size() > max_envelope_bytes)
    return fail(ErrorKind::too_large, fmt::format("the signed envelope would have {} bytes; at most {} are accepted",
                                                  text.size(), max_envelope_bytes));
  return text;
}

Result<Envelope> parse_envelope(std::string_view text) {
  const auto value = json::parse(text, max_envelope_bytes);
  if (!value) return fail(value.error().kind, "envelope: " + value.error().message);
  Envelope envelope;
  json::ObjectReader reader(*value, "");
  envelope.payload_type = reader.string("payloadType", 256, {}, 1);
  envelope.payload = read_base64(reader, "payload", max_envelope_bytes);
  const auto* signatures = reader.array("signatures", 1, max_envelope_signatures);
  for (std::size_t i = 0; signatures && i < signatures->size(); ++i) {
    auto signature = read_signature((*signatures)[i], json::pointer_to(reader.pointer("signatures"), i));
    if (!signature)
      reader.refuse(signature.error());
    else
      envelope.signatures.push_back(std::move(*signature));
  }
  if (auto status = reader.finish(); !status) return fail(status.error().kind, "envelope: " + status.error().message);
  return envelope;
}

Status verify_envelope(const Envelope& envelope, std::string_view payload_type, const PublicKey& key) {
  const Bytes signed_bytes = envelope.pae();
  return verify_any(envelope, payload_type,
                    [&](const Bytes& signature) { return verify_signature(key, signed_bytes, signature); });
}

Status verify_envelope(const Envelope& envelope, const Digest& pae_digest, std::string_view payload_type,
                       const DigestVerifier& key) {
  return verify_any(envelope, payload_type, [&](const Bytes& signature) { return key.verify(pae_digest, signature); });
}

Result<Bytes> open_envelope(std::string_view text, std::string_view payload_type, const PublicKey& key) {
  auto envelope = parse_envelope(text);
  if (!envelope) return fail(envelope.error());
  if (auto status = verify_envelope(*envelope, payload_type, key); !status) return fail(status.error());
  return std::move(envelope->payload);
}

}  // namespace forgepool::identity
