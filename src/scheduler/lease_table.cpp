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
  agent.first_lease = number;
  if (lease.next == none) roster_.set_busy(agent, true);
  table_.insert(key, number);
  terms_[number] = {next_serial_++, deadline};
  deadlines_.push({deadline, number, terms_[number].serial});
  return number;
}

void LeaseTable::remove(std::uint32_t number) {
  LeaseRecord& lease = leases_[number];
  table_.erase(lease.id.hash(), number);
  terms_[number].serial = 0;
  lease.shards = {};
  free_.push_back(number);
  Agent& agent = roster_.agent(lease.agent);
  std::uint32_t* link = &agent.first_lease;
  while (*link != number) link = &leases_[*link].next;
  *link = lease.next;
  if (agent.first_lease == none) {
    roster_.set_busy(agent, false);
    roster_.forget_if_unused(lease.agent);
  }
  deadlines_.tidy(table_.size(), [&](const Due& due) { return due.is_of(serial(due.number)); });
}

std::uint32_t LeaseTable::count(const Agent& agent, std::uint32_t job) const {
  std::uint32_t held = 0;
  for (auto number = agent.first_lease; number != none; number = leases_[number].next) held += leases_[number].job == job;
  return held;
}

bool LeaseTable::has_deadline_before(const Agent& agent, Time time) const {
  for (auto number = agent.first_lease; number != none; number = leases_[number].next)
    if (deadline(number) < time) return true;
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
