#include "identity/paseto.hpp"

#include <fmt/core.h>

namespace forgepool::identity {
namespace {

constexpr std::string_view header = "v4.public.";
constexpr std::size_t signature_bytes = 64;

// PASETO's pre-authentication encoding: lengths are 64-bit little-endian with the highest bit clear.
Bytes pre_auth(std::initializer_list<ByteView> pieces) {
  Bytes out;
  const auto add_length = [&](std::uint64_t length) {
    for (int i = 0; i < 8; ++i) out.push_back(static_cast<std::uint8_t>(length >> 8 * i));
  };
  add_length(pieces.size());
  for (const auto piece : pieces) {
    add_length(piece.size());
    out.insert(out.end(), piece.begin(), piece.end());
  }
  return out;
}

struct Parts {
  Bytes payload;
  Bytes signature;
  Bytes footer;
};

Result<Parts> split(std::string_view token) {
  const auto malformed = [] {
    return fail(ErrorKind::invalid_input, "malformed token: expected PASETO v4.public.<payload>[.<footer>]");
  };
  if (token.size() > max_token_bytes)
    return fail(ErrorKind::too_large, fmt::format("token of {} bytes; at most {} are accepted", token.size(), max_token_bytes));
  if (!token.starts_with(header)) return malformed();
  token.remove_prefix(header.size());
  const auto dot = token.find('.');
  auto body = from_base64url(token.substr(0, dot));
  if (!body || body->size() < signature_bytes) return malformed();
  Parts parts;
  if (dot != token.npos) {
    auto footer = from_base64url(token.substr(dot + 1));
    if (!footer || footer->empty()) return malformed();  // An empty footer is left out, dot included.
    parts.footer = std::move(*footer);
  }
  const auto end = body->end() - static_cast<std::ptrdiff_t>(signature_bytes);
  parts.signature.assign(end, body->end());
  body->erase(end, body->end());
  parts.payload = std::move(*body);
  return parts;
}

}  // namespace

Result<std::string> sign_token(const Signer& key, std::string_view payload, std::string_view footer,
                               std::string_view implicit_assertion) {
  if (key.public_key().algorithm != KeyAlgorithm::ed25519)
    return fail(ErrorKind::invalid_input, "v4.public tokens are signed with Ed25519 keys");
  const auto signature =
      key.sign(pre_auth({as_bytes(header), as_bytes(payload), as_bytes(footer), as_bytes(implicit_assertion)}));
  if (!signature) return fail(signature.error());
  Bytes body = to_bytes(payload);
  body.insert(body.end(), signature->begin(), signature->end());
  std::string token = std::string(header) + to_base64url(body);
  if (!footer.empty()) token += "." + to_base64url(as_bytes(footer));
  if (token.size() > max_token_bytes)
    return fail(ErrorKind::too_large,
                fmt::format("the token would have {} bytes; at most {} are accepted", token.size(), max_token_bytes));
  return token;
}

Result<std::string> token_footer(std::string_view token) {
  return split(token).map([](const Parts& parts) { return to_text(parts.footer); });
}

Result<std::string> verify_token(std::string_view token, const PublicKey& key, std::string_view implicit_assertion) {
  const auto parts = split(token);
  if (!parts) return fail(parts.error());
  // The key's kind decides, never the token: a P-256 or other key is no key for this version.
  if (key.algorithm != KeyAlgorithm::ed25519 ||
      !verify_signature(key, pre_auth({as_bytes(header), parts->payload, parts->footer, as_bytes(implicit_assertion)}),
                        parts->signature))
    return fail(ErrorKind::unauthenticated, "the token's signature does not verify");
  return to_text(parts->payload);
}

}  // namespace forgepool::identity
