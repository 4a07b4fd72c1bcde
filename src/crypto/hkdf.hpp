#pragma once
/// HMAC (RFC 2104) and HKDF (RFC 5869), both over SHA-256.
#include <forgepool/digest.hpp>

namespace forgepool {

Digest hmac_sha256(ByteView key, ByteView message);

/// Derives `size` bytes (at most 255 * 32, which is a programming error to exceed) from `secret`. `info` keeps the uses apart.
Bytes hkdf_sha256(ByteView secret, ByteView salt, ByteView info, std::size_t size);

}  // namespace forgepool
