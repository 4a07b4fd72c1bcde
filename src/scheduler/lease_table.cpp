#include "scheduler/lease_table.hpp"

#include <algorithm>

namespace forgepool::scheduling {

std::uint32_t LeaseTable::find(const LeaseKey& key) const {
  return table_.find(
      key, [&](std::uint32_t number) -> const auto& {
        fetch_ahead(&terms_[number]);
        return leases_[number].id;
      });
}

std::uint32_t LeaseTable::add(const LeaseKey& key, std::uint32_t job, std::uint32_t agent_number,
                              std::span<const std::uint32_t> shards, Time granted, Time deadline) {
  std::uint32_t number = static_cast<std::uint32_t>(leases_.size());
  if (free_.empty()) {
    leases_.emplace_back();
    terms_.emplace_back();
    previous_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Agent& agent = roster_.agent(agent_number);
  LeaseRecord& lease = leases_[number];
  lease.id = key;
  lease.granted = granted;
  lease.shards = HeldShards(shards);
  lease.job = job;
  lease.agent = agent_number;
  lease.next = agent.first_lease;
  terms_[number] = {next_serial_++, deadline};
  if (lease.next == none) {
    roster_.set_busy(agent, true);
  } else {
    Crowd& crowd = crowds_[agent_number];
    if (is_alone(lease.next)) enter(crowd, lease.next);
    enter(crowd, number);
    previous_[lease.next] = number;
  }
  agent.first_lease = number;
  table_.insert(key, number);
  deadlines_.push({deadline, number, terms_[number].serial});
  return number;
}

void LeaseTable::enter(Crowd& crowd, std::uint32_t number) {
  const LeaseRecord& lease = leases_[number];
  Held& held = crowd.held[lease.job];
  ++held.leases;
  held.shards += lease.shards.size();
  crowd.deadlines.push({deadline(number), number, serial(number)});
}

void LeaseTable::leave(std::uint32_t number) {
  const LeaseRecord& lease = leases_[number];
  Agent& agent = roster_.agent(lease.agent);
  const bool first = agent.first_lease == number;
  if (first && lease.next == none) {
    agent.first_lease = none;
    return;
  }
  if (lease.next != none) previous_[lease.next] = previous_[number];
  (first ? agent.first_lease : leases_[previous_[number]].next) = lease.next;
  const auto crowd = crowds_.find(lease.agent);
  if (is_alone(agent.first_lease)) {
    crowds_.erase(crowd);
    return;
  }
  const auto held = crowd->second.held.find(lease.job);
  held->second.shards -= lease.shards.size();
  if (--held->second.leases == 0) crowd->second.held.erase(held);
}

void LeaseTable::remove(std::uint32_t number) {
  LeaseRecord& lease = leases_[number];
  table_.erase(lease.id.hash(), number);
  leave(number);
  terms_[number].serial = 0;
  lease.shards = {};
  free_.push_back(number);
  Agent& agent = roster_.agent(lease.agent);
  if (agent.first_lease == none) {
    roster_.set_busy(agent, false);
    roster_.forget_if_unused(lease.agent);
  }
  deadlines_.tidy(table_.size(), [&](const Due& due) { return due.is_of(serial(due.number)); });
}

LeaseTable::Held LeaseTable::held(const Agent& agent, std::uint32_t job) const {
  if (agent.first_lease == none) return {};
  const LeaseRecord& first = leases_[agent.first_lease];
  if (first.next == none) return first.job == job ? Held{1, first.shards.size()} : Held{};
  const Crowd& crowd = crowds_.at(first.agent);
  const auto found = crowd.held.find(job);
  return found == crowd.held.end() ? Held{} : found->second;
}

bool LeaseTable::has_deadline_before(const Agent& agent, Time time) const {
  if (agent.first_lease == none) return false;
  if (is_alone(agent.first_lease)) return deadline(agent.first_lease) < time;
  auto& deadlines = crowds_.at(leases_[agent.first_lease].agent).deadlines;
  while (!deadlines.empty() && deadlines.top().at < time) {
    const Due due = deadlines.top();
    if (due.is_of(serial(due.number))) {
      if (deadline(due.number) < time) return true;
      deadlines.pop();
      deadlines.push({deadline(due.number), due.number, serial(due.number)});
    } else {
      deadlines.pop();
    }
  }
  return false;
}

std::vector<std::uint32_t> LeaseTable::of(const Agent& agent) const {
  std::vector<std::uint32_t> numbers;
  for (auto number = agent.first_lease; number != none; number = leases_[number].next) numbers.push_back(number);
  std::ranges::sort(numbers, {}, [&](std::uint32_t number) { return serial(number); });
  return numbers;
}

std::uint32_t LeaseTable::next_expired(Time now) {
  while (const auto due = deadlines_.pop(now)) {
    if (const Due* later = deadlines_.upcoming(fetched_ahead)) fetch_ahead(&terms_[later->number]);
    if (!due->is_of(serial(due->number))) continue;
    if (deadline(due->number) <= now) return due->number;
    deadlines_.push({deadline(due->number), due->number, serial(due->number)});
  }
  return none;
}

std::uint64_t LeaseTable::count_late(Time time, std::size_t most) const {
  std::uint64_t late = 0;
  for (const Agent& agent : roster_.agents()) {
    if (most-- == 0) break;
    late += agent.present && has_deadline_before(agent, time);
  }
  return late;
}

}  // namespace forgepool::scheduling
