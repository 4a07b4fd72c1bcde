/// Those who wait for work or for a change, and the timer.
#include "hub/endpoints.hpp"
#include "hub/responses.hpp"
#include "wire/job_messages.hpp"

namespace forgepool::hub {

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
  const Time now = loop_.now();
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
    const auto status = core_.status(waiting->job, waiting->caller, now);
    answer(std::move(waiting->respond), status ? ok(wire::encode(wire::to_wire(*status))) : failure(status.error()));
    waiting = waiting_clients_.erase(waiting);
  }
}

void Endpoints::arm() {
  if (closed_) {
    timer_ = nullptr;
    return;
  }
  std::optional<Time> next = core_.next_deadline();
  const auto earlier = [&](Time time) {
    if (!next || time < *next) next = time;
  };
  for (const auto& waiting : waiting_agents_) earlier(waiting.until);
  for (const auto& waiting : waiting_clients_) earlier(waiting.until);
  if (!next) {
    timer_ = nullptr;
    return;
  }
  if (timer_ && armed_for_ <= *next) return;  // Fires no later than needed, and arms again.
  armed_for_ = *next;
  timer_ = loop_.after(*next - loop_.now() + std::chrono::milliseconds(1), [this] {
    timer_ = nullptr;
    core_.tick(loop_.now());
    drop_late();
    settle();
  });
}

void Endpoints::close() {
  closed_ = true;
  drop_late();
  settle();
}

}  // namespace forgepool::hub
