#pragma once
/// What is known of one job: its policy, and of each shard the answers, the executions asked for, and the decision.
#include <deque>
#include <map>
#include <unordered_set>

#include "verifier/agent_table.hpp"

namespace forgepool {

/// A ShardAnswer in little: there may be millions.
struct KnownAnswer {
  AgentNumber agent = 0;
  std::uint32_t lease = 0;  // Into JobCase::leases.
  std::uint32_t order = 0;  // Among all answers of the job.
  bool failed = false;      // The result says how.
  Digest result;
};

struct ShardCase {
  enum class State : std::uint8_t { open, accepted, failed, undecided };

  State state = State::open;
  std::uint32_t asked = 0;           // Executions asked for so far; answers that nobody asked for count as asked.
  std::uint32_t support = 0;         // Operators that agreed, when it was accepted.
  Digest result;                     // If accepted or failed.
  std::vector<KnownAnswer> answers;  // In order of arrival.

  /// Executions that were asked for and did not come back yet.
  std::uint32_t outstanding() const { return asked > answers.size() ? asked - static_cast<std::uint32_t>(answers.size()) : 0; }
  const KnownAnswer* answer_of(AgentNumber agent) const;
};

/// What one agent has before the court, in one job: answers that are being compared, and answers that wait until those before
/// them are. By the order of the answers.
struct Docket {
  std::map<std::uint32_t, std::uint32_t> comparing;          // To shards.
  std::deque<std::pair<std::uint32_t, std::uint32_t>> held;  // With shards.
};

class Rule;

struct JobCase {
  JobCase(const VerifierJob& job, std::shared_ptr<const Rule> rule, Epoch epoch);

  JobId id;
  std::shared_ptr<const Rule> rule;
  ContractPolicy policy;
  std::array<std::uint8_t, 32> secret;
  std::shared_ptr<const AnswerComparator> comparator;
  std::unordered_set<Digest> failures;  // That answers gave; nothing but themselves agrees with them.
  Epoch epoch;                          // It knows what was earned in jobs that ended until then.
  bool canary;                          // Of its shards the results are known.
  std::vector<ShardCase> shards;
  std::vector<bool> checked;      // Compared in any case. Empty: none.
  std::uint32_t checks = 0;       // How many are checked.
  std::uint32_t open_checks = 0;  // Of those: not settled yet.
  std::uint32_t orders = 0;       // Answers so far.
  std::vector<LeaseId> leases;
  std::unordered_map<LeaseId, std::uint32_t> lease_numbers;
  std::unordered_map<AgentNumber, std::vector<std::uint32_t>> answered_by;  // Shards, in order of arrival.
  std::unordered_map<AgentNumber, std::uint64_t> earned;                    // Checks passed in this job.
  // Of adaptive.
  std::unordered_map<AgentNumber, Docket> dockets;

  bool is_checked(std::uint32_t index) const { return !checked.empty() && checked[index]; }
  void choose_checked();
  std::uint32_t lease_number(const LeaseId& lease);
  bool agree(const Digest& a, const Digest& b) const {
    if (a == b || !comparator) return a == b;
    return !failures.contains(a) && !failures.contains(b) && comparator->agree(a, b);
  }
  AgentTrust trust(AgentNumber agent, const AgentTable& agents) const;
  std::vector<Evidence> evidence(std::uint32_t index, const AgentTable& agents) const;
};

/// How the answers of agents that are not in quarantine stand.
struct Tally {
  std::uint32_t valid = 0;
  std::uint32_t support = 0;          // Operators with answers that agree with the leader.
  std::uint32_t against = 0;          // Answers that do not.
  bool failed = false;                // The leader says that the execution fails.
  bool clear = false;                 // None that does not agree with the leader has as much support.
  Digest leader;                      // Of equals the smallest.
  std::vector<AgentTrust> trust;      // What is known of those that agree: of each operator's agents the most trusted one.
  const KnownAnswer* only = nullptr;  // The leader's answer if it is the only one that counts.
};
Tally tally(const JobCase& job, std::uint32_t index, const AgentTable& agents);

}  // namespace forgepool
