#pragma once
/// Randomness from the system's generator. Protocol cores take random values as arguments instead.
#include <forgepool/bytes.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace forgepool {

/// Fills `out`. Never fails: without a source of randomness the process ends.
void fill_random(std::span<std::uint8_t> out);
Bytes random_bytes(std::size_t size);

/// `prefix` and 128 random bits as 26 characters of lower-case base32 (RFC 4648 section 6): a valid id (ids.hpp).
std::string random_id(std::string_view prefix = "");
/// The same from 16 given bytes.
std::string id_from_random(std::string_view prefix, const std::array<std::uint8_t, 16>& random);

}  // namespace forgepool
