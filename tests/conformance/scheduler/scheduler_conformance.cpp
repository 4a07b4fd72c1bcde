/// What every scheduler guarantees, checked on random sequences of calls. To check another backend, add it to `backends`.
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/testing/random.hpp>

#include <catch2/catch_test_macros.hpp>

#include "../../../examples/fifo_scheduler.hpp"
#include "checked_scheduler.hpp"
#include "shuffling_scheduler.hpp"

using namespace forgepool;
using namespace forgepool::testing;
using namespace std::chrono_literals;

namespace {

struct Backend {
  std::string name;
  SchedulerFactory make;
};

// Agents never fall silent here: how long that takes is a backend's own business.
const std::vector<Backend> backends{
    {"fair share", [] { return make_fair_share_scheduler({.lease_duration = 10s, .agent_timeout = 24h * 365}); }},
    {"fifo", [] { return std::make_unique<FifoScheduler>(10s); }},
    {"shuffling", [] { return make_shuffling_scheduler(1, 10s); }},
};

/// Makes up calls. Small numbers of everything, so that the interesting cases meet.
class Workload {
 public:
  Workload(const SchedulerFactory& make, std::uint64_t seed) : make_(make), random_(seed), scheduler_(make) {}

  void step() {
    switch (random_.below(16)) {
      case 0: add_job(); break;
      case 1: scheduler_.want(shard(), static_cast<std::uint32_t>(random_.below(4))); break;
      case 2: scheduler_.settle(shard()); break;
      case 3: exclude(shard(), agent()); break;
      case 4:
      case 5: scheduler_.agent_seen(attested(static_cast<int>(random_.below(agents))), now_); break;
      case 6: rarely([&] { scheduler_.agent_gone(agent(), now_); }); break;
      case 7: now_ += Duration(random_.below(6'000'000'000)); break;
      case 8: scheduler_.expire(now_); break;
      case 9: scheduler_.extend(lease(), owner_or_other(), now_); break;
      case 10:
      case 11: report(); break;
      case 12: rarely([&] { random_.chance(0.2) ? scheduler_.remove_job(job()) : scheduler_.restart(make_, now_); }); break;
      default: scheduler_.grant(agent(), fresh_lease(), static_cast<std::uint32_t>(random_.below(6)), now_); break;
    }
    scheduler_.check_all(now_);
  }

  /// Everybody who is there asks and reports, time passes: then nothing may be left that somebody there could do.
  void drain() {
    for (int round = 0; round < 200; ++round) {
      now_ += 11s;
      scheduler_.expire(now_);
      for (int i = 0; i < agents; ++i)
        while (const auto lease = scheduler_.grant(agent(i), fresh_lease(), 5, now_)) {
          scheduler_.finish(lease->id, lease->agent);
          for (const auto index : lease->shards) scheduler_.exclude({lease->job, index}, lease->agent);
        }
    }
    scheduler_.check_all(now_);
    REQUIRE(scheduler_.leases().empty());
    for (int i = 0; i < agents; ++i) REQUIRE(scheduler_.possible(agent(i)) == 0);
  }

 private:
  static constexpr int agents = 5, jobs = 3, shards = 6;

  template <class Task>
  void rarely(Task task) {
    if (random_.chance(0.2)) task();
  }
  AgentId agent(int i) const { return AgentId("a" + std::to_string(i)); }
  AgentId agent() { return agent(static_cast<int>(random_.below(agents))); }
  JobId job() { return JobId("j" + std::to_string(random_.below(jobs))); }
  ShardId shard() { return {job(), static_cast<std::uint32_t>(random_.below(shards))}; }
  /// Half of what an agent is stays; it may move, and drain.
  SchedulerAgent attested(int i) {
    SchedulerAgent is;
    is.id = agent(i);
    is.region = random_.chance(0.8) ? "eu" : "us";
    is.draining = random_.chance(0.1);
    is.tier = i < 3 ? "private" : "public";
    is.numeric_class = std::array{"x", "x", "y", "y", ""}.at(static_cast<std::size_t>(i));
    if (random_.chance(0.3)) is.sandbox = {SandboxLevel::namespaces, Determinism::standard, {SandboxRelaxation::spawn}};
    is.operator_id = std::array{"one", "two", "two", "", ""}.at(static_cast<std::size_t>(i));
    is.network = i % 2 == 0 ? "even" : "odd";
    if (i != 1) is.data_classes = {"internal"};
    if (i == 2) is.adapters = {"mc", "exec@2"};
    if (i == 4) is.organization = OrganizationId("org");
    return is;
  }
  LeaseId fresh_lease() { return LeaseId("l" + std::to_string(next_lease_++)); }
  LeaseId lease() {
    last_ = std::nullopt;
    if (scheduler_.leases().empty() || random_.chance(0.1))
      return LeaseId("l" + std::to_string(random_.below(next_lease_ + 1)));
    const auto at =
        std::next(scheduler_.leases().begin(), static_cast<std::ptrdiff_t>(random_.below(scheduler_.leases().size())));
    last_ = at->second;
    return at->first;
  }
  AgentId owner_or_other() { return last_ && random_.chance(0.9) ? last_->agent : agent(); }

  void add_job() {
    SchedulerJob limits;
    limits.id = job();
    limits.min_agents = static_cast<std::uint32_t>(random_.between(1, 3));
    limits.max_agents = static_cast<std::uint32_t>(random_.between(1, 4));
    if (random_.chance(0.4)) limits.regions = {"eu", random_.chance(0.5) ? "us" : "eu"};
    const auto rarely = [&] { return random_.chance(0.15); };
    if (rarely()) limits.target = random_.chance(0.5) ? "private" : "public";
    if (rarely()) limits.data_class = "internal";
    if (rarely()) limits.numeric_class = "x";
    if (rarely()) limits.sandbox.level = SandboxLevel::full;
    if (rarely()) limits.sandbox.determinism = Determinism::strict;
    if (rarely()) limits.sandbox.policy.allow(SandboxRelaxation::memory_files);
    if (rarely()) limits.deadline = now_ + Duration(random_.below(60'000'000'000));
    limits.adapter = random_.chance(0.5) ? "mc@1" : "exec@1";
    limits.homogeneous = rarely();
    limits.spread = {rarely(), rarely(), rarely()};
    limits.speculative = random_.chance(0.7);
    if (random_.chance(0.5)) limits.longest_execution = Duration(random_.below(20'000'000'000));
    limits.organization = OrganizationId(random_.chance(0.5) ? "org" : "other");
    limits.project = random_.chance(0.5) ? "p" : "q";
    limits.priority = static_cast<std::uint32_t>(random_.below(10));
    scheduler_.add_job(limits, now_);
    for (std::uint32_t i = 0; i < shards; ++i)
      if (random_.chance(0.7)) scheduler_.want({limits.id, i}, static_cast<std::uint32_t>(random_.between(1, 3)));
  }

  /// What an agent is that is not there, a scheduler need not know any more.
  void exclude(const ShardId& shard, const AgentId& agent) {
    if (scheduler_.is_present(agent)) scheduler_.exclude(shard, agent);
  }

  /// An agent reports: some of its shards with results, some failed, some in neither way.
  void report() {
    const LeaseId id = lease();
    const auto reported = last_;
    const AgentId by = owner_or_other();
    const bool exclude_first = random_.chance(0.5);
    if (!exclude_first) scheduler_.finish(id, by);
    if (reported && reported->agent == by)
      for (const auto index : reported->shards) {
        const ShardId of{reported->job, index};
        if (random_.chance(0.7))
          exclude(of, by);
        else if (random_.chance(0.7))
          scheduler_.want(of, 1);
      }
    if (exclude_first) scheduler_.finish(id, by);
  }

  const SchedulerFactory make_;
  Random random_;
  CheckedScheduler scheduler_;
  Time now_{1000s};
  std::uint64_t next_lease_ = 0;
  std::optional<Lease> last_;
};

}  // namespace

TEST_CASE("a scheduler keeps its guarantees, and decides the same when called the same, through any sequence of calls") {
  for (const Backend& backend : backends)
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      INFO("backend " << backend.name << ", seed " << seed);
      Workload workload(backend.make, seed);
      for (int i = 0; i < 400; ++i) workload.step();
    }
}

TEST_CASE("a scheduler leaves nothing undone that somebody who is there could do") {
  for (const Backend& backend : backends)
    for (std::uint64_t seed = 1001; seed <= 1200; ++seed) {
      INFO("backend " << backend.name << ", seed " << seed);
      Workload workload(backend.make, seed);
      for (int i = 0; i < 200; ++i) workload.step();
      workload.drain();
    }
}
