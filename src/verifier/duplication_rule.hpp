#pragma once
/// The fixed policies: none, spotcheck, full, quorum.
#include <forgepool/backends/duplication_verifier.hpp>

#include <algorithm>

#include "verifier/rule.hpp"

namespace forgepool {

class DuplicationRule final : public Rule {
 public:
  explicit DuplicationRule(DuplicationVerifierOptions options) : options_(options) {}

  std::string terms() const override;
  std::uint32_t max_executions() const override { return std::max(1u, options_.max_executions); }
  void begin(JobCase& job) const override;
  Opinion consider(JobCase& job, std::uint32_t index, const Tally& votes, const AgentTable& agents) const override;
  void settled(JobCase& job, std::uint32_t index, const AgentTable& agents, Consequences& consequences) const override;
  std::string name(const JobCase& job, std::uint32_t index) const override;
  std::string missing(const JobCase& job, std::uint32_t index, const Tally& votes) const override;

 private:
  const DuplicationVerifierOptions options_;
};

}  // namespace forgepool
