#pragma once
/// A verifier whose every action is checked against the guarantees of forgepool/verifier.hpp. Each call is made on two
/// instances, which must act alike; `replayed` makes all calls again on a third.
#include <forgepool/verifier.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>

namespace forgepool::testing {

using VerifierFactory = std::function<std::unique_ptr<Verifier>()>;

class CheckedVerifier {
 public:
  explicit CheckedVerifier(VerifierFactory make) : make_(std::move(make)), real_(make_()), twin_(make_()) {}

  std::vector<VerifierAction> begin(const VerifierJob& job);
  std::vector<VerifierAction> answer(const ShardAnswer& answer);
  std::vector<VerifierAction> quarantine(const AgentId& agent);
  std::vector<VerifierAction> pardon(const AgentId& agent);
  void meet(const VerifierAgent& agent);
  void end(const JobId& job);
  /// Goes on with a fresh instance to which the calls so far are repeated.
  void restart();

  struct Shard {
    std::vector<ShardAnswer> answers;
    std::int64_t outstanding = 0;  // Executions asked for and not answered; answers that came unasked are not subtracted.
    std::optional<ShardVerdict> verdict;
    std::optional<Digest> known{};  // Of a canary.
  };
  const std::map<ShardId, Shard>& shards() const { return shards_; }
  bool in_quarantine(const AgentId& agent) const { return quarantined_.contains(agent); }

 private:
  using Call = std::function<std::vector<VerifierAction>(Verifier&)>;

  struct Recorded {
    std::optional<JobId> job;  // That it is about, alone.
    Call call;
  };

  std::vector<VerifierAction> make_call(Call call, std::optional<JobId> job = std::nullopt);
  void check(const std::vector<VerifierAction>& actions);
  void check(const Execute& execute);
  void check(const ShardVerdict& verdict);
  void check(const Quarantine& quarantine);
  void check(const Discredit& discredit);
  void check(const Canary& canary);
  void check_all() const;

  const VerifierFactory make_;
  std::unique_ptr<Verifier> real_, twin_;
  std::vector<Recorded> calls_;
  std::map<ShardId, Shard> shards_;
  std::set<AgentId> quarantined_;
};

}  // namespace forgepool::testing
