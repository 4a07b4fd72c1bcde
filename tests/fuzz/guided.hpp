#pragma once
/// Fuzzing that keeps what reached new code and goes on from there: libFuzzer, where the build has it (preset "fuzz", which is
/// clang's).
#include "targets.hpp"

#include <cstdint>

namespace forgepool::fuzz {

#ifdef FORGEPOOL_COVERAGE_GUIDES
inline constexpr bool coverage_guides = true;
#else
inline constexpr bool coverage_guides = false;
#endif

/// Fuzzes one target for so many seconds. The corpus grows in `fuzz-corpus-TARGET` of the working directory, where the next run
/// takes it up. A crash ends the process and leaves its input as `fuzz-crash-TARGET-…`, for --input. False without coverage.
bool run_guided(const Target& target, std::uint64_t seed, double seconds);

}  // namespace forgepool::fuzz
