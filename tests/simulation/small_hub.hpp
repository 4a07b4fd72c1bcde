#pragma once
/// As much of a hub as it takes to let a scheduler and a verifier work together: it carries out what they decide, keeps time
/// for them, and can be restarted from what a hub would have on disk (calls to the verifier, leases).
#include <forgepool/testing/virtual_event_loop.hpp>

#include <functional>
#include <memory>

#include "invariants.hpp"

namespace forgepool::simulation {

struct ShardReport {
  std::uint32_t index = 0;
  std::optional<Digest> result;  ///< None: the execution failed.
};

class SmallHub {
 public:
  SmallHub(testing::VirtualEventLoop& loop, const Scenario& scenario, Invariants& invariants);

  void submit(const SimulatedJob& job);
  void restart();

  std::optional<Lease> ask(const SimulatedAgent& agent);
  /// False if the lease ended.
  bool heartbeat(const SimulatedAgent& agent, const LeaseId& lease);
  void report(const SimulatedAgent& agent, const LeaseId& lease, const std::vector<ShardReport>& shards);

  bool all_complete() const;
  /// Every execution that is wanted is waiting or under way, and a reason is given for those that wait.
  void check_nothing_is_lost() const;

 private:
  using Call = std::function<std::vector<VerifierAction>(Verifier&)>;

  void make_parts();
  void add_to_scheduler(const SimulatedJob& job);
  void tell_verifier(const Call& call);
  void carry_out(const VerifierAction& action);
  void end(const std::vector<Lease>& leases);
  void keep_time();

  testing::VirtualEventLoop& loop_;
  const Scenario& scenario_;
  Invariants& invariants_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Verifier> verifier_;
  std::unique_ptr<Subscription> deadline_;

  // What survives a restart.
  std::vector<SimulatedJob> jobs_;
  std::vector<Call> journal_;
  std::map<ShardId, std::int64_t> outstanding_;  // Executions asked for and not answered, of undecided shards.
  std::map<ShardId, std::set<AgentId>> excluded_;
  std::map<LeaseId, Lease> leases_;
  std::uint64_t next_lease_ = 0;
};

}  // namespace forgepool::simulation
