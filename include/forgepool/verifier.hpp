#pragma once
/// Verifier: decides, from what agents returned, which result of a shard is right, who lied, and what must be executed again. A
/// pure state machine, like the scheduler: the same calls give the same actions. The hub owns one and carries its actions out.
/// After a restart it is brought back by repeating the calls; for jobs that are over, `credit` stands for all of them.
///
/// What every verifier guarantees (tests/conformance/verifier checks it):
///  - a shard is decided at most once; if accepted, with a result that an agent not in quarantine returned, and evidence for
///  it;
///  - an agent whose result in the evidence lost against the accepted one is put in quarantine;
///  - that an execution failed is an answer like any other, and believed only with as much agreement; one that is refuted costs
///  its agent what it earned, and when it happens again and again, its work;
///  - results of agents in quarantine never count, and what they left undecided is executed again;
///  - every shard is decided in the end, as long as the executions it asks for come back.
/// Implementations: backends/adaptive_verifier.hpp, duplication_verifier.hpp, majority_verifier.hpp, boinc_verifier.hpp, and
/// any of yours.
#include <forgepool/credibility.hpp>
#include <forgepool/time.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string_view>
#include <variant>

namespace forgepool {

/// One agent's answer for one shard. The receipt that it stands in is the agent's commitment: it is signed, it is in the ledger
/// when it is acknowledged, and another one for the same lease is refused. A round of its own, in which agents send digests
/// before outputs, would add nothing: no agent is ever sent anything of another's answer, before its own is in or after. What a
/// lease holds follows from the contract alone. That it is granted may say that earlier answers differ; not what they were.
/// Agents that talk to each other are another matter, which no protocol with the hub can settle: see Adversary::collusion.
struct ShardAnswer {
  ShardId shard;
  AgentId agent;
  LeaseId lease;
  Digest result;
  /// The execution ended badly because of the program, and `result` says how (equal digests: in the same way). Agrees with
  /// equal digests alone, and never with a result.
  bool failed = false;

  friend bool operator==(const ShardAnswer&, const ShardAnswer&) = default;
};

/// Whether answers of one job that have different digests agree nevertheless: of an adapter whose outputs are numbers within
/// a tolerance, or samples of one distribution. A function of the two outputs alone, so that an auditor can repeat it.
/// Agreement is symmetric and not transitive. What makes decisions the same in whatever order answers come is that
/// they are all compared with one of them, the representative: that with which most agree; of equals the smallest digest.
class AnswerComparator {
 public:
  virtual ~AnswerComparator() = default;
  /// Called with digests of answers that came, for different ones.
  virtual bool agree(const Digest& a, const Digest& b) const = 0;
  /// Of outputs that say how they came about step by step: the first step (from 0) after which they differ.
  virtual std::optional<std::uint64_t> first_divergence(const Digest&, const Digest&) const { return std::nullopt; }
};

struct VerifierJob {
  JobId id{};
  std::uint32_t shards = 0;
  ContractPolicy policy{};
  std::array<std::uint8_t, 32> secret{};                 ///< Random and known to the hub alone: it says what is compared.
  std::shared_ptr<const AnswerComparator> comparator{};  ///< Null: answers agree if their digests are equal.
  /// Not empty: the job is a canary, see `Canary`. Of each of its shards the result, which is known; each is executed once, and
  /// there are no verdicts: who returns something else is caught, who does not passed a check.
  std::vector<Digest> known{};
  /// By what terms the job was begun (`Verifier::terms`): those it is decided by, whatever the verifier's own are by now.
  /// Empty: by its own.
  std::string terms{};
};

/// Who an agent belongs to, attested when it enrolled.
struct VerifierAgent {
  AgentId id;
  std::string operator_id{};  ///< Agents of one operator count as one when they agree. Empty: unknown, counts by itself.
};

enum class Decision {
  accepted,   ///< The result is right, as far as the policy can tell.
  failed,     ///< As surely as that, the shard's execution fails, as `result` says. The job fails with it.
  undecided,  ///< The limit of replicas was reached without the agreement that the policy asks for. The job fails.
};

/// An answer as it counted when its shard was decided.
struct Evidence : ShardAnswer {
  bool agrees = false;                         ///< With the accepted result, and of an agent not in quarantine.
  AgentTrust trust{};                          ///< What was known of the agent then; its answer for this shard not included.
  std::optional<std::uint64_t> diverges_at{};  ///< If it lost and says its steps: the first that differs from the accepted.

  friend bool operator==(const Evidence&, const Evidence&) = default;
};

/// The decision on one shard, with what it rests on.
struct ShardVerdict {
  ShardId shard;
  Decision decision = Decision::undecided;
  Digest result;                   ///< If accepted or failed: the representative.
  std::vector<Evidence> evidence;  ///< Every answer that came, in order of arrival, those that lost or were discarded included.
  std::string rule;        ///< What was applied: "full 2 of 3" (2 of the 3 answers agreed), "spotcheck unchecked, …", …
  double error_bound = 1;  ///< P(the result is wrong) against the contract's adversary, see credibility.hpp; 1 if undecided.
};

/// More executions of a shard are wanted, by agents that have not answered for it. Each must come back as an answer; whoever
/// carries this out tries again elsewhere when one cannot even begin.
struct Execute {
  ShardId shard;
  std::uint32_t count = 1;
};

/// Somebody is to be tested: give out a shard whose result is known, accepted earlier and at least as surely as `job` asks for,
/// as a job of its own (VerifierJob::known) under ids that no agent has seen, to an agent that did not have it then. Nothing
/// waits for it; if there is no such shard or agent, nothing happens.
struct Canary {
  JobId job;  ///< Whose policy asks for it.
};

/// The agent may work no more. Its unsettled answers no longer count.
struct Quarantine {
  AgentId agent;
  ShardId shard;  ///< Where it was caught.
  Digest returned;
  Digest accepted;
  std::string reason;  ///< For people.
};

/// The agent said of a shard that it fails, and it does not: what the agent earned is gone. An honest machine may have been in
/// trouble, so that is all; when it happens `refuted_claims_allowed` times, a Quarantine comes instead.
struct Discredit {
  AgentId agent;
  ShardId shard;  ///< Where it was refuted.
  Digest returned;
  Digest accepted;
  std::uint32_t refuted = 0;  ///< So many claims of the agent by now, since it last earned `refuted_claims_forgiven` checks.
};
inline constexpr std::uint32_t refuted_claims_allowed = 3;
inline constexpr std::uint64_t refuted_claims_forgiven = 20;

using VerifierAction = std::variant<Execute, ShardVerdict, Quarantine, Discredit, Canary>;

/// What an agent earned in one job.
struct AgentCredit {
  AgentId agent;
  std::uint64_t checks = 0;

  friend bool operator==(const AgentCredit&, const AgentCredit&) = default;
};

/// What is thought of an agent over all jobs.
struct AgentStanding {
  AgentTrust trust;
  bool in_quarantine = false;
};

class Verifier {
 public:
  virtual ~Verifier() = default;

  /// Who an agent is. Before its first answer, and always with the same words.
  virtual void meet(const VerifierAgent& agent) = 0;
  /// What its decisions rest on besides the calls: its rule and options, as text. Whoever repeats the calls of a job after a
  /// restart gives the terms of then (`VerifierJob::terms`).
  virtual std::string terms() const { return {}; }
  /// Whether jobs can be decided by these terms: of a verifier of the same kind, with whatever options. Empty ones always.
  virtual bool understands(std::string_view terms) const { return terms.empty() || terms == this->terms(); }
  /// A job begins.
  virtual std::vector<VerifierAction> begin(const VerifierJob& job) = 0;
  /// An answer came. Answers for unknown jobs, and second answers of one agent for one shard, change nothing. An answer for a
  /// decided shard changes no decision, but may show that its agent lies. One of an agent in quarantine is kept as evidence and
  /// replaced.
  virtual std::vector<VerifierAction> answer(const ShardAnswer& answer) = 0;
  /// The agent was put in quarantine from elsewhere (an operator, another job before a restart). Its answers are discarded
  /// where the shard is not decided; decisions stay. No Quarantine action comes back for it.
  virtual std::vector<VerifierAction> quarantine(const AgentId& agent) = 0;
  /// The agent's quarantine is over (an appeal was upheld): its answers count again where the shard is not decided, but it
  /// starts from nothing, on probation.
  virtual std::vector<VerifierAction> pardon(const AgentId& agent) = 0;
  /// As after a Discredit with this number, whose job is over. No action comes back for it.
  virtual void discredit(const AgentId& agent, std::uint32_t refuted) { static_cast<void>(agent), static_cast<void>(refuted); }
  /// The job is over; forget it. Returns what agents earned in it, ascending by id, which jobs that begin from now on know.
  virtual std::vector<AgentCredit> end(const JobId& job) = 0;
  /// As if a job had run and ended that earned this.
  virtual void credit(const std::vector<AgentCredit>& earned) = 0;

  virtual AgentStanding standing(const AgentId& agent) const = 0;
  /// What is known of a shard so far, for people. Empty for an unknown one.
  virtual std::string explain(const ShardId& shard) const = 0;
};

}  // namespace forgepool
