// Agents that take what they can and give nothing back: how much they get, for how long, and who gets it then.
#include "scheduled_pool.hpp"

using namespace forgepool_test;

namespace {

SchedulerJob limited(Duration longest_execution, bool speculative = false) {
  SchedulerJob job;
  job.longest_execution = longest_execution;
  job.speculative = speculative;
  return job;
}

/// What the agent holds when it asks again and again.
std::size_t taken(Pool& pool, const std::string& agent, std::uint32_t most = 16) {
  std::size_t all = 0;
  for (auto shards = pool.shards(agent, most); !shards.empty(); shards = pool.shards(agent, most)) all += shards.size();
  return all;
}

}  // namespace

TEST_CASE("an agent that is alone gets everything, however often it asks") {
  Pool pool;
  pool.agent("a");
  pool.job("j", 100);
  CHECK(taken(pool, "a") == 100);
}

TEST_CASE("of several agents one holds at most four times its fair part, and half of what waits or is under way") {
  Pool pool;
  for (int i = 0; i < 20; ++i) pool.agent("a" + std::to_string(i));
  pool.job("j", 1000);
  CHECK(taken(pool, "a0") == 200);
  CHECK(taken(pool, "a1") == 200);
  Pool two;
  for (const char* name : {"a", "b"}) two.agent(name);
  two.job("j", 11);
  CHECK(taken(two, "a") == 6);
  CHECK(taken(two, "b") == 5);
  two.job("small", 1);
  CHECK(taken(two, "a") == 1);
}

TEST_CASE("the agents of one operator hold half of it together, as long as others are there") {
  Pool pool;
  for (int i = 0; i < 9; ++i) pool.agent_as("a" + std::to_string(i), {.operator_id = "hoarder"});
  pool.agent_as("b", {.operator_id = "other"});
  pool.job("j", 100);
  std::size_t all = 0;
  for (int i = 0; i < 9; ++i) all += taken(pool, "a" + std::to_string(i));
  CHECK(all == 50);
  CHECK(taken(pool, "b") > 0);
  pool.scheduler->agent_gone(AgentId("b"), pool.now);
  for (int i = 0; i < 9; ++i) all += taken(pool, "a" + std::to_string(i));
  CHECK(all == 100);
}

TEST_CASE("what an agent gave back makes room for more") {
  Pool pool;
  for (const char* name : {"a", "b"}) pool.agent(name);
  pool.job("j", 4);
  const auto first = *pool.ask("a", 1), second = *pool.ask("a", 1);
  CHECK_FALSE(pool.ask("a", 1));
  pool.deliver(first);
  CHECK(pool.ask("b", 1));
  pool.deliver(second);
  CHECK(pool.ask("a", 1));
}

TEST_CASE("no heartbeat extends a lease beyond the age in which its shards can have been executed") {
  Pool pool({.lease_duration = 15s, .lease_slack = 60s, .agent_timeout = 45s});
  for (const char* name : {"a", "b"}) pool.agent(name);
  pool.job("j", 4, 1, limited(20s));
  const Time granted = pool.now;
  const auto lease = *pool.ask("a");
  REQUIRE(lease.shards.size() == 2);
  const Time end = granted + 60s + 2 * 2 * 20s;
  std::vector<Lease> ended;
  while (pool.now < end) {
    REQUIRE(pool.scheduler->extend(lease.id, lease.agent, pool.now).has_value());
    CHECK(pool.scheduler->find(lease.id)->deadline <= end);
    CHECK(pool.scheduler->expire(pool.now).empty());
    pool.now += 5s;
    for (const char* name : {"a", "b"}) pool.agent(name);
  }
  CHECK_FALSE(pool.scheduler->extend(lease.id, lease.agent, pool.now));
  CHECK(pool.scheduler->expire(pool.now).size() == 1);
  CHECK(pool.progress("j").waiting == 4);
  SECTION("nor is it taken up again") {
    CHECK_FALSE(pool.scheduler->resume(lease, pool.now));
  }
}

TEST_CASE("what hangs is copied, whatever the job says of stragglers, and though nothing of it came back yet") {
  Pool pool;
  for (const char* name : {"a", "b"}) pool.agent(name);
  pool.job("j", 1, 1, limited(30s));
  const auto hangs = *pool.ask("a");
  CHECK_FALSE(pool.ask("b"));
  for (const Time end = pool.now + 30s; pool.now < end; pool.now += 5s) {
    for (const char* name : {"a", "b"}) pool.agent(name);
    REQUIRE(pool.scheduler->extend(hangs.id, hangs.agent, pool.now).has_value());
    pool.scheduler->expire(pool.now);
    CHECK_FALSE(pool.ask("b"));
  }
  REQUIRE(pool.scheduler->extend(hangs.id, hangs.agent, pool.now).has_value());
  const auto copy = pool.ask("b");
  REQUIRE(copy);
  CHECK(copy->shards == Shards{0});
  pool.agent("c");
  CHECK_FALSE(pool.ask("c"));  // One copy, no more.
  pool.deliver(*copy);
  CHECK(pool.progress("j").waiting == 0);
}

TEST_CASE("a lease has no more shards than one report can carry") {
  Pool pool;
  pool.agent("a");
  SchedulerJob job;
  job.max_shards_per_lease = 3;
  pool.job("j", 10, 1, job);
  CHECK(pool.shards("a") == Shards{0, 1, 2});
  CHECK(pool.shards("a") == Shards{3, 4, 5});
}

TEST_CASE("a lease lives for a part of what its shards may take, where that is longer") {
  Pool pool({.lease_duration = 15s, .lease_share = 0.1});
  pool.agent("a");
  pool.job("short", 1, 1, limited(1min));
  CHECK(pool.ask("a")->deadline == pool.now + 15s);
  pool.job("long", 1, 1, limited(20min));
  CHECK(pool.ask("a")->deadline == pool.now + 2min);
}

TEST_CASE("a lease that ran out is taken up again while nobody else has what it is of") {
  Pool pool;
  for (const char* name : {"a", "b"}) pool.agent(name);
  pool.job("j", 2);
  const auto lease = *pool.ask("a");
  pool.now += 20s;
  for (const char* name : {"a", "b"}) pool.agent(name);
  REQUIRE(pool.scheduler->expire(pool.now).size() == 1);
  SECTION("nobody has") {
    REQUIRE(pool.scheduler->resume(lease, pool.now));
    CHECK(pool.scheduler->find(lease.id)->deadline == pool.now + 15s);
    CHECK(pool.progress("j").leased == lease.shards.size());
    CHECK_FALSE(pool.scheduler->resume(lease, pool.now));
    pool.deliver(lease);
    CHECK(pool.progress("j").waiting == 1);
  }
  SECTION("somebody has") {
    while (pool.ask("b", 1)) {
    }
    const auto other = pool.progress("j").leased;
    CHECK(other > 0);
    if (pool.progress("j").waiting == 0) CHECK_FALSE(pool.scheduler->resume(lease, pool.now));
  }
  SECTION("its agent left") {
    pool.scheduler->agent_gone(AgentId("a"), pool.now);
    CHECK_FALSE(pool.scheduler->resume(lease, pool.now));
  }
  SECTION("its job is over") {
    pool.scheduler->remove_job(JobId("j"));
    CHECK_FALSE(pool.scheduler->resume(lease, pool.now));
  }
}

TEST_CASE("who could not begin a shard gets it again only if nobody else could take it") {
  Pool pool;
  for (const char* name : {"a", "b"}) pool.agent(name);
  pool.job("j", 1);
  const auto lease = *pool.ask("a");
  REQUIRE(pool.scheduler->finish(lease.id, lease.agent));
  pool.scheduler->avoid({JobId("j"), 0}, lease.agent, pool.now + 1min);
  pool.scheduler->want({JobId("j"), 0}, 1);
  CHECK_FALSE(pool.ask("a"));
  SECTION("somebody else takes it") {
    CHECK(pool.shards("b") == Shards{0});
  }
  SECTION("nobody else is there") {
    pool.scheduler->agent_gone(AgentId("b"), pool.now);
    CHECK(pool.shards("a") == Shards{0});
  }
  SECTION("time has passed") {
    pool.now += 1min;
    for (const char* name : {"a", "b"}) pool.agent(name);
    CHECK(pool.shards("a") == Shards{0});
  }
}

TEST_CASE("leases of one agent are granted, extended and ended in the same time each, however many it has") {
  // Where any of these took a walk over all of the agent's leases, this would not end within the time that a test has.
  constexpr std::uint32_t many = 100'000;
  Pool pool;
  pool.agent("a");
  pool.job("j", many);
  std::vector<Lease> leases;
  for (std::uint32_t i = 0; i < many; ++i) leases.push_back(*pool.ask("a", 1));
  pool.now += 6s;
  pool.agent("a");
  for (const Lease& lease : leases) REQUIRE(pool.scheduler->extend(lease.id, lease.agent, pool.now).has_value());
  SECTION("one after the other, as they came") {
    for (const Lease& lease : leases) REQUIRE(pool.scheduler->finish(lease.id, lease.agent).has_value());
    CHECK(pool.progress("j").leased == 0);
  }
  SECTION("all at once") {
    CHECK(pool.scheduler->agent_gone(AgentId("a"), pool.now).size() == many);
    CHECK(pool.progress("j").waiting == many);
  }
  SECTION("by their deadlines") {
    CHECK(pool.scheduler->expire(pool.now + 15s).size() == many);
  }
}
