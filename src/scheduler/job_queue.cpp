#include "scheduler/job_queue.hpp"

#include "base/checked_arithmetic.hpp"

#include <algorithm>
#include <unordered_set>

namespace forgepool::scheduling {
namespace {

// Passing over so many shards once is cheaper than remembering not to.
constexpr std::uint64_t cheap_to_pass = 8;
// Of the oldest leases of a job, so many are looked at for stragglers.
constexpr std::size_t most_suspects = 64;
// Before so many shards came back, nobody can say how long one takes.
constexpr std::uint64_t enough_finished = 3;
// One agent may hold so many times its fair part of a job at once: machines differ.
constexpr std::uint64_t most_fair_parts = 4;
// Old durations count less and less.
constexpr std::uint64_t most_finished = 4096;

}  // namespace

JobQueue::JobQueue(SchedulerJob job, std::uint32_t number, std::uint64_t arrival, Time added, Roster& roster,
                   LeaseTable& leases)
    : job_(std::move(job)),
      number_(number),
      arrival_(arrival),
      added_(added),
      roster_(roster),
      leases_(leases),
      job_class_(roster.obtain_class(job_)),
      adapter_(roster.adapter_number(job_.adapter)),
      chooses_(job_.homogeneous || job_.spread != ReplicaSpread{}) {
  id_ = job_.id;
}

JobQueue::~JobQueue() {
  for (const Holder& holder : holders_)
    if (holder.agent != none) roster_.release(holder.agent);
  roster_.release_class(job_class_);
}

std::vector<std::uint32_t> JobQueue::leases() const {
  std::vector<std::uint32_t> numbers;
  for (const Entry& entry : granted_)
    if (leases_.under_way(entry.lease, entry.serial)) numbers.push_back(entry.lease);
  return numbers;
}

// --- shards and who has or had them ------------------------------------------------------------------------------------

JobQueue::Shard& JobQueue::shard(std::uint32_t index) {
  if (index >= shards_.size()) {
    shards_.resize(std::size_t{index} + 1);
    fetch_end(shards_);
  }
  return shards_[index];
}

std::uint32_t JobQueue::obtain(Shard& shard, std::uint32_t agent) {
  std::uint64_t count = 1;
  std::uint32_t number = none;
  for (auto at = shard.holders; at != none; at = holders_[at].next) {
    if (holders_[at].agent == agent) return at;
    if (holders_[at].agent == none)
      number = at;
    else
      ++count;
  }
  most_holders_ = std::max(most_holders_, count);
  if (number == none) {
    number = static_cast<std::uint32_t>(holders_.size());
    holders_.emplace_back().next = shard.holders;
    fetch_end(holders_);
    shard.holders = number;
  }
  holders_[number].agent = agent;
  roster_.remember(agent);
  return number;
}

void JobQueue::remove(Holder& holder) {
  const auto agent = holder.agent;
  holder = {.next = holder.next};
  roster_.release(agent);
}

// --- lines -------------------------------------------------------------------------------------------------------------

std::uint32_t JobQueue::line_for(std::uint32_t numeric_class) {
  const auto found = std::ranges::find(lines_, numeric_class, &Line::numeric_class);
  if (found != lines_.end()) return static_cast<std::uint32_t>(found - lines_.begin());
  lines_.push_back({numeric_class, {}});
  return static_cast<std::uint32_t>(lines_.size() - 1);
}

void JobQueue::line_up(std::uint32_t index, Shard& shard) {
  if (shard.numeric_class == 0 && index >= fresh_.end()) {
    fresh_.append(index);
    shard.line = fresh_line;
    return;
  }
  shard.line = line_for(shard.numeric_class);
  shard.place = next_place_++;
  lines_[shard.line].order.emplace_hint(lines_[shard.line].order.end(), shard.place, index);
}

void JobQueue::take_out(std::uint32_t index, Shard& shard) {
  if (shard.line == fresh_line)
    fresh_.remove(index);
  else
    lines_[shard.line].order.erase(shard.place);
  shard.line = none;
}

void JobQueue::settle_line(std::uint32_t index, Shard& shard, std::uint32_t before) {
  const auto after = shard.waiting();
  waiting_ += after;
  waiting_ -= before;
  if (after > 0 && shard.line == none) line_up(index, shard);
  if (after == 0 && shard.line != none) take_out(index, shard);
}

std::uint32_t JobQueue::class_of_holders(const Shard& shard) const {
  for (auto at = shard.holders; at != none; at = holders_[at].next)
    if (counts(holders_[at]))
      if (const auto number = roster_.class_of(roster_.agent(holders_[at].agent)).numeric_class; number != 0) return number;
  return 0;
}

void JobQueue::pin(std::uint32_t index, Shard& shard, std::uint32_t numeric_class) {
  if (shard.numeric_class == numeric_class) return;
  shard.numeric_class = numeric_class;
  if (shard.line == none) return;
  take_out(index, shard);
  line_up(index, shard);
}

// --- what is wanted ----------------------------------------------------------------------------------------------------

void JobQueue::want(std::uint32_t index, std::uint32_t count) {
  if (count == 0) return;
  Shard& wanted = shard(index);
  const auto before = wanted.waiting();
  wanted.wanted += count;
  settle_line(index, wanted, before);
}

void JobQueue::settle(std::uint32_t index) {
  if (index >= shards_.size()) return;
  Shard& settled = shards_[index];
  const auto before = settled.waiting();
  settled.wanted = 0;
  settle_line(index, settled, before);
}

void JobQueue::exclude(std::uint32_t index, std::uint32_t agent, Left left) {
  begun_ = true;
  Shard& of = shard(index);
  Holder& holder = holders_[obtain(of, agent)];
  holder.failed = left == Left::nothing && (holder.failed || !holder.excluded);
  holder.excluded = true;
  if (holder.failed) {
    // It may have been the only one that kept others away.
    if (chooses_) ++opened_;
    if (of.numeric_class != 0) pin(index, of, class_of_holders(of));
    return;
  }
  if (job_.homogeneous && of.numeric_class == 0) pin(index, of, roster_.class_of(roster_.agent(agent)).numeric_class);
}

void JobQueue::avoid(std::uint32_t index, std::uint32_t agent, Time until) {
  Holder& holder = holders_[obtain(shard(index), agent)];
  holder.avoid_until = std::max(holder.avoid_until, until);
}

// --- who gets what -----------------------------------------------------------------------------------------------------

bool JobQueue::admits(const Agent& agent) const {
  // Only the beginning waits for company: a job whose agent was put in quarantine must still come to its end.
  if (!begun_ && eligible() < job_.min_agents) return false;
  return working_agents_ < job_.max_agents || leases_.held(agent, number_).leases > 0;
}

std::uint64_t JobQueue::room_for(const Agent& agent, const AgentClass& as) const {
  const JobClass& asking = roster_.job_class(job_class_);
  const std::uint64_t sharers = std::min<std::uint64_t>(asking.eligible, job_.max_agents), all = waiting_ + leased_;
  if (sharers < 2) return all;
  const auto part = [&](std::uint64_t of) { return (all + of - 1) / of; };
  const auto left = [](std::uint64_t most, std::uint64_t held) { return most > held ? most - held : 0; };
  std::uint64_t room = left(std::min(most_fair_parts * part(sharers), part(2)), leases_.held(agent, number_).shards);
  if (as.operator_id == 0) return room;
  const auto own = asking.eligible_of.find(as.operator_id);
  if (own == asking.eligible_of.end() || own->second == asking.eligible) return room;  // Nobody else is there.
  const auto held = leased_to_.find(as.operator_id);
  return std::min(room, left(part(2), held == leased_to_.end() ? 0 : held->second));
}

bool JobQueue::clashes(const Shard& shard, const AgentClass& agent) const {
  const ReplicaSpread& spread = job_.spread;
  for (auto at = shard.holders; at != none; at = holders_[at].next) {
    if (!counts(holders_[at])) continue;
    const AgentClass& other = roster_.class_of(roster_.agent(holders_[at].agent));
    if (job_.homogeneous && other.numeric_class != 0 && other.numeric_class != agent.numeric_class) return true;
    if ((spread.operators && other.operator_id == agent.operator_id) || (spread.networks && other.network == agent.network) ||
        (spread.regions && other.region == agent.region))
      return true;
  }
  return false;
}

std::uint64_t JobQueue::eligible_of(std::uint32_t numeric_class) const {
  if (numeric_class == 0) return eligible();
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < roster_.agent_classes().size(); ++i)
    if (roster_.agent_classes()[i].numeric_class == numeric_class && roster_.fits(job_class_, i))
      sum += roster_.agent_classes()[i].present;
  return sum;
}

std::uint64_t JobQueue::holders_present(const Shard& shard, std::uint32_t numeric_class) const {
  std::uint64_t present = 0;
  for (auto at = shard.holders; at != none; at = holders_[at].next) {
    if (!has_or_had(holders_[at])) continue;
    const Agent& agent = roster_.agent(holders_[at].agent);
    if (!agent.present || !roster_.fits(job_class_, agent.agent_class)) continue;
    present += numeric_class == 0 || roster_.class_of(agent).numeric_class == numeric_class;
  }
  return present;
}

JobQueue::Fit JobQueue::fit(const Shard& shard, std::uint32_t agent, const AgentClass& as, Time now) const {
  for (auto at = shard.holders; at != none; at = holders_[at].next) {
    if (holders_[at].agent != agent) continue;
    if (has_or_had(holders_[at])) return Fit::no;
    if (now >= holders_[at].avoid_until) break;
    const bool others_could = eligible_of(shard.numeric_class) > holders_present(shard, shard.numeric_class) + 1;
    if (others_could) return Fit::later;
  }
  if (chooses_ && clashes(shard, as)) return Fit::no;
  return Fit::yes;
}

JobQueue::Position* JobQueue::position_of(std::uint32_t agent) {
  if (positions_.empty()) return nullptr;
  const auto found = positions_.find(agent);
  if (found == positions_.end()) return nullptr;
  if (found->second.serial == roster_.serial(agent) && found->second.valid_for == validity()) return &found->second;
  positions_.erase(found);
  return nullptr;
}

std::vector<std::uint32_t> JobQueue::select(std::uint32_t agent_number, std::uint64_t most, Time now) {
  const Agent& agent = roster_.agent(agent_number);
  const AgentClass& as = roster_.class_of(agent);
  const std::uint64_t sharers = std::clamp<std::uint64_t>(eligible(), 1, std::max<std::uint64_t>(1, job_.max_agents));
  most = std::min({most, (waiting_ + sharers - 1) / sharers, room_for(agent, as), std::uint64_t{job_.max_shards_per_lease}});

  const Position* known = position_of(agent_number);
  Position position = known ? *known : Position{.valid_for = validity()};
  std::vector<std::uint32_t> selected;
  std::uint64_t passed = 0;
  bool follow = true;
  const auto take = [&](std::uint32_t index) {
    const Fit fits = fit(shards_[index], agent_number, as, now);
    if (fits == Fit::yes)
      selected.push_back(index);
    else
      ++passed;
    follow = follow && fits != Fit::later;
    return follow;
  };
  const auto walk = [&](const Line& line, std::uint64_t& from) {
    follow = true;
    for (auto at = line.order.lower_bound(from); at != line.order.end() && selected.size() < most; ++at)
      if (take(at->second)) from = at->first + 1;
  };
  if (job_.homogeneous)
    if (const auto own = line_for(as.numeric_class); own != common_line) walk(lines_[own], position.lines[0]);
  if (!lines_[common_line].order.empty()) walk(lines_[common_line], position.lines[1]);
  follow = true;
  first_fresh_ = fresh_.next(first_fresh_);
  for (auto at = std::max(first_fresh_, position.fresh); selected.size() < most; ++at) {
    at = fresh_.next(at);
    if (at == fresh_.end()) break;
    if (!take(at)) continue;
    position.fresh = at + 1;
    if (at + 2 < shards_.size()) fetch_ahead(&shards_[at + 2]);  // For whoever comes next.
  }
  if (known || passed > cheap_to_pass) {
    position.serial = roster_.serial(agent_number);
    positions_[agent_number] = position;
  }
  if (selected.size() > 1) std::ranges::sort(selected);
  return selected;
}

// --- leases ------------------------------------------------------------------------------------------------------------

void JobQueue::bind(std::uint32_t number) {
  begun_ = true;
  LeaseRecord& lease = leases_[number];
  granted_.push_back({number, leases_.serial(number)});
  fetch_end(granted_);
  ++leases_under_way_;
  if (leases_.held(roster_.agent(lease.agent), number_).leases == 1) ++working_agents_;
  const auto owner = roster_.class_of(roster_.agent(lease.agent)).operator_id;
  for (auto& [index, held_by] : lease.shards) {
    Shard& bound = shard(index);
    const auto holder = obtain(bound, lease.agent);
    if (holders_[holder].lease != none) continue;  // Only after a restart, if two leases that were restored overlap.
    holders_[holder].lease = number;
    held_by = holder;
    const auto before = bound.waiting();
    ++bound.under_way;
    ++leased_;
    if (owner != 0) ++leased_to_[owner];
    settle_line(index, bound, before);
    if (job_.homogeneous && bound.numeric_class == 0)
      pin(index, bound, roster_.class_of(roster_.agent(lease.agent)).numeric_class);
  }
}

void JobQueue::end(std::uint32_t number, End how, Time now, Time avoid_until) {
  const LeaseRecord& lease = leases_[number];
  --leases_under_way_;
  if (leases_.held(roster_.agent(lease.agent), number_).leases == 1) --working_agents_;
  const auto owner = roster_.class_of(roster_.agent(lease.agent)).operator_id;
  const auto of_owner = owner == 0 ? leased_to_.end() : leased_to_.find(owner);
  if (how == End::finished) {
    finished_shards_ += lease.shards.size();
    finished_time_ += std::max(Duration::zero(), now - lease.granted);
    if (finished_shards_ > most_finished) finished_shards_ /= 2, finished_time_ /= 2;
  }
  Position* position = position_of(lease.agent);
  for (const auto& [index, held_by] : lease.shards) {
    if (held_by == none) continue;
    Shard& ended = shards_[index];
    fetch_ahead(&holders_[ended.holders]);  // To be looked through when the result is noted.
    Holder& holder = holders_[held_by];
    const auto before = ended.waiting();
    holder.lease = none;
    --leased_;
    if (of_owner != leased_to_.end() && of_owner->second > 0) --of_owner->second;
    --ended.under_way;
    if (how == End::finished && ended.wanted > 0) --ended.wanted;
#if FORGEPOOL_MUTANT == 4  // For tests/simulation: what a lease that ran out left undone is forgotten.
    if (how != End::expired)
#endif
      settle_line(index, ended, before);
    if (how == End::expired) holder.avoid_until = avoid_until;
    if (holder.excluded) continue;
    if (position && ended.line == fresh_line) position->fresh = std::min(position->fresh, index);
    if (position && ended.line != fresh_line && ended.line != none) {
      auto& from = position->lines[ended.line == common_line ? 1 : 0];
      from = std::min(from, ended.place);
    }
    if (how != End::expired) remove(holder);
    if (chooses_ && ended.line != none) ++opened_;
    if (ended.numeric_class != 0) pin(index, ended, class_of_holders(ended));
  }
  if (granted_.size() <= 2 * leases_under_way_ + 1024) return;
  std::erase_if(granted_, [&](const Entry& entry) { return !leases_.under_way(entry.lease, entry.serial); });
  oldest_ = 0;
}

void JobQueue::pass_ended_leases() {
  while (oldest_ < granted_.size() && !leases_.under_way(granted_[oldest_].lease, granted_[oldest_].serial)) ++oldest_;
}

// --- stragglers --------------------------------------------------------------------------------------------------------

std::optional<Duration> JobQueue::shard_duration() const {
  if (finished_shards_ < enough_finished) return std::nullopt;
  return finished_time_ / static_cast<std::int64_t>(finished_shards_);
}

std::optional<Duration> JobQueue::allowance(const LeaseRecord& lease, const Stragglers& rule) const {
  std::optional<Duration> allowed;
  if (const auto known = job_.speculative ? shard_duration() : std::nullopt) {
    const double expected = static_cast<double>(known->count()) * static_cast<double>(lease.shards.size());
    allowed = std::max(rule.least, Duration(static_cast<std::int64_t>(rule.factor * expected)));
  }
  if (job_.longest_execution > Duration::zero()) {
    const Duration longest = saturating_multiply(job_.longest_execution, lease.shards.size());
    allowed = allowed ? std::min(*allowed, longest) : longest;
  }
  return allowed;
}

bool JobQueue::may_resume(std::uint32_t agent, const std::vector<std::uint32_t>& shards) const {
  return std::ranges::all_of(shards, [&](std::uint32_t index) {
    if (!waits(index)) return false;
    for (auto at = shards_[index].holders; at != none; at = holders_[at].next)
      if (holders_[at].agent == agent && has_or_had(holders_[at])) return false;
    return !chooses_ || !clashes(shards_[index], roster_.class_of(roster_.agent(agent)));
  });
}

std::vector<std::uint32_t> JobQueue::select_copies(std::uint32_t agent, std::uint64_t most, const Stragglers& rule, Time now) {
  std::vector<std::uint32_t> selected;
  if (!may_copy()) return selected;
  most = std::min<std::uint64_t>(most, job_.max_shards_per_lease);
  const AgentClass& as = roster_.class_of(roster_.agent(agent));
  std::size_t looked = 0;
  pass_ended_leases();
  for (std::size_t i = oldest_; i < granted_.size() && looked < most_suspects && selected.size() < most; ++i) {
    if (!leases_.under_way(granted_[i].lease, granted_[i].serial)) continue;
    ++looked;
    const LeaseRecord& lease = leases_[granted_[i].lease];
    const auto allowed = allowance(lease, rule);
    if (!allowed || now < lease.granted + *allowed) continue;
    for (const auto& [index, holder] : lease.shards) {
      const Shard& slow = shards_[index];
      const bool class_fits = slow.numeric_class == 0 || slow.numeric_class == as.numeric_class;
      if (slow.wanted > 0 && slow.under_way == slow.wanted && class_fits && fit(slow, agent, as, now) == Fit::yes)
        selected.push_back(index);
      if (selected.size() == most) break;
    }
  }
  std::ranges::sort(selected);
  selected.erase(std::unique(selected.begin(), selected.end()), selected.end());
  return selected;
}

std::optional<Time> JobQueue::next_straggler(const Stragglers& rule, Time now) {
  std::optional<Time> next;
  if (!may_copy()) return next;
  std::size_t looked = 0;
  pass_ended_leases();
  for (std::size_t i = oldest_; i < granted_.size() && looked < most_suspects; ++i) {
    if (!leases_.under_way(granted_[i].lease, granted_[i].serial)) continue;
    ++looked;
    const LeaseRecord& lease = leases_[granted_[i].lease];
    const auto allowed = allowance(lease, rule);
    if (!allowed) continue;
    const Time at = lease.granted + *allowed;
    if (at > now && (!next || at < *next)) next = at;
  }
  return next;
}

// --- why it waits ------------------------------------------------------------------------------------------------------

Walk JobQueue::walk(std::uint64_t limit) const {
  Walk found;
  if (most_holders_ < eligible() && !chooses_) {
    found.others = waiting_ > 0;
    return found;
  }
  const auto examine = [&](std::uint32_t index) {
    found.complete = limit > 0;
    if (limit == 0) return false;
    --limit;
    const Shard& shard = shards_[index];
    if (holders_present(shard, 0) >= eligible()) {
      ++found.shards;
      return true;
    }
    if (shard.numeric_class != 0 && holders_present(shard, shard.numeric_class) >= eligible_of(shard.numeric_class)) {
      ++found.wrong_class;
      return true;
    }
    const auto far_enough = [&](const Agent& agent) {
      return agent.present && roster_.fits(job_class_, agent.agent_class) && !clashes(shard, roster_.class_of(agent));
    };
    if (chooses_ && std::ranges::none_of(roster_.agents().begin(),
                                         roster_.agents().begin() +
                                             static_cast<std::ptrdiff_t>(std::min<std::size_t>(1024, roster_.agents().size())),
                                         far_enough)) {
      limit = std::min<std::uint64_t>(limit, 64);  // Each such shard costs a look at the agents.
      ++found.too_close;
      return true;
    }
    found.others = true;
    return true;
  };
  for (const Line& line : lines_)
    for (const auto& [place, index] : line.order)
      if (!examine(index)) return found;
  for (auto at = fresh_.next(0); at < fresh_.end() && examine(at); at = fresh_.next(at + 1)) {
  }
  return found;
}

ShardCensus JobQueue::census(std::uint32_t index, std::size_t limit) const {
  ShardCensus found;
  const Shard& shard = shards_[index];
  std::unordered_set<std::uint32_t> had;
  for (auto at = shard.holders; at != none; at = holders_[at].next)
    if (has_or_had(holders_[at])) had.insert(holders_[at].agent);
  const auto& agents = roster_.agents();
  found.complete = agents.size() <= limit;
  for (std::uint32_t number = 0; number < std::min(agents.size(), limit); ++number) {
    const Agent& agent = agents[number];
    if (!agent.present) continue;
    const AgentClass& as = roster_.class_of(agent);
    if (!roster_.fits(job_class_, agent.agent_class))
      ++found.unfit;
    else if (had.contains(number))
      ++found.had;
    else if (shard.numeric_class != 0 && as.numeric_class != shard.numeric_class)
      ++found.wrong_class;
    else if (chooses_ && clashes(shard, as))
      ++found.too_close;
    else
      ++found.free;
  }
  return found;
}

}  // namespace forgepool::scheduling
