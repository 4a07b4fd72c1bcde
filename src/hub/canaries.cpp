#include "hub/canaries.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr std::size_t most_sources = 256;  // Jobs that ended.
constexpr std::size_t most_shards = 64;    // Of each: the last ones accepted.
constexpr std::size_t most_params_bytes = 64u << 10;
constexpr std::size_t remembered_leases = 32;

bool may_be_known(const Job& job) {
  const ContractPolicy& policy = job.contract.policy;
  return !job.canary_of && job.contract.artifacts.persist && !policy.homogeneous && job.adapter->compares_exactly(job.contract);
}

/// From 0 to `below` - 1.
std::size_t number(std::size_t below, const RandomSource& random) {
  std::array<std::uint8_t, 8> bytes{};
  random(bytes);
  std::uint64_t value = 0;
  for (const auto byte : bytes) value = value << 8 | byte;
  return static_cast<std::size_t>(value % below);  // `below` is small: the bias is not worth a loop.
}

}  // namespace

void Canaries::accepted(const Job& job, const ShardVerdict& verdict) {
  const ShardSpec& spec = job.running->plan.shards.at(verdict.shard.index);
  if (!may_be_known(job) || spec.params.size() > most_params_bytes ||
      std::ranges::count(verdict.evidence, true, &Evidence::agrees) < 2)
    return;
  KnownShard known{verdict.result, verdict.error_bound, {}};  // Who had it is known when the job is over.
  KnownShards& shards = sources_[job.id];
  if (shards.known.empty()) {
    shards.plan = {job.running->plan.contract,    job.running->plan.adapter, job.running->plan.program,
                   job.running->plan.arguments,   job.running->plan.limits,  job.running->plan.relaxations,
                   job.running->plan.determinism, job.running->plan.world,   {}};
  } else if (shards.known.size() == most_shards) {
    // Not the oldest: those would be the first of every job, which whoever knows this knows.
    const auto place = static_cast<std::ptrdiff_t>(verdict.shard.index * 2654435761u % most_shards);
    shards.known.erase(shards.known.begin() + place);
    shards.plan.shards.erase(shards.plan.shards.begin() + place);
  }
  const auto at = std::ranges::lower_bound(shards.plan.shards, spec.index, {}, &ShardSpec::index);
  shards.known.insert(shards.known.begin() + (at - shards.plan.shards.begin()), std::move(known));
  shards.plan.shards.insert(at, spec);
}

std::pair<const KnownShards*, std::vector<JobId>> Canaries::ended(const Job& job) {
  std::vector<JobId> dropped;
  const auto source = sources_.find(job.id);
  if (source == sources_.end()) return {nullptr, dropped};
  for (std::size_t i = 0; i < source->second.known.size(); ++i) {
    std::set<AgentId> agents;
    for (const AgentId* agent : job.running->shards.at(source->second.plan.shards[i].index).had) agents.insert(*agent);
    source->second.known[i].agents.assign(agents.begin(), agents.end());
  }
  ended_.push_back(job.id);
  while (ended_.size() > most_sources) {
    dropped.push_back(ended_.front());
    sources_.erase(ended_.front());
    ended_.pop_front();
  }
  return {&source->second, dropped};
}

void Canaries::restore(const JobId& job, KnownShards shards) {
  ended_.push_back(job);
  sources_.insert_or_assign(job, std::move(shards));
}

KnownShard* Canaries::find(const JobId& job, std::uint32_t shard) {
  const auto source = sources_.find(job);
  if (source == sources_.end()) return nullptr;
  const auto& shards = source->second.plan.shards;
  const auto at = std::ranges::lower_bound(shards, shard, {}, &ShardSpec::index);
  if (at == shards.end() || at->index != shard) return nullptr;
  return &source->second.known[static_cast<std::size_t>(at - shards.begin())];
}

const KnownShards* Canaries::gave(const JobId& job, std::uint32_t shard, const AgentId& agent) {
  KnownShard* known = find(job, shard);
  if (!known) return nullptr;
  if (std::ranges::find(known->agents, agent) == known->agents.end()) known->agents.push_back(agent);
  return &sources_.at(job);
}

std::vector<AgentId> Canaries::holders(const JobId& job, std::uint32_t shard) {
  const KnownShard* known = find(job, shard);
  return known ? known->agents : std::vector<AgentId>();
}

void Canaries::forget(const JobId& job) {
  sources_.erase(job);
  std::erase(ended_, job);
}

void Canaries::granted(std::size_t shards) {
  if (lease_sizes_.size() < remembered_leases)
    lease_sizes_.push_back(static_cast<std::uint32_t>(shards));
  else
    lease_sizes_[next_size_++ % remembered_leases] = static_cast<std::uint32_t>(shards);
}

std::uint32_t Canaries::due(const Digest& adapter, const RandomSource& random) {
  auto& [due, together] = due_[adapter];
  if (together == 0) together = lease_sizes_.empty() ? 1 : lease_sizes_[number(lease_sizes_.size(), random)];
  if (++due < together) return 0;
  due = 0;
  return std::exchange(together, 0);
}

std::optional<Canaries::Drawn> Canaries::draw(const Job& asking, std::uint32_t most,
                                              const std::function<bool(const JobId&, const KnownShard&)>& suits,
                                              const RandomSource& random) const {
  // Looking at what is known of every job would take the loop's time.
  constexpr std::size_t most_looked_at = 8;
  std::vector<const std::pair<const JobId, KnownShards>*> candidates;
  for (const JobId& job : ended_)
    if (const auto source = sources_.find(job); source->second.plan.adapter == asking.adapter->digest())
      candidates.push_back(&*source);
  std::vector<std::size_t> places;
  const auto look_at = [&](const std::pair<const JobId, KnownShards>& entry) {
    for (std::size_t i = 0; i < entry.second.known.size(); ++i)
      if (suits(entry.first, entry.second.known[i])) places.push_back(i);
    return !places.empty();
  };
  const std::pair<const JobId, KnownShards>* found = nullptr;
  for (std::size_t looked = 0; looked < most_looked_at && !candidates.empty() && !found; ++looked) {
    const std::size_t at = number(candidates.size(), random);
    if (look_at(*candidates[at])) found = candidates[at];
    candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(at));
  }
  if (!found) return std::nullopt;
  while (places.size() > most) places.erase(places.begin() + static_cast<std::ptrdiff_t>(number(places.size(), random)));
  const auto& [source, from] = *found;
  Drawn drawn{source, {from.plan, {}}};
  drawn.shards.plan.shards.clear();
  for (const std::size_t place : places) {
    drawn.shards.plan.shards.push_back(from.plan.shards[place]);
    drawn.shards.known.push_back(from.known[place]);
  }
  return drawn;
}

}  // namespace forgepool::hub
