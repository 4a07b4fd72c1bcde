#pragma once
/// What a simulated pool looks like: who is in it, how they behave, and what they are to compute.
#include <forgepool/contract.hpp>
#include <forgepool/testing/random.hpp>

#include <vector>

namespace forgepool::simulation {

enum class Behaviour {
  honest,    ///< Does its work, sends heartbeats, loses a message now and then.
  liar,      ///< Returns, most of the time, a wrong result of its own.
  colluder,  ///< Returns the same wrong result as all other colluders.
  slow,      ///< Sends no heartbeats, and often reports after its lease ran out.
  crashing,  ///< Vanishes in the middle of its work and comes back after a while.
  failing,   ///< Reports that some shards failed.
};

struct SimulatedAgent {
  AgentId id;
  Behaviour behaviour = Behaviour::honest;
  std::string region;
};

struct SimulatedJob {
  JobId id;
  std::uint32_t shards = 1;
  ContractPolicy policy;
};

struct Scenario {
  std::vector<SimulatedAgent> agents;
  std::vector<SimulatedJob> jobs;
  bool hub_restarts = false;

  std::size_t count(Behaviour behaviour) const;
  /// How many answers for a shard must agree.
  static std::uint32_t required(const SimulatedJob& job, bool checked);
  /// Whether honest agents are enough to complete the job, whatever the others do.
  bool must_complete(const SimulatedJob& job) const;
};

/// Every agent is honest, or anything.
Scenario random_scenario(testing::Random& random);

/// What an honest execution of the shard returns, and what liars make of it (colluders all the same).
Digest right_result(const ShardId& shard);
Digest wrong_result(const ShardId& shard, const SimulatedAgent& liar);

}  // namespace forgepool::simulation
