#pragma once
/// The fixed policies: none, spotcheck, full, quorum.
#include "verifier/rule.hpp"

namespace forgepool {

class DuplicationRule final : public Rule {
 public:
  void begin(JobCase& job) const override;
  Opinion consider(JobCase& job, std::uint32_t index, const Tally& votes, const AgentTable& agents) const override;
  void settled(JobCase& job, std::uint32_t index, const AgentTable& agents, Consequences& consequences) const override;
  std::string name(const JobCase& job, std::uint32_t index) const override;
  std::string missing(const JobCase& job, std::uint32_t index, const Tally& votes) const override;
};

}  // namespace forgepool
