#pragma once
/// PASETO v4.public: a signed, not encrypted, token (https://github.com/paseto-standard/paseto-spec, Version4). Ed25519 only.
#include <forgepool/keys.hpp>

namespace forgepool::identity {

inline constexpr std::size_t max_token_bytes = 8 * 1024;

/// "v4.public.<payload and signature>[.<footer>]". The implicit assertion is signed and not part of the token. invalid_input if
/// the key is not Ed25519, too_large beyond max_token_bytes.
Result<std::string> sign_token(const Signer& key, std::string_view payload, std::string_view footer = {},
                               std::string_view implicit_assertion = {});

/// The footer as it stands in a token: not verified, only good for choosing the key. invalid_input for anything that is no
/// v4.public token.
Result<std::string> token_footer(std::string_view token);

/// The payload, if `key` signed it with this footer and assertion; invalid_input or unauthenticated otherwise.
Result<std::string> verify_token(std::string_view token, const PublicKey& key, std::string_view implicit_assertion = {});

}  // namespace forgepool::identity
