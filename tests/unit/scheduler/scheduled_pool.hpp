#pragma once
// A fair share scheduler with its clock and lease ids, and short words for what tests do with it.
#include <forgepool/backends/fair_share_scheduler.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>

namespace forgepool_test {

using namespace forgepool;
using namespace std::chrono_literals;

using Shards = std::vector<std::uint32_t>;
using Codes = std::vector<std::string>;

struct Pool {
  explicit Pool(FairShareOptions options = {.lease_duration = 15s, .agent_timeout = 45s})
      : scheduler(make_fair_share_scheduler(std::move(options))) {}

  std::unique_ptr<Scheduler> scheduler;
  Time now{1000s};
  int leases = 0;

  void job(const std::string& id, std::uint32_t shards, std::uint32_t replicas = 1, SchedulerJob limits = {}) {
    limits.id = JobId(id);
    scheduler->add_job(limits, now);
    for (std::uint32_t i = 0; i < shards; ++i) scheduler->want({JobId(id), i}, replicas);
  }
  void agent(const std::string& id, const std::string& region = "") { agent_as(id, {.region = region}); }
  void agent_as(const std::string& id, SchedulerAgent as) {
    as.id = AgentId(id);
    scheduler->agent_seen(as, now);
  }
  std::optional<Lease> ask(const std::string& agent_id, std::uint32_t most = 100) {
    return scheduler->grant(AgentId(agent_id), LeaseId("l" + std::to_string(++leases)), most, now);
  }
  Shards shards(const std::string& agent_id, std::uint32_t most = 100) {
    const auto lease = ask(agent_id, most);
    return lease ? lease->shards : Shards{};
  }
  /// The agent reports results for all of its lease.
  void deliver(const Lease& lease) {
    scheduler->agent_seen({.id = lease.agent}, now);
    REQUIRE(scheduler->finish(lease.id, lease.agent).has_value());
    for (const auto index : lease.shards) scheduler->exclude({lease.job, index}, lease.agent);
  }
  JobProgress progress(const std::string& id) { return scheduler->progress(JobId(id), now); }
  Codes why(const std::string& id) {
    Codes codes;
    for (const auto& reason : progress(id).reasons) {
      CHECK_FALSE(reason.text.empty());
      CHECK_FALSE(reason.unblock.empty());
      codes.push_back(reason.code);
    }
    return codes;
  }
};

}  // namespace forgepool_test
