#include "scheduler/job_queue.hpp"

#include <algorithm>

namespace forgepool {
namespace {

SchedulerJob without_repeated_regions(SchedulerJob job) {
  std::ranges::sort(job.regions);
  job.regions.erase(std::unique(job.regions.begin(), job.regions.end()), job.regions.end());
  return job;
}

}  // namespace

JobQueue::JobQueue(SchedulerJob job, std::uint64_t number, AgentRegistry& agents)
    : job_(without_repeated_regions(std::move(job))), number_(number), agents_(agents) {}

JobQueue::~JobQueue() {
  for (LeaseRecord* lease : leases_) agents_.remove_lease(*lease->agent, lease);
  for (Shard& each : shards_)
    for (Holder& holder : each.holders) agents_.release(*holder.agent);
}

JobQueue::Shard& JobQueue::shard(std::uint32_t index) {
  if (index >= shards_.size()) shards_.resize(std::size_t{index} + 1);
  return shards_[index];
}

JobQueue::Holder* JobQueue::find(Shard& shard, const KnownAgent& agent) {
  const auto found = std::ranges::find(shard.holders, &agent, &Holder::agent);
  return found == shard.holders.end() ? nullptr : &*found;
}

JobQueue::Holder& JobQueue::obtain(Shard& shard, KnownAgent& agent) {
  if (Holder* holder = find(shard, agent)) return *holder;
  agents_.remember(agent);
  shard.holders.push_back({.agent = &agent});
  most_holders_ = std::max<std::uint64_t>(most_holders_, shard.holders.size());
  return shard.holders.back();
}

void JobQueue::line_up(std::uint32_t index, Shard& shard) {
  if (shard.fresh || shard.returned != 0) return;
  if (index >= fresh_.end()) {
    fresh_.append(index);
    shard.fresh = true;
  } else {
    shard.returned = next_returned_++;
    returned_.emplace(shard.returned, index);
  }
}

void JobQueue::take_out(std::uint32_t index, Shard& shard) {
  if (shard.fresh) fresh_.remove(index);
  if (shard.returned != 0) returned_.erase(shard.returned);
  shard.fresh = false;
  shard.returned = 0;
}

void JobQueue::want(std::uint32_t index, std::uint32_t count) {
  if (count == 0) return;
  Shard& wanted = shard(index);
  wanted.waiting += count;
  waiting_ += count;
  line_up(index, wanted);
}

void JobQueue::settle(std::uint32_t index) {
  if (index >= shards_.size()) return;
  Shard& settled = shards_[index];
  take_out(index, settled);
  waiting_ -= settled.waiting;
  settled.waiting = 0;
  for (Holder& holder : settled.holders) holder.owed = false;
}

void JobQueue::exclude(std::uint32_t index, KnownAgent& agent) {
  begun_ = true;
  obtain(shard(index), agent).excluded = true;
}

bool JobQueue::admits(const KnownAgent& agent) const {
  if (!region_allowed(job_.regions, agent.region)) return false;
  // Only the beginning waits for company: a job whose agent was put in quarantine must still come to its end.
  if (!begun_ && eligible().present < job_.min_agents) return false;
  if (working_agents_ >= job_.max_agents) {
    const auto position = positions_.find(agent.number);
    if (position == positions_.end() || position->second.leases == 0) return false;
  }
  return true;
}

std::uint64_t JobQueue::holders_present(const Shard& shard) const {
  return static_cast<std::uint64_t>(std::ranges::count_if(shard.holders, [&](const Holder& holder) {
    return (holder.excluded || holder.lease) && holder.agent->present && region_allowed(job_.regions, holder.agent->region);
  }));
}

JobQueue::Fit JobQueue::fit(const Shard& shard, const KnownAgent& agent, Time now, std::uint64_t eligible) const {
  const auto holder = std::ranges::find(shard.holders, &agent, &Holder::agent);
  if (holder == shard.holders.end()) return Fit::yes;
  if (holder->excluded || holder->lease) return Fit::no;
  const bool others_could = eligible > holders_present(shard) + 1;
  return now < holder->avoid_until && others_could ? Fit::later : Fit::yes;
}

std::vector<std::uint32_t> JobQueue::select(const KnownAgent& agent, std::uint32_t max_shards, Time now) {
  const std::uint64_t eligible = this->eligible().present;
  const std::uint64_t sharers = std::clamp<std::uint64_t>(eligible, 1, std::max<std::uint64_t>(1, job_.max_agents));
  const std::uint64_t fair = (waiting_ + sharers - 1) / sharers;
  const std::uint64_t most = std::min<std::uint64_t>(max_shards, fair);
  Position& position = positions_[agent.number];
  std::vector<std::uint32_t> selected;

  // The position follows as long as nothing was passed that the agent may have later.
  bool follow = true;
  for (auto at = returned_.lower_bound(position.returned); at != returned_.end() && selected.size() < most; ++at) {
    const Fit fits = fit(shards_[at->second], agent, now, eligible);
    if (fits == Fit::yes) selected.push_back(at->second);
    follow = follow && fits != Fit::later;
    if (follow) position.returned = at->first + 1;
  }
  follow = true;
  for (auto at = fresh_.next(position.fresh); at < fresh_.end() && selected.size() < most; at = fresh_.next(at + 1)) {
    const Fit fits = fit(shards_[at], agent, now, eligible);
    if (fits == Fit::yes) selected.push_back(at);
    follow = follow && fits != Fit::later;
    if (follow) position.fresh = at + 1;
  }
  std::ranges::sort(selected);
  return selected;
}

void JobQueue::bind(LeaseRecord& lease) {
  begun_ = true;
  leases_.insert(&lease);
  agents_.add_lease(*lease.agent, &lease);
  if (positions_[lease.agent->number].leases++ == 0) ++working_agents_;
  for (const std::uint32_t index : lease.lease.shards) {
    Shard& bound = shard(index);
    Holder& holder = obtain(bound, *lease.agent);
    if (holder.lease) continue;  // Only after a restart, if two leases that were restored overlap.
    holder.lease = &lease;
    holder.owed = bound.waiting > 0;
    ++leased_;
    if (!holder.owed) continue;
    --waiting_;
    if (--bound.waiting == 0) take_out(index, bound);
  }
}

void JobQueue::end(LeaseRecord& lease, End how, Time avoid_until) {
  Position& position = positions_[lease.agent->number];
  if (--position.leases == 0) --working_agents_;
  for (const std::uint32_t index : lease.lease.shards) {
    Shard& ended = shards_[index];
    Holder* holder = find(ended, *lease.agent);
    if (!holder || holder->lease != &lease) continue;
    --leased_;
    holder->lease = nullptr;
    if (how != End::finished && holder->owed) want(index, 1);
    holder->owed = false;
    if (how == End::expired) holder->avoid_until = avoid_until;
    if (holder->excluded) continue;
    if (ended.fresh) position.fresh = std::min(position.fresh, index);
    if (ended.returned != 0) position.returned = std::min(position.returned, ended.returned);
    if (how != End::expired) {
      ended.holders.erase(ended.holders.begin() + (holder - ended.holders.data()));
      agents_.release(*lease.agent);
    }
  }
  leases_.erase(&lease);
  agents_.remove_lease(*lease.agent, &lease);
}

UsedUp JobQueue::used_up(std::uint64_t limit) const {
  UsedUp found;
  const std::uint64_t eligible = this->eligible().present;
  if (most_holders_ < eligible) {
    found.others = waiting_ > 0;
    return found;
  }
  const auto examine = [&](std::uint32_t index) {
    found.complete = limit > 0;
    if (limit == 0) return false;
    --limit;
    if (holders_present(shards_[index]) >= eligible)
      ++found.shards;
    else
      found.others = true;
    return true;
  };
  for (const auto& [key, index] : returned_)
    if (!examine(index)) return found;
  for (auto at = fresh_.next(0); at < fresh_.end() && examine(at); at = fresh_.next(at + 1)) {
  }
  return found;
}

}  // namespace forgepool
