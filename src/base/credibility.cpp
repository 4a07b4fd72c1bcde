#include <forgepool/credibility.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace forgepool {
namespace {

double odds(double probability) {
  return probability / (1 - probability);
}
double walk(const Adversary& adversary, double lead) {
  const double ahead = std::pow(odds(adversary.fraction), lead);
  return ahead / (1 + ahead);
}

}  // namespace

double lie_bound(const Adversary& adversary, const AgentTrust& agent) {
  const double cheats = agent.on_probation ? 0.5 : adversary.fraction;
  const auto k = static_cast<double>(agent.checks);
  const double worst_rate = std::exp(k > 0 ? -k * std::log1p(1 / k) : 0.0) / (k + 1);
  return std::min(cheats, odds(cheats) * worst_rate);
}

std::uint64_t checks_needed(const Adversary& adversary, double max_error) {
  if (adversary.collusion) return std::numeric_limits<std::uint64_t>::max();
  // The bound falls with every check, and is below odds/(2 k) from the first on.
  std::uint64_t enough = static_cast<std::uint64_t>(std::ceil(odds(adversary.fraction) / max_error)) + 1, too_few = 0;
  if (lie_bound(adversary, {}) <= max_error) return 0;
  while (enough - too_few > 1) {
    const std::uint64_t middle = too_few + (enough - too_few) / 2;
    (lie_bound(adversary, {middle}) <= max_error ? enough : too_few) = middle;
  }
  return enough;
}

double error_bound(const Adversary& adversary, std::span<const AgentTrust> support, std::uint32_t against) {
  if (support.empty()) return 1;
  const auto agreeing = static_cast<double>(support.size());
  const double by_numbers = walk(adversary, agreeing - against);
  if (adversary.collusion || against >= support.size()) return by_numbers;
  double all_lied = 1, none_lied = 1;
  for (const AgentTrust& agent : support) {
    const double lied = lie_bound(adversary, agent);
    all_lied *= lied;
    none_lied *= 1 - lied;
  }
  if (against == 0) return all_lied / (all_lied + none_lied);
  double choices = 1;
  for (std::uint32_t i = 1; i <= against; ++i) choices *= (agreeing + i) / i;
  return std::min(by_numbers, choices * all_lied);
}

std::uint32_t lead_needed(const Adversary& adversary, double max_error) {
  std::uint32_t lead = 1;
  while (walk(adversary, lead) > max_error && lead < 10'000) ++lead;
  return lead;
}

double expected_lies(double compared) {
  return compared > 0 ? (1 - compared) / compared : std::numeric_limits<double>::infinity();
}

}  // namespace forgepool
