#include "scenario.hpp"

#include <algorithm>

namespace forgepool::simulation {
namespace {

Digest made_of(const std::string& text) {
  Digest digest;
  testing::Random random(std::hash<std::string>()(text));
  for (auto& byte : digest.bytes) byte = static_cast<std::uint8_t>(random.next());
  return digest;
}

SimulatedJob random_job(testing::Random& random, std::size_t number) {
  SimulatedJob job;
  job.id = JobId("j" + std::to_string(number));
  job.shards = static_cast<std::uint32_t>(random.between(1, 24));
  job.policy.verify = static_cast<VerifyMode>(random.below(4));
  job.policy.replicas = static_cast<std::uint32_t>(random.between(1, 3));
  job.policy.spotcheck_ratio = static_cast<double>(random.between(0, 4)) / 4;
  job.policy.min_agents = static_cast<std::uint32_t>(random.between(1, 3));
  if (random.chance(0.3)) job.policy.max_agents = static_cast<std::uint32_t>(random.between(1, 4));
  if (random.chance(0.3)) job.policy.regions = {"eu"};
  return job;
}

}  // namespace

std::size_t Scenario::count(Behaviour behaviour) const {
  return static_cast<std::size_t>(std::ranges::count(agents, behaviour, &SimulatedAgent::behaviour));
}

std::uint32_t Scenario::required(const SimulatedJob& job, bool checked) {
  switch (job.policy.verify) {
    case VerifyMode::none: return 1;
    case VerifyMode::spotcheck: return checked ? 2 : 1;
    case VerifyMode::full:
    case VerifyMode::quorum:
    case VerifyMode::adaptive: break;
  }
  return job.policy.replicas;
}

bool Scenario::must_complete(const SimulatedJob& job) const {
  const auto honest = static_cast<std::size_t>(std::ranges::count_if(agents, [&](const SimulatedAgent& agent) {
    return agent.behaviour == Behaviour::honest && (job.policy.regions.empty() || agent.region == job.policy.regions[0]);
  }));
  // Liars in sufficient number could put honest agents in quarantine; where one answer is enough to accept, nobody can be.
  const bool honest_are_safe = std::ranges::all_of(
      jobs, [&](const SimulatedJob& each) { return count(Behaviour::colluder) < std::max(2u, required(each, true)); });
  return honest_are_safe && honest >= std::max(required(job, true), job.policy.min_agents);
}

Scenario random_scenario(testing::Random& random) {
  Scenario scenario;
  const double honest_part = static_cast<double>(random.between(3, 10)) / 10;
  const std::uint64_t agents = random.between(1, 12);
  for (std::uint64_t i = 0; i < agents; ++i) {
    const auto behaviour = random.chance(honest_part) ? Behaviour::honest : static_cast<Behaviour>(random.between(1, 5));
    scenario.agents.push_back({AgentId("a" + std::to_string(i)), behaviour, random.chance(0.7) ? "eu" : "us"});
  }
  const std::uint64_t jobs = random.between(1, 3);
  for (std::uint64_t i = 0; i < jobs; ++i) scenario.jobs.push_back(random_job(random, i));
  scenario.hub_restarts = random.chance(0.4);
  return scenario;
}

Digest right_result(const ShardId& shard) {
  return made_of(to_string(shard));
}

Digest wrong_result(const ShardId& shard, const SimulatedAgent& liar) {
  return made_of(to_string(shard) + (liar.behaviour == Behaviour::colluder ? " agreed lie" : " lie of " + liar.id.str()));
}

}  // namespace forgepool::simulation
