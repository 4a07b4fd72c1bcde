#include "invariants.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

namespace forgepool::simulation {

Invariants::Invariants(const Scenario& scenario) : scenario_(scenario) {
  for (const auto& each : scenario.jobs)
    for (std::uint32_t i = 0; i < each.shards; ++i) shards_[{each.id, i}];
}

const SimulatedJob& Invariants::job(const JobId& id) const {
  return *std::ranges::find(scenario_.jobs, id, &SimulatedJob::id);
}
const SimulatedAgent& Invariants::agent(const AgentId& id) const {
  return *std::ranges::find(scenario_.agents, id, &SimulatedAgent::id);
}

void Invariants::note(const std::string& text) {
  trace_ = trace_ * 31 + std::hash<std::string>()(text);
}

void Invariants::asked_for(const Execute& execute) {
  REQUIRE_FALSE(shards_.at(execute.shard).verdict);
  Shard& shard = shards_.at(execute.shard);
  if (shard.asked == 0 && execute.count == 2) shard.checked = true;
  shard.asked += execute.count;
  note("execute " + to_string(execute.shard));
}

void Invariants::granted(const Lease& lease) {
  note("grant " + lease.id.str() + " " + lease.agent.str());
  REQUIRE(every_lease_.insert(lease.id).second);
  REQUIRE_FALSE(in_quarantine(lease.agent));
  REQUIRE_FALSE(lease.shards.empty());
  const SimulatedJob& of = job(lease.job);
  REQUIRE((of.policy.regions.empty() || agent(lease.agent).region == of.policy.regions[0]));
  leases_.emplace(lease.id, lease);
  std::set<AgentId> working;
  for (const auto& [id, each] : leases_)
    if (each.job == lease.job) working.insert(each.agent);
  REQUIRE(working.size() <= of.policy.max_agents);
  for (const auto index : lease.shards) {
    Shard& shard = shards_.at({lease.job, index});
    REQUIRE_FALSE(shard.verdict);
    REQUIRE_FALSE(shard.answered.contains(lease.agent));
    REQUIRE(shard.under_way.insert(lease.agent).second);
    REQUIRE(shard.under_way.size() + shard.answered.size() <= shard.asked);
  }
}

void Invariants::ended(const Lease& lease) {
  REQUIRE(leases_.erase(lease.id) == 1);
  for (const auto index : lease.shards) REQUIRE(shards_.at({lease.job, index}).under_way.erase(lease.agent) == 1);
}

void Invariants::answered(const ShardAnswer& answer) {
  note("answer " + to_string(answer.shard) + " " + answer.agent.str() + answer.result.hex());
  REQUIRE(shards_.at(answer.shard).answered.insert(answer.agent).second);
}

std::uint32_t Invariants::agreeing(const ShardVerdict& verdict) const {
  return static_cast<std::uint32_t>(std::ranges::count_if(verdict.evidence, [&](const ShardAnswer& answer) {
    return answer.result == verdict.result && !in_quarantine(answer.agent);
  }));
}

void Invariants::decided(const ShardVerdict& verdict) {
  note("verdict " + to_string(verdict.shard) + verdict.result.hex());
  Shard& shard = shards_.at(verdict.shard);
  REQUIRE_FALSE(shard.verdict);
  REQUIRE(verdict.evidence.size() == shard.answered.size());
  shard.verdict = verdict;
  if (verdict.decision != Decision::accepted) return;
  const std::uint32_t required =
      Scenario::required(job(verdict.shard.job), verdict.rule.find("unchecked") == std::string::npos);
  const std::uint32_t agree = agreeing(verdict);
  if (agree == 1 && job(verdict.shard.job).policy.verify == VerifyMode::spotcheck)
    for (const auto& [id, other] : shards_) REQUIRE((id.job != verdict.shard.job || !other.checked || other.verdict));
  REQUIRE(agree >= required);
  if (verdict.result == right_result(verdict.shard)) return;
  // Wrong. Only where nothing was compared, or where as many as had to agree were in it together.
  REQUIRE((required == 1 || agree <= scenario_.count(Behaviour::colluder)));
  for (const auto& answer : verdict.evidence)
    if (answer.result == verdict.result) REQUIRE_FALSE(honest_when_it_answers(answer.agent));
}

bool Invariants::honest_when_it_answers(const AgentId& id) const {
  const Behaviour behaviour = agent(id).behaviour;
  return behaviour != Behaviour::liar && behaviour != Behaviour::colluder;
}

void Invariants::quarantined(const Quarantine& quarantine) {
  note("quarantine " + quarantine.agent.str());
  REQUIRE(quarantined_.insert(quarantine.agent).second);
  if (scenario_.count(Behaviour::colluder) < 2) REQUIRE_FALSE(honest_when_it_answers(quarantine.agent));
}

bool Invariants::complete(const JobId& id) const {
  return std::ranges::all_of(shards_, [&](const auto& entry) { return entry.first.job != id || entry.second.verdict; });
}

void Invariants::at_the_end() const {
  for (const auto& each : scenario_.jobs) {
    if (!scenario_.must_complete(each)) continue;
    INFO("job " << each.id.str());
    REQUIRE(complete(each.id));
    for (std::uint32_t i = 0; i < each.shards; ++i) REQUIRE(shards_.at({each.id, i}).verdict->decision == Decision::accepted);
  }
}

}  // namespace forgepool::simulation
