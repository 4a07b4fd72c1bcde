#pragma once
/// Which seeds a test runs. FORGEPOOL_SEED=n replays one run; FORGEPOOL_FIRST_SEED and FORGEPOOL_SEEDS say where to begin, and
/// how many.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

namespace forgepool::simulation {

inline std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (!text) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

/// First and last.
inline std::pair<std::uint64_t, std::uint64_t> seeds(std::uint64_t count) {
  if (const auto chosen = number_from_environment("FORGEPOOL_SEED")) return {*chosen, *chosen};
  const auto first = number_from_environment("FORGEPOOL_FIRST_SEED").value_or(1);
  return {first, first + number_from_environment("FORGEPOOL_SEEDS").value_or(count) - 1};
}

}  // namespace forgepool::simulation
