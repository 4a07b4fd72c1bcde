#include "sandbox/strict_trials.hpp"

#include "sandbox/strict/processor.hpp"

#include <catch2/catch_test_macros.hpp>

namespace forgepool::sandbox {
namespace {

ProcessorFeatures everything() {
  return {~0u, ~0u, ~0u, ~0u};
}

TEST_CASE("a processor that lacks what the strict world tells of is told apart, by name") {
  CHECK(missing_features(everything()).empty());
  CHECK(missing_features(
            {strict::features_ecx, strict::features_edx, strict::extended_features_ecx, strict::extended_features_edx})
            .empty());
  auto old = everything();
  old.ecx &= ~(1u << 20 | 1u << 23);
  CHECK(missing_features(old) == "SSE4.2, POPCNT");
  CHECK_FALSE(missing_features({}).empty());
}

TEST_CASE("every feature of the strict world has a name, so that none can be missing silently") {
  for (int bit = 0; bit < 32; ++bit)
    for (auto part : {&ProcessorFeatures::ecx, &ProcessorFeatures::edx, &ProcessorFeatures::extended_ecx,
                      &ProcessorFeatures::extended_edx}) {
      const ProcessorFeatures world{strict::features_ecx, strict::features_edx, strict::extended_features_ecx,
                                    strict::extended_features_edx};
      auto without = world;
      without.*part &= ~(1u << bit);
      INFO("bit " << bit);
      CHECK(missing_features(without).empty() == (without.*part == world.*part));
    }
}

TEST_CASE("the strict world's processor is x86-64-v2 without what a machine may add") {
  const auto basic = strict::processor_answer(0, 0);
  CHECK(basic.eax == strict::last_leaf);
  for (const std::uint32_t leaf : {5u, 7u, 0xbu, 0xdu, 0x14u, 0x19u, 0x4000'0000u, 0x8000'0007u, ~0u})
    CHECK((strict::processor_answer(leaf, 0).eax | strict::processor_answer(leaf, 0).ebx) == 0);
  const auto features = strict::processor_answer(1, 0);
  constexpr std::uint32_t rdrand = 1u << 30, avx = 1u << 28, xsave = 1u << 27 | 1u << 26, fma = 1u << 12;
  CHECK((features.ecx & (rdrand | avx | xsave | fma)) == 0);
  // Caches end: who counts them comes to an end, too.
  CHECK(strict::processor_answer(4, 4).eax == 0);
}

}  // namespace
}  // namespace forgepool::sandbox
