#pragma once
/// exp, log and the normal quantile from nothing but IEEE 754 addition, multiplication, division and square root, which every
/// machine rounds alike. A mathematical library picks other code for other processors and so gives other last bits. To be
/// compiled with -ffp-contract=off and without -ffast-math.
#include <bit>
#include <cstdint>

namespace adapter_program {

/// 2^exponent for exponents of normal doubles.
inline double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

/// e^x, to about 1e-15 relative. 0 below -700, infinity above 709.
inline double exact_exp(double x) {
  if (x < -700) return 0;
  if (x > 709) return std::bit_cast<double>(std::uint64_t{0x7ff} << 52);
  // x = k ln 2 + r with |r| <= ln 2 / 2. ln 2 comes in two parts, the first short enough that k times it is exact.
  constexpr double log2_e = 1.4426950408889634, ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;
  const double scaled = x * log2_e;
  const int k = static_cast<int>(scaled + (scaled < 0 ? -0.5 : 0.5));
  const double r = (x - k * ln2_high) - k * ln2_low;
  // Taylor's series to r^13/13!: what is left off is below 5e-18.
  double sum = 1.0 / 6227020800.0;
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  return k == 1024 ? sum * power_of_two(1023) * 2 : sum * power_of_two(k);
}

/// ln x for normal x > 0, to about 1e-15 relative (absolute near 1).
inline double exact_log(double x) {
  // x = m 2^k with m in [sqrt(1/2), sqrt 2); ln m = 2 artanh((m - 1) / (m + 1)).
  constexpr double ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int k = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++k;
  }
  const double s = (m - 1) / (m + 1), z = s * s;
  // z <= 0.0295; what is left off after z^11 is below 1e-19.
  double sum = 1.0 / 23;
  sum = sum * z + 1.0 / 21;
  sum = sum * z + 1.0 / 19;
  sum = sum * z + 1.0 / 17;
  sum = sum * z + 1.0 / 15;
  sum = sum * z + 1.0 / 13;
  sum = sum * z + 1.0 / 11;
  sum = sum * z + 1.0 / 9;
  sum = sum * z + 1.0 / 7;
  sum = sum * z + 1.0 / 5;
  sum = sum * z + 1.0 / 3;
  sum = sum * z + 1.0;
  return k * ln2_high + (2 * s * sum + k * ln2_low);
}

inline double exact_sqrt(double x) {
  return __builtin_sqrt(x);
}

/// The value below which a standard normal variable is with probability p, 0 < p < 1, to about 1e-15 relative. The rational
/// approximations PPND16 of Wichura, "Algorithm AS 241: The percentage points of the normal distribution" (Applied Statistics
/// 37, 1988).
inline double normal_quantile(double p) {
  const double q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    const double r = 0.180625 - q * q;
    return q *
           (((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r + 45921.953931549871457) *
                   r +
               13731.693765509461125) *
                  r +
              1971.5909503065514427) *
                 r +
             133.14166789178437745) *
                r +
            3.3871328727963666080) /
           (((((((5226.4952788528545610 * r + 28729.085735721942674) * r + 39307.895800092710610) * r + 21213.794301586595867) *
                   r +
               5394.1960214247511077) *
                  r +
              687.18700749205790830) *
                 r +
             42.313330701600911252) *
                r +
            1.0);
  }
  double r = exact_sqrt(-exact_log(q < 0 ? p : 1 - p));
  double value;
  if (r <= 5) {
    r -= 1.6;
    value = (((((((7.74545014278341407640e-4 * r + 0.0227238449892691845833) * r + 0.241780725177450611770) * r +
                 1.27045825245236838258) *
                    r +
                3.64784832476320460504) *
                   r +
               5.76949722146069140550) *
                  r +
              4.63033784615654529590) *
                 r +
             1.42343711074968357734) /
            (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r +
                 0.148103976427480074590) *
                    r +
                0.689767334985100004550) *
                   r +
               1.67638483018380384940) *
                  r +
              2.05319162663775882187) *
                 r +
             1.0);
  } else {
    r -= 5;
    value = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.00124266094738807843860) * r +
                 0.0265321895265761230930) *
                    r +
                0.296560571828504891230) *
                   r +
               1.78482653991729133580) *
                  r +
              5.46378491116411436990) *
                 r +
             6.65790464350110377720) /
            (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r +
                 7.868691311456132591e-4) *
                    r +
                0.0148753612908506148525) *
                   r +
               0.136929880922735805310) *
                  r +
              0.599832206555887937690) *
                 r +
             1.0);
  }
  return q < 0 ? -value : value;
}

/// In (0, 1), from the upper 52 bits: the midpoints of 2^52 equal steps, so that neither end can come out.
inline double open_uniform(std::uint64_t bits) {
  return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
}

}  // namespace adapter_program
