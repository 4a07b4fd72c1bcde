/// Those who wait for work or for a change, and the timer.
#include "hub/endpoints.hpp"
#include "hub/responses.hpp"
#include "wire/job_messages.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

// After so long the hub looks whether its clock was set, if nothing else happens: what is dated may be due then.
constexpr Duration longest_wait = std::chrono::minutes(10);

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

void Endpoints::offer_work() {
  if (!core_.take_new_work()) return;
  const Time now = loop_.now();
  for (auto waiting = waiting_agents_.begin(); waiting != waiting_agents_.end();) {
    auto lease = core_.take_lease(waiting->id, waiting->peer, waiting->max_shards, false, now);
    if (lease && !*lease) {
      ++waiting;
      continue;
    }
    if (lease)
      answer(std::move(waiting->respond), ok(wire::encode(**lease)));
    else
      refuse(waiting->peer, {"POST", "/v1/agent/lease", {}, {}}, lease.error(), std::move(waiting->respond));
    waiting = waiting_agents_.erase(waiting);
  }
}

void Endpoints::tell_changes() {
  const auto changed = core_.take_changed_jobs();
  if (changed.empty()) return;
  const Time now = loop_.now();
  for (auto waiting = waiting_clients_.begin(); waiting != waiting_clients_.end();) {
    const Job* job = core_.find(waiting->job);
    if (!changed.contains(waiting->job) || (job && job->version <= waiting->seen)) {
      ++waiting;
      continue;
    }
    const auto status = core_.status(waiting->job, waiting->caller, now);  // None if it was erased.
    answer(std::move(waiting->respond), status ? ok(wire::encode(wire::to_wire(*status))) : failure(status.error()));
    waiting = waiting_clients_.erase(waiting);
  }
}

void Endpoints::drop_late() {
  const Time now = loop_.steady();
  for (auto waiting = waiting_agents_.begin(); waiting != waiting_agents_.end();) {
    if (waiting->until > now && !closed_) {
      ++waiting;
      continue;
    }
    answer(std::move(waiting->respond), nothing());
    waiting = waiting_agents_.erase(waiting);
  }
  for (auto waiting = waiting_clients_.begin(); waiting != waiting_clients_.end();) {
    if (waiting->until > now && !closed_) {
      ++waiting;
      continue;
    }
    const auto status = core_.status(waiting->job, waiting->caller, loop_.now());
    answer(std::move(waiting->respond), status ? ok(wire::encode(wire::to_wire(*status))) : failure(status.error()));
    waiting = waiting_clients_.erase(waiting);
  }
}

void Endpoints::arm() {
  if (closed_) {
    timer_ = nullptr;
    return;
  }
  const Time now = loop_.steady();
  Time next = Time::max();
  // What the state machine waits for is dated.
  if (const auto dated = core_.next_deadline()) next = now + std::min(*dated - loop_.now(), longest_wait);
  for (const auto& waiting : waiting_agents_) next = std::min(next, waiting.until);
  for (const auto& waiting : waiting_clients_) next = std::min(next, waiting.until);
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
