#pragma once
/// The processor of a strict program's world, as cpuid and xgetbv describe it: x86-64-v2 and nothing beyond (SSE4.2 and POPCNT,
/// no AVX, no random numbers, one logical processor), with the caches of such a processor's time. A program that asks before it
/// uses what not every processor has computes the same on all of them. Which maker is named decides where a C library looks for
/// sizes of caches. Usable without the standard library.
#include <cstdint>

namespace forgepool::sandbox::strict {

struct ProcessorAnswer {
  std::uint32_t eax, ebx, ecx, edx;
};

/// Features that are told of are also needed: where the machine lacks one, no program is strict.
constexpr std::uint32_t features_ecx = 1u << 0 /* SSE3 */ | 1u << 9 /* SSSE3 */ | 1u << 13 /* CMPXCHG16B */ |
                                       1u << 19 /* SSE4.1 */ | 1u << 20 /* SSE4.2 */ | 1u << 23 /* POPCNT */;
constexpr std::uint32_t features_edx = 1u << 0 /* x87 */ | 1u << 4 /* TSC */ | 1u << 8 /* CMPXCHG8B */ | 1u << 15 /* CMOV */ |
                                       1u << 19 /* CLFLUSH */ | 1u << 23 /* MMX */ | 1u << 24 /* FXSR */ | 1u << 25 /* SSE */ |
                                       1u << 26 /* SSE2 */;
constexpr std::uint32_t extended_features_ecx = 1u << 0 /* LAHF */;
constexpr std::uint32_t extended_features_edx = 1u << 11 /* SYSCALL */ | 1u << 29 /* 64 bits */;

/// What is saved of it: x87 and SSE.
constexpr std::uint32_t extended_state = 3;

constexpr std::uint32_t last_leaf = 4, last_extended_leaf = 0x8000'0001;

/// Leaf 4: type and level, (ways - 1, line - 1), sets - 1.
constexpr ProcessorAnswer cache(std::uint32_t type_and_level, std::uint32_t ways, std::uint32_t sets) {
  return {type_and_level | 1u << 8, (ways - 1) << 22 | 63, sets - 1, 0};
}

constexpr ProcessorAnswer processor_answer(std::uint32_t leaf, std::uint32_t subleaf) {
  switch (leaf) {
    case 0: return {last_leaf, 0x756e'6547, 0x6c65'746e, 0x4965'6e69};      // "GenuineIntel"
    case 1: return {0x0001'06a5, 0x0001'0800, features_ecx, features_edx};  // Family 6, model 26; lines of 64 bytes.
    case 2: return {0x2c30'2101, 0xe4, 0, 0};                               // 32 KiB twice, 256 KiB, 8 MiB, as in leaf 4.
    case 4:
      switch (subleaf) {
        case 0: return cache(1 | 1 << 5, 8, 64);
        case 1: return cache(2 | 1 << 5, 8, 64);
        case 2: return cache(3 | 2 << 5, 8, 512);
        case 3: return cache(3 | 3 << 5, 16, 8192);
        default: return {};
      }
    case 0x8000'0000: return {last_extended_leaf, 0, 0, 0};
    case 0x8000'0001: return {0, 0, extended_features_ecx, extended_features_edx};
    default: return {};
  }
}

}  // namespace forgepool::sandbox::strict
