#pragma once
/// What is known of one job: its policy, and of each shard the answers, the executions asked for, and the decision.
#include <forgepool/verifier.hpp>

#include <unordered_map>

#include "verifier/agent_table.hpp"

namespace forgepool {

/// A ShardAnswer in little: there may be millions.
struct KnownAnswer {
  AgentNumber agent = 0;
  std::uint32_t lease = 0;  // Into JobCase::leases.
  Digest result;
};

struct ShardCase {
  enum class State : std::uint8_t { open, accepted, undecided };

  State state = State::open;
  std::uint32_t asked = 0;           // Executions asked for so far; answers that nobody asked for count as asked.
  std::uint32_t support = 0;         // Answers that agreed, when it was accepted.
  Digest result;                     // If accepted.
  std::vector<KnownAnswer> answers;  // In order of arrival.

  /// Executions that were asked for and did not come back yet.
  std::uint32_t outstanding() const { return asked > answers.size() ? asked - static_cast<std::uint32_t>(answers.size()) : 0; }
  const KnownAnswer* answer_of(AgentNumber agent) const;
};

/// How the answers of agents that are not in quarantine stand.
struct Tally {
  std::uint32_t valid = 0;
  std::uint32_t support = 0;  // Of the result that most agents returned.
  bool clear = false;         // More than of any other.
  Digest leader;
};
Tally tally(const ShardCase& shard, const AgentTable& agents);

struct JobCase {
  JobCase(const JobId& id, std::uint32_t shards, const ContractPolicy& policy, const std::array<std::uint8_t, 32>& secret);

  JobId id;
  VerifyMode mode;
  std::uint32_t replicas;  // That must agree; of spotcheck for the shards checked.
  std::vector<ShardCase> shards;
  std::vector<bool> checked;      // Empty unless spotcheck.
  std::uint32_t checks = 0;       // How many are checked.
  std::uint32_t open_checks = 0;  // Of those: not settled yet.
  std::vector<LeaseId> leases;
  std::unordered_map<LeaseId, std::uint32_t> lease_numbers;
  std::unordered_map<AgentNumber, std::vector<std::uint32_t>> answered_by;  // Shards, in order of arrival.

  bool is_checked(std::uint32_t index) const { return !checked.empty() && checked[index]; }
  /// How many agents must agree on the shard.
  std::uint32_t required(std::uint32_t index) const;
  /// The shard may not be accepted before the checked ones are settled. One that happened to be compared (an answer came late)
  /// is as good as checked, and must come first: it may show that what others rest on was returned by a liar.
  bool holds_back(std::uint32_t index, std::uint32_t support) const {
    return open_checks > 0 && !is_checked(index) && support < 2;
  }

  std::uint32_t lease_number(const LeaseId& lease);
  std::vector<Evidence> evidence(std::uint32_t index, const AgentTable& agents) const;
  /// ShardVerdict::rule of a settled shard.
  std::string rule(std::uint32_t index) const;
};

/// "none", "spotcheck", "full", "quorum".
std::string_view mode_name(VerifyMode mode);

}  // namespace forgepool
