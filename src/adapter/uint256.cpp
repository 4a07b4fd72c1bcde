#include "adapter/uint256.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace forgepool::adapter {
namespace {

__extension__ using Wide = unsigned __int128;

}  // namespace

std::optional<Uint256> Uint256::parse(std::string_view decimal) {
  constexpr std::size_t most_digits = 77;  // 10^77 < 2^256.
  if (decimal.empty() || decimal.size() > most_digits || (decimal.size() > 1 && decimal.front() == '0')) return std::nullopt;
  Uint256 value;
  for (const char c : decimal) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * Uint256(10) + Uint256(static_cast<std::uint64_t>(c - '0'));
  }
  return value;
}

std::string Uint256::str() const {
  std::string digits;
  Uint256 rest = *this;
  do {
    digits.push_back(static_cast<char>('0' + rest.divide_small(10)));
  } while (rest != Uint256());
  std::ranges::reverse(digits);
  return digits;
}

Uint256& Uint256::operator+=(const Uint256& other) {
  Wide carry = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    carry += Wide{limbs_[i]} + other.limbs_[i];
    limbs_[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  return *this;
}

Uint256& Uint256::operator-=(const Uint256& other) {
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const Wide difference = Wide{limbs_[i]} - other.limbs_[i] - borrow;
    limbs_[i] = static_cast<std::uint64_t>(difference);
    borrow = (difference >> 64) != 0;
  }
  return *this;
}

Uint256 operator*(const Uint256& a, const Uint256& b) {
  Uint256 product;
  for (std::size_t i = 0; i < 4; ++i) {
    Wide carry = 0;
    for (std::size_t k = 0; i + k < 4; ++k) {
      carry += Wide{a.limbs_[i]} * b.limbs_[k] + product.limbs_[i + k];
      product.limbs_[i + k] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
  }
  return product;
}

std::strong_ordering operator<=>(const Uint256& a, const Uint256& b) {
  for (std::size_t i = 4; i-- > 0;)
    if (a.limbs_[i] != b.limbs_[i]) return a.limbs_[i] <=> b.limbs_[i];
  return std::strong_ordering::equal;
}

std::uint64_t Uint256::divide_small(std::uint64_t divisor) {
  Wide remainder = 0;
  for (std::size_t i = 4; i-- > 0;) {
    const Wide part = (remainder << 64) | limbs_[i];
    limbs_[i] = static_cast<std::uint64_t>(part / divisor);
    remainder = part % divisor;
  }
  return static_cast<std::uint64_t>(remainder);
}

unsigned Uint256::bit_width() const {
  for (unsigned i = 4; i-- > 0;)
    if (limbs_[i] != 0) return i * 64 + static_cast<unsigned>(std::bit_width(limbs_[i]));
  return 0;
}

double Uint256::to_double() const {
  const unsigned width = bit_width();
  if (width <= 64) return static_cast<double>(limbs_[0]);
  // The top 64 bits, with a last bit that says whether anything was cut off: converting those rounds as converting everything
  // would.
  const unsigned shift = width - 64, limb = shift / 64, bits = shift % 64;
  std::uint64_t top = limbs_[limb] >> bits;
  if (bits != 0 && limb + 1 < 4) top |= limbs_[limb + 1] << (64 - bits);
  bool cut_off = bits != 0 && (limbs_[limb] << (64 - bits)) != 0;
  for (unsigned i = 0; i < limb; ++i) cut_off = cut_off || limbs_[i] != 0;
  return std::ldexp(static_cast<double>(top | (cut_off ? 1u : 0u)), static_cast<int>(shift));
}

}  // namespace forgepool::adapter
