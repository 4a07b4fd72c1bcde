#pragma once
/// Verifier: decides, from what agents returned, which result of a shard is right, who lied, and what must be executed again. A
/// pure state machine, like the scheduler: the same calls give the same actions. The hub owns one and carries its actions out.
/// After a restart it is brought back by repeating the calls.
///
/// What every verifier guarantees (tests/conformance/verifier checks it):
///  - a shard is decided at most once; if accepted, with a result that an agent not in quarantine returned, and evidence for
///  it;
///  - an agent whose result in the evidence lost against the accepted one is put in quarantine;
///  - results of agents in quarantine never count, and what they left undecided is executed again;
///  - every shard is decided in the end, as long as the executions it asks for come back.
/// Implementations: backends/duplication_verifier.hpp and any of yours.
#include <forgepool/contract.hpp>
#include <forgepool/time.hpp>

#include <array>
#include <variant>

namespace forgepool {

/// One agent's answer for one shard. Two answers agree if their digests are equal.
struct ShardAnswer {
  ShardId shard;
  AgentId agent;
  LeaseId lease;
  Digest result;

  friend bool operator==(const ShardAnswer&, const ShardAnswer&) = default;
};

enum class Decision {
  accepted,   ///< The result is right, as far as the policy can tell.
  undecided,  ///< The limit of replicas was reached without the agreement that the policy asks for. The job fails.
};

/// The decision on one shard, with what it rests on.
struct ShardVerdict {
  ShardId shard;
  Decision decision = Decision::undecided;
  Digest result;  ///< If accepted.
  std::vector<ShardAnswer>
      evidence;      ///< Every answer that came, in order of arrival, those that lost or were discarded included.
  std::string rule;  ///< What was applied: "full 2 of 3" (2 of the 3 answers agreed), "spotcheck unchecked, …", …
};

/// More executions of a shard are wanted, by agents that have not answered for it. Each must come back as an answer; whoever
/// carries this out tries again elsewhere when one fails.
struct Execute {
  ShardId shard;
  std::uint32_t count = 1;
};

/// The agent may work no more. Its unsettled answers no longer count.
struct Quarantine {
  AgentId agent;
  ShardId shard;  ///< Where it was caught.
  Digest returned;
  Digest accepted;
  std::string reason;  ///< For people.
};

using VerifierAction = std::variant<Execute, ShardVerdict, Quarantine>;

class Verifier {
 public:
  virtual ~Verifier() = default;

  /// A job begins. `secret` is random and known to the hub alone: it says which shards are spot-checked.
  virtual std::vector<VerifierAction> begin(const JobId& job, std::uint32_t shards, const ContractPolicy& policy,
                                            const std::array<std::uint8_t, 32>& secret) = 0;
  /// An answer came. Answers for unknown jobs, and second answers of one agent for one shard, change nothing. An answer for a
  /// decided shard changes no decision, but may show that its agent lies. One of an agent in quarantine is kept as evidence and
  /// replaced.
  virtual std::vector<VerifierAction> answer(const ShardAnswer& answer) = 0;
  /// The agent was put in quarantine from elsewhere (an operator, another job before a restart). Its answers are discarded
  /// where the shard is not decided; decisions stay. No Quarantine action comes back for it.
  virtual std::vector<VerifierAction> quarantine(const AgentId& agent) = 0;
  /// The job is over; forget it.
  virtual void end(const JobId& job) = 0;

  /// What is known of a shard so far, for people. Empty for an unknown one.
  virtual std::string explain(const ShardId& shard) const = 0;
};

}  // namespace forgepool
