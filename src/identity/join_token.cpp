#include "identity/join_token.hpp"

#include "crypto/digest.hpp"
#include "crypto/random.hpp"

#include <algorithm>

namespace forgepool::identity {
namespace {

constexpr std::string_view prefix = "fpj1.";

}  // namespace

std::string JoinToken::text() const {
  return std::string(prefix) + to_base64url(secret.view()) + "." + to_base64url(hub_pin.bytes);
}

JoinToken join_token_from(const std::array<std::uint8_t, join_secret_bytes>& random, const Digest& hub_pin) {
  return {SecretBytes(Bytes(random.begin(), random.end())), hub_pin};
}

JoinToken make_join_token(const Digest& hub_pin) {
  return {SecretBytes(random_bytes(join_secret_bytes)), hub_pin};
}

Result<JoinToken> parse_join_token(std::string_view text) {
  const auto malformed = [] {
    return fail(ErrorKind::invalid_input,
                "malformed join token: expected fpj1.<secret>.<pin> as printed when it was made; copy it whole");
  };
  if (!text.starts_with(prefix)) return malformed();
  text.remove_prefix(prefix.size());
  const auto dot = text.find('.');
  if (dot == text.npos) return malformed();
  auto secret = from_base64url(text.substr(0, dot));
  const auto pin = from_base64url(text.substr(dot + 1));
  JoinToken token;
  if (!secret || secret->size() != join_secret_bytes || !pin || pin->size() != token.hub_pin.bytes.size()) return malformed();
  token.secret = SecretBytes(std::move(*secret));
  std::ranges::copy(*pin, token.hub_pin.bytes.begin());
  return token;
}

Digest join_secret_hash(ByteView secret) {
  return Sha256().update("forgepool join token v1\n").update(secret).finish();
}

bool is_join_secret(ByteView secret, const Digest& hash) {
  return equal_in_constant_time(join_secret_hash(secret).bytes, hash.bytes);
}

}  // namespace forgepool::identity
