// Leases that take far longer than others: copied to agents that would be idle, and counted once.
#include "scheduled_pool.hpp"

using namespace forgepool_test;

namespace {

/// Three shards came back after two seconds each; "slow" has the fourth since then.
struct Tail : Pool {
  explicit Tail(SchedulerJob limits = {}, std::uint32_t replicas = 1) : Pool({.straggler_factor = 3, .straggler_after = 5s}) {
    for (const auto* name : {"fast", "slow"}) agent(name);
    job("j", 4, replicas, limits);
    while (const auto lease = ask("fast", 1)) {
      if (lease->shards == Shards{3}) {
        scheduler->finish(lease->id, lease->agent);
        break;
      }
      now += 2s;
      deliver(*lease);
    }
    scheduler->want({JobId("j"), 3}, 1);
    straggler = *ask("slow", 1);
  }
  Lease straggler;

  void later(Duration by) {
    for (const Time end = now + by; now < end;) {
      now = std::min(end, now + 5s);
      for (const auto* name : {"fast", "slow"}) agent(name);
      REQUIRE(scheduler->extend(straggler.id, straggler.agent, now));
      scheduler->expire(now);
    }
  }
};

}  // namespace

TEST_CASE("a shard that takes far longer than others is leased once more to an agent that would be idle") {
  Tail pool;
  REQUIRE(pool.straggler.shards == Shards{3});
  CHECK_FALSE(pool.ask("fast"));
  REQUIRE(pool.scheduler->next_deadline());
  CHECK(*pool.scheduler->next_deadline() <= pool.now + 6s);
  pool.later(4s);
  CHECK_FALSE(pool.ask("fast"));
  pool.later(2s);
  CHECK_FALSE(pool.ask("slow"));  // It has it.
  const auto copy = pool.ask("fast");
  REQUIRE(copy);
  CHECK(copy->shards == Shards{3});
  pool.agent("third");
  CHECK_FALSE(pool.ask("third"));  // One copy, no more.
  CHECK(pool.progress("j").waiting == 0);
  CHECK(pool.progress("j").leased == 2);

  SECTION("the copy delivers the execution; the straggler is a replica more, and nobody waits for it") {
    pool.deliver(*copy);
    pool.scheduler->agent_gone(AgentId("slow"), pool.now);
    CHECK(pool.progress("j").waiting == 0);
    CHECK_FALSE(pool.ask("third"));
  }
  SECTION("a replica that is asked for meanwhile is the one under way") {
    pool.deliver(*copy);
    pool.scheduler->want({JobId("j"), 3}, 1);
    CHECK(pool.progress("j").waiting == 0);
    pool.deliver(pool.straggler);
    CHECK(pool.progress("j").leased == 0);
    CHECK(pool.progress("j").waiting == 0);
  }
  SECTION("a copy that fails leaves the straggler to be waited for") {
    pool.scheduler->finish(copy->id, copy->agent);
    pool.scheduler->exclude({JobId("j"), 3}, copy->agent);
    pool.scheduler->want({JobId("j"), 3}, 1);
    CHECK(pool.progress("j").waiting == 0);
    CHECK(pool.ask("third"));  // Which is one still.
  }
  SECTION("a straggler that is lost leaves the copy to be waited for") {
    pool.scheduler->agent_gone(AgentId("slow"), pool.now);
    CHECK(pool.progress("j").waiting == 0);
    pool.scheduler->agent_gone(AgentId("fast"), pool.now);
    CHECK(pool.progress("j").waiting == 1);
  }
}

TEST_CASE(
    "nothing is copied where the job forbids it, while something waits, once it is settled, or before a few shards came back") {
  SECTION("forbidden") {
    Tail pool({.speculative = false});
    pool.later(60s);
    CHECK_FALSE(pool.ask("fast"));
  }
  SECTION("something waits") {
    Tail pool;
    pool.later(60s);
    pool.scheduler->want({JobId("j"), 7}, 1);
    CHECK(pool.shards("fast") == Shards{7});
    CHECK(pool.shards("fast") == Shards{3});
  }
  SECTION("settled") {
    Tail pool;
    pool.later(60s);
    pool.scheduler->settle({JobId("j"), 3});
    CHECK_FALSE(pool.ask("fast"));
  }
  SECTION("nothing is known") {
    Pool pool;
    for (const auto* name : {"fast", "slow"}) pool.agent(name);
    pool.job("j", 1);
    const auto lease = pool.ask("slow");
    for (int i = 0; i < 10; ++i) {
      pool.now += 9s;
      pool.agent("fast");
      pool.scheduler->extend(lease->id, lease->agent, pool.now);
      CHECK_FALSE(pool.ask("fast"));
    }
  }
}

TEST_CASE("a copy goes where a replica may go") {
  Tail pool({.data_class = ""});
  pool.later(6s);
  pool.scheduler->exclude({JobId("j"), 3}, AgentId("fast"));
  CHECK_FALSE(pool.ask("fast"));
  pool.agent_as("drained", {.draining = true});
  CHECK_FALSE(pool.ask("drained"));
  pool.agent("third");
  CHECK(pool.shards("third") == Shards{3});
}
