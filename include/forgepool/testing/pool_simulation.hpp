#pragma once
/// A whole pool on one thread in virtual time: the production hub, scheduler, verifier, ledger, agents and clients, over a
/// network and a disk on which everything goes wrong that can. Checkers, which know nothing of the workload, watch what happens
/// and say which promise was broken:
///
///  - leases: a shard goes to an agent only while an execution of it is wanted, never twice to one agent, never to one in
///    quarantine, and leases stay within the contract's policy;
///  - evidence: a result is accepted once, from answers that its agents reported, as many as the policy asks for; a wrong one
///    only where nothing was compared or enough agents were in it together; no honest agent is put in quarantine;
///  - ledger: it only grows, its roots and proofs are those of its leaves; what was acknowledged was durable before, and is
///    there after every crash; nothing is half applied;
///  - isolation: no agent is sent the name of a tenant, a job or another agent, or served with another's token, no tenant sees
///    another's job;
///  - organizations: nothing of one reaches agents or clients of another;
///  - residency: shards of contracts with regions reach agents in these alone;
///  - canaries: a shard that is given out again goes under other ids, to an agent that had not answered it, and catches it if
///  it
///    lies;
///  - commitment: no agent is sent another's answer for a shard before its own is in;
///  - counting: a job's result is that of all of its shards, each counted once; its evidence holds offline;
///  - progress: once nothing goes wrong any more, every job ends for which enough honest agents are there.
///
/// The seed decides everything that happens but the bits of keys, certificates and signatures, which come from the system and
/// which nothing depends on: a run with the same options happens again, event for event. Signatures are real, and checked.
#include <forgepool/scheduler.hpp>
#include <forgepool/testing/population.hpp>
#include <forgepool/testing/simulated_storage.hpp>
#include <forgepool/verifier.hpp>

#include <functional>
#include <map>

namespace forgepool::testing {

/// What goes wrong during `PoolSimulationOptions::faulty_time`. Probabilities are per request, 0 to 1; rates are expected
/// events per minute of virtual time; durations are upper limits.
struct PoolFaults {
  double lose_request = 0;
  double lose_response = 0;
  double duplicate = 0;
  double disconnect = 0;
  Duration max_delay = std::chrono::milliseconds(40);  ///< Of each message: what comes later may arrive first.
  double hub_crashes = 0;                              ///< Half of them in the middle of a commit.
  Duration max_hub_downtime = std::chrono::seconds(3);
  double agent_crashes = 0;  ///< Of all agents together; each comes back.
  Duration max_agent_downtime = std::chrono::seconds(60);
  double partitions = 0;  ///< Each cuts a random part of the agents off.
  Duration max_partition = std::chrono::seconds(40);
  double full_disks = 0;                                ///< Each lasts until the hub, which stops then, is started again.
  Duration max_commit = std::chrono::milliseconds(20);  ///< How long a commit takes; a crash may come in the middle.
  double failing_executions = 0;                        ///< Probability that an execution cannot even begin.
  bool intruders = false;  ///< An agent tries other agents' tokens and leases, and clients' requests.
};

struct SimulatedJob {
  std::uint32_t tenant = 0;
  std::uint32_t shards = 16;
  std::string policy = R"({"verify":"full","replicas":2})";  ///< As in a contract.
};

struct PoolSimulationOptions {
  std::uint64_t seed = 1;
  std::vector<AgentGroup> agents{{AgentBehaviour::honest, 4}};
  /// That share the hub: each has agents of all groups, and a ledger; tenant i is of the i-th, modulo their number, so that
  /// there are at least as many tenants.
  std::uint32_t organizations = 1;
  std::uint32_t tenants = 1;
  std::vector<SimulatedJob> jobs{{}};
  PoolFaults faults{};
  Duration faulty_time = std::chrono::seconds(60);  ///< From the beginning; jobs come during its first half.
  Duration healing_time = std::chrono::hours(1);    ///< After it; jobs must end by then.
  Duration max_execution = std::chrono::milliseconds(400);
  std::uint32_t max_shards_per_lease = 6;
  double canary_ratio = 0.01;  ///< Of the default verifier.
  bool check_bundles = true;   ///< Verify the evidence of every job that is done, offline. The greatest part of a run's cost.
  // Called for every life of the hub. Null: the production defaults; a memory ledger that survives.
  std::function<std::unique_ptr<Scheduler>()> scheduler{};
  std::function<std::unique_ptr<Verifier>()> verifier{};
  std::function<std::unique_ptr<SimulatedStorage>()> storage{};
};

/// Some population, some jobs and some faults, chosen by the seed.
FORGEPOOL_API PoolSimulationOptions random_pool(std::uint64_t seed);

struct PoolSimulationResult {
  /// "checker: what was broken, at which virtual time, with the seed". Empty: every promise was kept. The run ends at the
  /// first.
  std::vector<std::string> violations;
  std::map<std::string, std::uint64_t> faults;  ///< Injected, by kind; message delays are not counted.
  std::uint64_t events = 0;                     ///< Of the event loop.
  std::uint64_t leases = 0;
  std::uint64_t verdicts = 0;
  std::uint32_t jobs_done = 0;
  std::uint32_t jobs_failed = 0;
  std::uint32_t jobs_required = 0;  ///< That had to be done.
  std::uint32_t agents_caught = 0;
  std::uint64_t canaries = 0;  ///< Shards given out again to test who gets them.
  /// By agent, a number for everything that it was sent before it first reported, but for tokens: equal in two runs if that
  /// was.
  std::map<std::string, std::uint64_t> told{};
  std::uint64_t hub_lives = 0;
  Duration elapsed{};       ///< Virtual.
  std::uint64_t trace = 0;  ///< Changes with everything that happened: equal for equal runs.

  FORGEPOOL_API std::uint64_t injected() const;  ///< Faults of all kinds.
};

FORGEPOOL_API PoolSimulationResult simulate_pool(const PoolSimulationOptions& options);

}  // namespace forgepool::testing
