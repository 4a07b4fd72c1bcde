#pragma once
/// Join tokens: what lets a new node in, once. Text form "fpj1.<32 random bytes>.<pin of the hub's key>", both base64url: the
/// secret proves the node to the hub, the pin proves the hub to the node.
#include "crypto/secret.hpp"

#include <forgepool/digest.hpp>

#include <array>
#include <string>

namespace forgepool::identity {

inline constexpr std::size_t join_secret_bytes = 32;

struct JoinToken {
  SecretBytes secret;
  Digest hub_pin;

  std::string text() const;
};

JoinToken make_join_token(const Digest& hub_pin);
/// From given random bytes.
JoinToken join_token_from(const std::array<std::uint8_t, join_secret_bytes>& random, const Digest& hub_pin);
/// invalid_input unless it has exactly the form above. The message does not repeat the token.
Result<JoinToken> parse_join_token(std::string_view text);

/// What the hub keeps instead of the secret. The secret has 256 random bits, so a plain hash under a label of its own is
/// enough.
Digest join_secret_hash(ByteView secret);
/// Compares in constant time.
bool is_join_secret(ByteView secret, const Digest& hash);

}  // namespace forgepool::identity
