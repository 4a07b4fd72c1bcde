#include "scheduler/roster.hpp"

#include <algorithm>

namespace forgepool::scheduling {
namespace {

bool alike(const SchedulerAgent& a, const SchedulerAgent& b) {
  return a.draining == b.draining && a.region == b.region && a.tier == b.tier && a.organization == b.organization &&
         a.data_classes == b.data_classes && a.adapters == b.adapters && a.numeric_class == b.numeric_class &&
         a.operator_id == b.operator_id && a.network == b.network && a.sandbox == b.sandbox;
}

/// Equal for equal agents, and only for them: every text is preceded by its length.
std::string key_of(const SchedulerAgent& agent) {
  std::string key(agent.draining ? "d" : "-");
  const auto add = [&](const std::string& text) { key += std::to_string(text.size()) + ':' + text; };
  for (const auto* text :
       {&agent.region, &agent.tier, &agent.organization.str(), &agent.numeric_class, &agent.operator_id, &agent.network})
    add(*text);
  for (const auto* list : {&agent.data_classes, &agent.adapters}) {
    key += std::to_string(list->size()) + ';';
    for (const auto& text : *list) add(text);
  }
  const auto& [level, determinism, policy, world] = agent.sandbox;
  add(std::string(to_string(level)) + ' ' + std::string(to_string(determinism)) + ' ' + to_string(policy) + ' ' +
      world_name(world));
  return key;
}

/// What a job asks of agents, and nothing else.
SchedulerJob asks(const SchedulerJob& job) {
  SchedulerJob like;
  like.organization = job.organization;
  like.target = job.target;
  like.regions = job.regions;
  like.data_class = job.data_class;
  like.adapter = job.adapter;
  like.numeric_class = job.numeric_class;
  like.homogeneous = job.homogeneous;
  like.sandbox = job.sandbox;
  std::ranges::sort(like.regions);
  return like;
}

bool same(const SchedulerJob& a, const SchedulerJob& b) {
  return a.organization == b.organization && a.target == b.target && a.regions == b.regions && a.data_class == b.data_class &&
         a.adapter == b.adapter && a.numeric_class == b.numeric_class && a.homogeneous == b.homogeneous &&
         a.sandbox == b.sandbox;
}

/// 0 for no name, then in the order in which they come.
std::uint32_t number_of(const std::string& name, std::unordered_map<std::string, std::uint32_t>& numbers) {
  if (name.empty()) return 0;
  return numbers.try_emplace(name, static_cast<std::uint32_t>(numbers.size() + 1)).first->second;
}

bool may_work(const AgentClass& agents, const SchedulerJob& job) {
  return !agents.like.draining && unmet_constraints(agents.like, job).empty();
}

}  // namespace

std::uint32_t Roster::find(const AgentId& id) const {
  if (expected_ != none && agents_[expected_].id.view() == id.str()) return expected_;
  return table_.find(
      id, [&](std::uint32_t number) -> const auto& { return agents_[number].id; });
}

std::uint32_t Roster::obtain(const AgentId& id) {
  if (const auto found = find(id); found != none) return expected_ = found;
  std::uint32_t number = static_cast<std::uint32_t>(agents_.size());
  if (free_.empty()) {
    agents_.emplace_back();
    serials_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  agents_[number].id = id;
  serials_[number] = next_serial_++;
  table_.insert(id, number);
  return expected_ = number;
}

void Roster::seen(std::uint32_t number, const SchedulerAgent& as, Time now, Duration timeout) {
  Agent& agent = agents_[number];
  if (agent.agent_class == none || !alike(agent_classes_[agent.agent_class].like, as)) {
    const auto agent_class = obtain_class(as);
    if (agent.present) count(agent, false);
    if (agent.agent_class != none) ++changes_;
    agent.agent_class = agent_class;
    if (agent.present) count(agent, true);
  }
  if (!agent.present) {
    agent.present = true;
    agent.last_seen = now;
    count(agent, true);
  }
  agent.last_seen = std::max(agent.last_seen, now);
  if (!agent.watched) {
    agent.watched = true;
    silences_.push({agent.last_seen + timeout, number, serials_[number]});
  }
}

void Roster::left(std::uint32_t number) {
  Agent& agent = agents_[number];
  if (agent.present) {
    count(agent, false);
    agent.present = false;
  }
  forget_if_unused(number);
}

void Roster::drop_silent(Time now, Duration timeout) {
  while (const auto due = silences_.pop(now)) {
    if (const Due* later = silences_.upcoming(fetched_ahead)) {
      fetch_ahead(&serials_[later->number]);
      fetch_ahead(&agents_[later->number]);
    }
    if (!due->is_of(serials_[due->number])) continue;
    Agent& agent = agents_[due->number];
    if (agent.present && agent.last_seen + timeout > now) {
      silences_.push({agent.last_seen + timeout, due->number, serials_[due->number]});
      continue;
    }
    agent.watched = false;
    if (agent.present) left(due->number);
  }
}

void Roster::set_busy(Agent& agent, bool busy) {
  if (agent.present) agent_classes_[agent.agent_class].busy += busy ? 1u : ~std::uint64_t{0};
}

void Roster::release(std::uint32_t number) {
  --agents_[number].remembered;
  forget_if_unused(number);
}

void Roster::forget_if_unused(std::uint32_t number) {
  Agent& agent = agents_[number];
  if (agent.present || agent.remembered > 0 || agent.first_lease != none) return;
  table_.erase(agent.id.hash(), number);
  agent = {};
  serials_[number] = 0;
  if (expected_ == number) expected_ = none;
  free_.push_back(number);
}

std::uint16_t Roster::adapter_number(const std::string& name) {
  const auto number = number_of(name, adapters_);
  return number <= UINT16_MAX ? static_cast<std::uint16_t>(number) : std::uint16_t{0};
}

std::uint32_t Roster::obtain_class(const SchedulerAgent& agent) {
  const auto [found, added] = agent_class_keys_.try_emplace(key_of(agent), static_cast<std::uint32_t>(agent_classes_.size()));
  if (added) {
    AgentClass& made = agent_classes_.emplace_back();
    made.like = agent;
    made.like.id = AgentId();
    made.numeric_class = number_of(agent.numeric_class, names_);
    made.operator_id = number_of(agent.operator_id, names_);
    made.network = number_of(agent.network, names_);
    made.region = number_of(agent.region, names_);
    for (std::uint32_t i = 0; i < job_classes_.size(); ++i) made.work.set(i, may_work(made, job_classes_[i].like));
  }
  return found->second;
}

void Roster::count(const Agent& agent, bool add) {
  const std::uint64_t one = add ? 1 : ~std::uint64_t{0};
  present_ += one;
  agent_classes_[agent.agent_class].present += one;
  if (agent.first_lease != none) agent_classes_[agent.agent_class].busy += one;
  for (std::uint32_t i = 0; i < job_classes_.size(); ++i)
    if (fits(i, agent.agent_class)) {
      job_classes_[i].eligible += one;
      if (const auto owner = agent_classes_[agent.agent_class].operator_id; owner != 0)
        job_classes_[i].eligible_of[owner] += one;
    }
}

std::uint32_t Roster::obtain_class(const SchedulerJob& job) {
  SchedulerJob like = asks(job);
  std::size_t at = 0;
  while (at < job_classes_.size() && !(job_classes_[at].jobs > 0 && same(job_classes_[at].like, like))) ++at;
  if (at == job_classes_.size()) {
    const auto unused = std::ranges::find(job_classes_, 0u, &JobClass::jobs);
    at = static_cast<std::size_t>(unused - job_classes_.begin());
    if (unused == job_classes_.end()) job_classes_.emplace_back();
    JobClass& made = job_classes_[at];
    made = {};
    made.like = std::move(like);
    for (AgentClass& agents : agent_classes_) {
      const bool may = may_work(agents, made.like);
      agents.work.set(static_cast<std::uint32_t>(at), may);
      if (!may) continue;
      made.eligible += agents.present;
      if (agents.operator_id != 0) made.eligible_of[agents.operator_id] += agents.present;
    }
  }
  ++job_classes_[at].jobs;
  return static_cast<std::uint32_t>(at);
}

}  // namespace forgepool::scheduling
