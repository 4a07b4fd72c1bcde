#include "testing/simulated_pool.hpp"

#include "testing/simulation_adapter.hpp"

#include <forgepool/backends/memory_transport.hpp>

#include <algorithm>

namespace forgepool::testing {

using namespace std::chrono_literals;

SimulatedPool::SimulatedPool(const PoolSimulationOptions& options)
    : options_(options),
      random_(options.seed),
      hub_random_(~options.seed),
      leases_(truth_, violations_),
      evidence_(truth_, violations_),
      isolation_(truth_, violations_),
      grants_(truth_, violations_),
      network_(make_memory_network()),
      adapter_(simulation_adapter()),
      intruder_transport_(make_memory_transport(loop_, network_)) {
  // The evidence first: it knows of an answer before anybody judges it.
  for (PoolWatcher* watcher :
       {static_cast<PoolWatcher*>(&eavesdropper_), static_cast<PoolWatcher*>(&evidence_), static_cast<PoolWatcher*>(&leases_),
        static_cast<PoolWatcher*>(&isolation_), static_cast<PoolWatcher*>(&grants_)})
    watchers_.add(*watcher);
  add_organizations();
}

SimulatedPool::~SimulatedPool() {
  intruder_.reset();
  for (auto& tenant : tenants_) tenant->client.reset();
  for (auto& member : members_) member->agent.reset();
  for (auto& organization : organizations_) organization->operator_client.reset();
  hub_.reset();
}

Duration SimulatedPool::up_to(Duration limit) {
  return Duration(
      static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(std::max<Duration::rep>(limit.count(), 0)) + 1)));
}

void SimulatedPool::later(Duration delay, std::function<void()> what) {
  timers_.push_back(loop_.after(delay, std::move(what)));
}

std::shared_ptr<TransportFaults> SimulatedPool::make_faults() {
  auto faults = std::make_shared<TransportFaults>();
  if (!faulty_) return faults;
  faults->lose_request = options_.faults.lose_request;
  faults->lose_response = options_.faults.lose_response;
  faults->duplicate = options_.faults.duplicate;
  faults->disconnect = options_.faults.disconnect;
  faults->max_delay = options_.faults.max_delay;
  faults->timeout = 5s;
  return faults;
}

void SimulatedPool::disturb(double per_minute, const char* name, std::function<void()> what) {
  if (per_minute <= 0) return;
  later(up_to(Duration(static_cast<Duration::rep>(2 * 60e9 / per_minute))), [this, per_minute, name, what = std::move(what)] {
    if (!faulty_) return;
    ++faults_[name];
    what();
    disturb(per_minute, name, what);
  });
}

void SimulatedPool::crash_hub() {
  if (!hub_) return;
  if (random_.chance(0.5)) return hub_is_down(up_to(options_.faults.max_hub_downtime));
  organizations_[organizations_.size() > 1 ? random_.below(organizations_.size()) : 0]->storage->die_in_next_commit(
      random_.next());
  // If nothing is committed, it dies anyway.
  later(5s, [this, life = hub_lives_] {
    if (life == hub_lives_) hub_is_down(up_to(options_.faults.max_hub_downtime));
  });
}

void SimulatedPool::crash_agent() {
  stop_agent(*members_[random_.below(members_.size())], up_to(options_.faults.max_agent_downtime));
}

void SimulatedPool::cut_off() {
  const double part = static_cast<double>(random_.between(1, 10)) / 10;
  for (auto& member : members_) {
    if (!random_.chance(part)) continue;
    member->faults->partitioned = true;
    later(up_to(options_.faults.max_partition), [faults = member->faults] { faults->partitioned = false; });
  }
}

void SimulatedPool::heal() {
  faulty_ = false;
  const auto mend = [](TransportFaults& faults) {
    const auto injected = faults.injected;
    faults = {};
    faults.injected = injected;
  };
  for (auto& member : members_) mend(*member->faults);
  for (auto& tenant : tenants_) mend(*tenant->faults);
  for (auto& organization : organizations_) organization->storage->set_full(false);
  start_hub();
  for (auto& member : members_)
    if (!member->id.empty()) start_agent(*member);
}

bool SimulatedPool::over() const {
  if (!violations_.found().empty()) return true;
  return std::ranges::all_of(jobs_, [](const auto& job) { return job->collected; });
}

PoolSimulationResult SimulatedPool::run() {
  const Time began = loop_.now();
  start_hub();
  add_members();
  const auto all_there = [&] { return std::ranges::none_of(members_, [](const auto& member) { return member->id.empty(); }); };
  if (!loop_.run_until(all_there, 1h)) violations_.add("progress", "not every agent could enrol");
  if (violations_.found().empty()) add_tenants();
  if (violations_.found().empty()) {
    const auto& faults = options_.faults;
    disturb(faults.hub_crashes, "hub crashes", [this] { crash_hub(); });
    disturb(faults.agent_crashes, "agent crashes", [this] { crash_agent(); });
    disturb(faults.partitions, "partitions", [this] { cut_off(); });
    disturb(faults.full_disks, "full disks", [this] {
      for (auto& organization : organizations_) organization->storage->set_full(true);
    });
    if (faults.intruders) {
      intrude();
      pry();
    }
    look_after_sybils();
    const auto broken = [this] { return !violations_.found().empty(); };
    loop_.run_until(broken, options_.faulty_time);
    heal();
    loop_.run_until([this] { return over(); }, options_.healing_time);
  }
  return result(began);
}

PoolSimulationResult SimulatedPool::result(Time began) {
  PoolSimulationResult result;
  for (const auto& job : jobs_) {
    const bool required = must_be_done(*job);
    result.jobs_required += required;
    result.jobs_done += job->end && job->end->state == JobState::done;
    result.jobs_failed += job->end && job->end->state != JobState::done;
    if (!violations_.found().empty() || !required) continue;
    if (!job->end)
      violations_.add("progress", "job " + job->id.str() +
                                      " does not end though enough honest agents can be reached: " + why_it_waits(*job));
    else if (job->end->state != JobState::done)
      violations_.add("progress",
                      "job " + job->id.str() + " failed though enough honest agents could be reached: " + job->end->failure);
  }
  for (auto& organization : organizations_)
    if (violations_.found().empty() && hub_) organization->checker.check(**organization->ledger);
  for (const auto& what : violations_.found())
    result.violations.push_back(what + " (seed " + std::to_string(options_.seed) + ", at " + to_rfc3339(loop_.now()) + ")");
  for (const auto& member : members_) faults_["messages"] += member->faults->injected;
  for (const auto& tenant : tenants_) faults_["messages"] += tenant->faults->injected;
  for (const auto& organization : organizations_) faults_["disk"] += organization->storage->injected();
  result.faults = faults_;
  result.leases = eavesdropper_.leases();
  result.verdicts = evidence_.verdicts();
  result.agents_caught = static_cast<std::uint32_t>(evidence_.agents_caught());
  result.hub_lives = hub_lives_;
  result.canaries = grants_.canaries();
  result.told = grants_.told();
  result.elapsed = loop_.now() - began;
  eavesdropper_.note("end " + std::to_string(result.elapsed.count()));
  result.trace = eavesdropper_.trace();
  return result;
}

}  // namespace forgepool::testing
