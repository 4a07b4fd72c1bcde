/// The program behind measure_numeric_class(): computes what machines are known to disagree about, and writes the class to
/// /out/result. A program of its own, static, run in the sandbox. It hides its operands from the compiler, which would
/// otherwise compute on the machine that builds it.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#include <immintrin.h>
#include <unistd.h>

namespace {

template <class T>
T hidden(T value) {
  asm volatile("" : "+m"(value));
  return value;
}

/// FNV-1a. Nobody gains by a collision: a class is an agent's own word.
class Fingerprint {
 public:
  template <class T>
  void add(T value) {
    unsigned char bytes[sizeof value] = {};
    std::memcpy(bytes, &value, sizeof value);
    // Of a long double ten bytes count; the others are padding.
    const std::size_t size = sizeof value == sizeof(long double) ? 10 : sizeof value;
    for (std::size_t i = 0; i < size; ++i) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3u;
  }
  std::uint32_t value() const { return static_cast<std::uint32_t>(hash_ ^ (hash_ >> 32)); }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

// --- fused multiply-add, vectors ---------------------------------------------------------------------------------------

/// Rounded once, the product's low half survives the subtraction.
__attribute__((target("fma"))) bool fuses() {
  const double x = hidden(1.0 + 0x1p-30);
  return _mm_cvtsd_f64(_mm_fmsub_sd(_mm_set_sd(x), _mm_set_sd(x), _mm_set_sd(x * x))) == 0x1p-60;
}

__attribute__((target("avx2"))) bool adds_256() {
  const __m256i sum = _mm256_add_epi64(_mm256_set1_epi64x(hidden(1ll)), _mm256_set1_epi64x(hidden(2ll)));
  return _mm256_extract_epi64(sum, 3) == 3;
}
__attribute__((target("avx512f"))) bool adds_512() {
  alignas(64) long long sums[8] = {};
  _mm512_store_si512(sums, _mm512_add_epi64(_mm512_set1_epi64(hidden(1ll)), _mm512_set1_epi64(hidden(2ll))));
  return sums[7] == 3;
}

int vector_bits() {
  if (__builtin_cpu_supports("avx512f") && adds_512()) return 512;
  if (__builtin_cpu_supports("avx2") && adds_256()) return 256;
  return 128;
}

// --- the C library -------------------------------------------------------------------------------------------------------

constexpr double arguments[] = {1e-300,
                                0x1p-27,
                                0.1,
                                0.3333333333333333,
                                0.7071067811865476,
                                1.1,
                                2.718281828459045,
                                3.7,
                                9.87654321,
                                33.3,
                                123.456,
                                709.3,
                                1e5,
                                1e10,
                                3.141592653589793e15,
                                1e22};

void add_functions(Fingerprint& print, double x) {
  using Function = double (*)(double);
  static constexpr Function functions[] = {std::exp,  std::exp2, std::expm1, std::log,  std::log2, std::log10,  std::log1p,
                                           std::sin,  std::cos,  std::tan,   std::asin, std::acos, std::atan,   std::sinh,
                                           std::cosh, std::tanh, std::cbrt,  std::erf,  std::erfc, std::tgamma, std::lgamma};
  for (const auto function : functions) print.add(function(hidden(x)));
  for (const auto function : functions) print.add(function(hidden(-x)));
  for (const double y : {0.5, -1.7, 3.0}) print.add(std::pow(hidden(x), hidden(y)));
  print.add(std::atan2(hidden(x), hidden(1.3)));
  print.add(std::hypot(hidden(x), hidden(0.7)));
  using Single = float (*)(float);
  static constexpr Single singles[] = {std::exp, std::exp2, std::log, std::log2, std::sin, std::cos, std::tan};
  const auto narrow = static_cast<float>(x);
  for (const auto function : singles) print.add(function(hidden(narrow)));
  print.add(std::pow(hidden(narrow), hidden(0.5f)));
}

std::uint32_t library() {
  Fingerprint print;
  for (const double x : arguments) add_functions(print, x);
  // Variants of one function differ for one argument in hundreds or thousands. These are from 0 to 32 (xorshift64).
  std::uint64_t state = 0x9e3779b97f4a7c15;
  for (int i = 0; i < 4000; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    add_functions(print, static_cast<double>(state >> 11) * 0x1p-48);
  }
  return print.value();
}

// --- corners of IEEE 754 ---------------------------------------------------------------------------------------------------

double from_bits(std::uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

std::uint32_t not_numbers() {
  Fingerprint print;
  const double zero = hidden(0.0), infinite = hidden(HUGE_VAL);
  const double one = hidden(from_bits(0x7ff8000000000123)), other = hidden(from_bits(0xfff8000000000456));
  const double signalling = hidden(from_bits(0x7ff0000000000789));
  for (const double made : {zero / zero, infinite - infinite, infinite * zero, std::sqrt(hidden(-1.0))}) print.add(made);
  for (const double combined :
       {one + other, other + one, one * other, other - one, one / other, signalling + zero, zero + signalling})
    print.add(combined);
  // By the instructions themselves: what std::min makes of NaNs is up to the compiler.
  print.add(_mm_cvtsd_f64(_mm_min_sd(_mm_set_sd(one), _mm_set_sd(zero))));
  print.add(_mm_cvtsd_f64(_mm_max_sd(_mm_set_sd(zero), _mm_set_sd(one))));
  print.add(static_cast<float>(one));
  print.add(_mm_cvttsd_si64(_mm_set_sd(one)));
  print.add(_mm_cvttsd_si32(_mm_set_sd(hidden(1e300))));
  return print.value();
}

bool keeps_denormals() {
  const double least = hidden(0x1p-1022);
  const float narrow = hidden(0x1p-126f);
  const double half = hidden(least / 2);
  return least / 2 > 0 && narrow / 2 > 0 && half * 2 == least && half + half == least;
}

// --- instructions that only approximate -------------------------------------------------------------------------------------

std::uint32_t x87() {
  Fingerprint print;
  for (const double x : arguments) {
    const long double value = hidden(static_cast<long double>(x < 1e18 ? x : 0.123));
    long double result;
    asm("fsin" : "=t"(result) : "0"(value));
    print.add(result);
    asm("fcos" : "=t"(result) : "0"(value));
    print.add(result);
    asm("fldln2\n fxch\n fyl2x" : "=t"(result) : "0"(value));
    print.add(result);
    asm("f2xm1" : "=t"(result) : "0"(1.0L / (value + 2)));
    print.add(result);
    asm("fld1\n fpatan" : "=t"(result) : "0"(value));
    print.add(result);
    print.add(value / 3 + value * 0.1L);
  }
  return print.value();
}

std::uint32_t approximations() {
  Fingerprint print;
  for (int i = 1; i <= 4096; ++i) {
    const auto x = hidden(static_cast<float>(i) * 0x1.05p-4f);
    print.add(_mm_cvtss_f32(_mm_rcp_ss(_mm_set_ss(x))));
    print.add(_mm_cvtss_f32(_mm_rsqrt_ss(_mm_set_ss(x))));
  }
  return print.value();
}

// --- what surrounds a program --------------------------------------------------------------------------------------------

/// A C library chooses functions by its environment, and not only libm's: who changes it is not of a class with the others, even
/// where nothing above has noticed.
std::uint32_t environment() {
  Fingerprint print;
  for (char** variable = environ; *variable; ++variable)
    for (const char* c = *variable;; ++c) {
      print.add(*c);
      if (*c == '\0') break;
    }
  return print.value();
}

}  // namespace

/// Sandboxes without a root of their own for the program say where its outputs go: `--out DIR`.
int main(int count, char** given) {
  const char* folder = "/out";
  for (int i = 1; i + 1 < count; ++i)
    if (std::strcmp(given[i], "--out") == 0) folder = given[i + 1];
  char path[4096];
  std::snprintf(path, sizeof path, "%s/result", folder);
  __builtin_cpu_init();
  std::FILE* file = std::fopen(path, "w");
  if (!file) return 1;
  const int written = std::fprintf(file, "x86-64.fma%d.simd%d.libm-%08x.nan-%08x.denormal%d.x87-%08x.approx-%08x.env-%08x",
                                   __builtin_cpu_supports("fma") && fuses(), vector_bits(), library(), not_numbers(),
                                   keeps_denormals(), x87(), approximations(), environment());
  return written > 0 && std::fclose(file) == 0 ? 0 : 2;
}
