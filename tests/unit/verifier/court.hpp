#pragma once
/// A verifier and jobs on it, spoken to in short words.
#include <forgepool/verifier.hpp>

#include "../../conformance/verifier/actions.hpp"

namespace forgepool::testing {

using Lines = std::vector<std::string>;

struct Court {
  std::unique_ptr<Verifier> verifier;

  Lines begin(const ContractPolicy& policy, std::uint32_t shards, const std::string& job = "j", std::uint8_t secret = 1) {
    VerifierJob begun{JobId(job), shards, policy};
    begun.secret.fill(secret);
    return describe(verifier->begin(begun));
  }
  Lines answer(const std::string& agent, std::uint32_t shard, char digest, const std::string& job = "j") {
    return describe(verifier->answer({{JobId(job), shard}, AgentId(agent), LeaseId("of-" + agent), result(digest)}));
  }
  Lines quarantine(const std::string& agent) { return describe(verifier->quarantine(AgentId(agent))); }
  Lines pardon(const std::string& agent) { return describe(verifier->pardon(AgentId(agent))); }
  std::uint64_t checks(const std::string& agent) const { return verifier->standing(AgentId(agent)).trust.checks; }
  std::string explain(std::uint32_t shard, const std::string& job = "j") const {
    return verifier->explain({JobId(job), shard});
  }
};

inline ContractPolicy adaptive(double max_error, double spotcheck_ratio = 0, Adversary adversary = {}) {
  ContractPolicy policy;
  policy.verify = VerifyMode::adaptive;
  policy.max_error = max_error;
  policy.spotcheck_ratio = spotcheck_ratio;
  policy.adversary = adversary;
  return policy;
}

}  // namespace forgepool::testing
