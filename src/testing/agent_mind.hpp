#pragma once
/// What one simulated agent returns, whichever simulator runs it.
#include <forgepool/testing/population.hpp>
#include <forgepool/testing/random.hpp>

namespace forgepool::testing {

class AgentMind {
 public:
  /// `ring` is the secret that those who lie together share.
  AgentMind(const AgentGroup& group, std::uint64_t ring, std::uint64_t seed) : group_(&group), ring_(ring), random_(seed) {}

  /// The answer for the shard that the key stands for: 0 is right, everything else a wrong one; equal numbers are equal
  /// answers.
  std::uint64_t answer(std::uint64_t shard_key);

  const AgentGroup& group() const { return *group_; }

 private:
  std::uint64_t alone(std::uint64_t shard_key);
  std::uint64_t with_others(std::uint64_t shard_key) const;

  const AgentGroup* group_;
  std::uint64_t ring_;
  Random random_;
  std::uint64_t answers_ = 0;
};

}  // namespace forgepool::testing
