/// Those who wait for work or for a change, and the timer.
#include "hub/endpoints.hpp"
#include "hub/responses.hpp"
#include "wire/job_messages.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

// After so long the hub looks whether its clock was set, if nothing else happens: what is dated may be due then.
constexpr Duration longest_wait = std::chrono::minutes(10);

template <class Key>
void erase_one(std::multimap<Key, std::uint64_t>& index, const Key& key, std::uint64_t number) {
  const auto [first, last] = index.equal_range(key);
  for (auto entry = first; entry != last; ++entry)
    if (entry->second == number) {
      index.erase(entry);
      return;
    }
}

}  // namespace

void Endpoints::settle() {
  if (settling_) return;  // Answers below may come back here.
  settling_ = true;
  offer_work();
  tell_changes();
  settling_ = false;
  committer_.after(core_.effects().take(), nullptr);
  if (!closed_) disposal_.run();
  arm();
}

void Endpoints::wait(WaitingAgent agent, Time until) {
  waits_of_agent_.emplace(agent.id, next_wait_);
  waits_end_.set(next_wait_, until);
  waiting_agents_.emplace(next_wait_++, std::move(agent));
}

void Endpoints::wait(WaitingClient client, Time until) {
  waits_for_job_.emplace(client.job, next_wait_);
  waits_end_.set(next_wait_, until);
  waiting_clients_.emplace(next_wait_++, std::move(client));
}

Endpoints::WaitingAgent Endpoints::leave(std::map<Number, WaitingAgent>::iterator waiting) {
  const auto node = waiting_agents_.extract(waiting);
  erase_one(waits_of_agent_, node.mapped().id, node.key());
  waits_end_.erase(node.key());
  return std::move(node.mapped());
}

Endpoints::WaitingClient Endpoints::leave(std::map<Number, WaitingClient>::iterator waiting) {
  const auto node = waiting_clients_.extract(waiting);
  erase_one(waits_for_job_, node.mapped().job, node.key());
  waits_end_.erase(node.key());
  return std::move(node.mapped());
}

void Endpoints::offer_work() {
  const auto work = core_.take_new_work();
  if (work.executions != 0 || work.any) {
    // Whoever was passed over may have to have it.
    if (offering_)
      offering_->again = true;
    else
      offering_.emplace();
    offering_->executions += work.executions;
    offering_->any |= work.any;
  }
  if (offering_ && !next_offers_) go_on_offering();
}

void Endpoints::go_on_offering() {
  constexpr int offers_at_once = 64;  // Then it is other requests' turn.
  const Time now = loop_.now();
  for (int i = 0; i < offers_at_once; ++i) {
    const auto waiting = waiting_agents_.lower_bound(offering_->next);
    if (waiting == waiting_agents_.end()) {
      if (!offering_->again) {
        offering_.reset();
        return;
      }
      offering_->again = false;
      offering_->next = 0;
      continue;
    }
    offering_->next = waiting->first + 1;
    auto lease = core_.take_lease(waiting->second.id, waiting->second.peer, waiting->second.max_shards, false, now);
    if (lease && !*lease) continue;
    WaitingAgent agent = leave(waiting);
    if (!lease) {
      refuse(agent.peer, {"POST", "/v1/agent/lease", {}, {}}, lease.error(), std::move(agent.respond));
      continue;
    }
    const std::uint64_t given = (*lease)->shards.size();
    answer(std::move(agent.respond), ok(wire::encode(**lease)));
    offering_->executions -= std::min(offering_->executions, given);
    if (offering_->executions == 0 && !offering_->any) {
      offering_.reset();
      return;
    }
  }
  next_offers_ = loop_.after(Duration::zero(), [this] {
    next_offers_ = nullptr;
    settle();
  });
}

void Endpoints::tell_changes() {
  for (const auto& job_id : core_.take_changed_jobs()) {
    const Job* job = core_.find(job_id);
    const auto [first, last] = waits_for_job_.equal_range(job_id);
    std::vector<Number> numbers;
    for (auto entry = first; entry != last; ++entry) numbers.push_back(entry->second);
    for (const Number number : numbers)
      // No job: it was erased.
      if (const auto waiting = waiting_clients_.find(number);
          waiting != waiting_clients_.end() && (!job || job->version > waiting->second.seen))
        tell(leave(waiting));
  }
}

void Endpoints::tell(WaitingClient waiting) {
  const auto status = core_.status(waiting.job, waiting.caller, loop_.now());
  answer(std::move(waiting.respond), status ? ok(wire::encode(wire::to_wire(*status))) : failure(status.error()));
}

void Endpoints::drop_late() {
  for (const Number number : waits_end_.due(closed_ ? Time::max() : loop_.steady())) {
    if (const auto agent = waiting_agents_.find(number); agent != waiting_agents_.end())
      answer(leave(agent).respond, nothing());
    else if (const auto client = waiting_clients_.find(number); client != waiting_clients_.end())
      tell(leave(client));
  }
}

void Endpoints::arm() {
  if (closed_) {
    timer_ = nullptr;
    return;
  }
  const Time now = loop_.steady();
  Time next = waits_end_.next().value_or(Time::max());
  // What the state machine waits for is dated.
  if (const auto dated = core_.next_deadline()) next = std::min(next, now + std::min(*dated - loop_.now(), longest_wait));
  if (next == Time::max()) {
    timer_ = nullptr;
    return;
  }
  if (timer_ && armed_for_ <= next) return;  // Fires no later than needed, and arms again.
  armed_for_ = next;
  timer_ = loop_.after(next - now + std::chrono::milliseconds(1), [this] {
    timer_ = nullptr;
    look_at_clock();
    core_.tick(loop_.now());
    drop_late();
    settle();
  });
}

void Endpoints::look_at_clock() {
  const Duration by = clock_.look(loop_.now(), loop_.steady());
  if (by == Duration::zero()) return;
  log_.write(LogLevel::warning, "clock_set", {{"seconds", std::to_string(by / std::chrono::seconds(1))}});
  core_.clock_set(by);
}

void Endpoints::close() {
  closed_ = true;
  drop_late();
  settle();
}

}  // namespace forgepool::hub
