#pragma once
/// Unsigned 256-bit integers, enough for exact sums of squares: reducers must not round while they add, or the result would
/// depend on the order. Results that do not fit wrap around; callers stay within their stated bounds.
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace forgepool::adapter {

class Uint256 {
 public:
  Uint256() = default;
  Uint256(std::uint64_t value) : limbs_{value, 0, 0, 0} {}

  /// Decimal digits without leading zeros, within 256 bits.
  static std::optional<Uint256> parse(std::string_view decimal);
  std::string str() const;

  Uint256& operator+=(const Uint256& other);
  Uint256& operator-=(const Uint256& other);
  friend Uint256 operator+(Uint256 a, const Uint256& b) { return a += b; }
  friend Uint256 operator-(Uint256 a, const Uint256& b) { return a -= b; }
  friend Uint256 operator*(const Uint256& a, const Uint256& b);

  /// The nearest double (ties to even).
  double to_double() const;

  friend bool operator==(const Uint256&, const Uint256&) = default;
  friend std::strong_ordering operator<=>(const Uint256& a, const Uint256& b);

 private:
  /// Divides by `divisor` in place; returns the remainder.
  std::uint64_t divide_small(std::uint64_t divisor);
  unsigned bit_width() const;

  std::array<std::uint64_t, 4> limbs_{};  ///< Least significant first.
};

}  // namespace forgepool::adapter
