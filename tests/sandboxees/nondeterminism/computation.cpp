#include "probe.hpp"

#include <xmmintrin.h>

#include <cmath>
#include <limits>

namespace {

template <class Value, class Function>
std::string over_a_range(Function function) {
  std::uint64_t hash = 0;
  for (int i = 1; i < 20'000; ++i) {
    const Value value = function(static_cast<Value>(i) * static_cast<Value>(0.00213));
    hash = hash * 31 + hash_of(&value, sizeof value);
  }
  return text("%016lx", hash);
}

}  // namespace

void add_computation(Probes& probes) {
  probes.insert(probes.end(),
                {{"exp", [] { return over_a_range<double>([](double x) { return std::exp(x); }); }},
                 {"log", [] { return over_a_range<double>([](double x) { return std::log(x); }); }},
                 {"pow", [] { return over_a_range<double>([](double x) { return std::pow(x, x / 7); }); }},
                 {"sin", [] { return over_a_range<double>([](double x) { return std::sin(x * 1000); }); }},
                 {"tan", [] { return over_a_range<double>([](double x) { return std::tan(x); }); }},
                 {"atan2", [] { return over_a_range<double>([](double x) { return std::atan2(x, 0.3); }); }},
                 {"expf", [] { return over_a_range<float>([](float x) { return std::exp(x); }); }},
                 {"powf", [] { return over_a_range<float>([](float x) { return std::pow(x, x / 7); }); }},
                 {"sinf", [] { return over_a_range<float>([](float x) { return std::sin(x * 1000); }); }},
                 {"tgamma", [] { return over_a_range<double>([](double x) { return std::tgamma(x); }); }},
                 {"denormal numbers",
                  [] { return over_a_range<double>([](double x) { return std::numeric_limits<double>::min() / 3 * x; }); }},
                 {"approximate reciprocal roots",
                  [] { return over_a_range<float>([](float x) { return _mm_cvtss_f32(_mm_rsqrt_ss(_mm_set_ss(x + 1))); }); }},
                 {"MXCSR", [] { return text("%x", _mm_getcsr() & ~0x3fu); }},
                 {"control word of the x87", [] {
                    std::uint16_t word = 0;
                    asm("fnstcw %0" : "=m"(word));
                    return text("%x", word);
                  }}});
}
