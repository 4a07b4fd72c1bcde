// Leases, deadlines and shards: what any job meets.
#include "scheduled_pool.hpp"

using namespace forgepool_test;

TEST_CASE("shards are leased in index order, jobs in the order they came") {
  Pool pool;
  pool.agent("a");
  pool.job("second-name-first-come", 3);
  pool.job("another", 2);
  CHECK(pool.shards("a", 2) == Shards{0, 1});
  CHECK(pool.shards("a", 2) == Shards{2});
  const auto lease = pool.ask("a", 5);
  REQUIRE(lease);
  CHECK(lease->job == JobId("another"));
  CHECK(lease->shards == Shards{0, 1});
  CHECK(lease->granted == pool.now);
  CHECK(lease->deadline == pool.now + 15s);
  CHECK_FALSE(pool.ask("a"));
}

TEST_CASE("a batch is no more than an agent's fair part of what waits, so that nobody hoards the tail") {
  Pool pool;
  for (const auto* name : {"a", "b", "c", "d"}) pool.agent(name);
  pool.job("j", 10);
  CHECK(pool.shards("a") == Shards{0, 1, 2});  // ceil(10 / 4)
  CHECK(pool.shards("b") == Shards{3, 4});     // ceil(7 / 4)
  CHECK(pool.shards("c") == Shards{5, 6});
  CHECK(pool.shards("d") == Shards{7});
  CHECK(pool.shards("a") == Shards{8});
  CHECK(pool.shards("a", 0).empty());
}

TEST_CASE("the fair part counts only agents that may work on the job, and max_agents of them at most") {
  Pool pool;
  for (const auto* name : {"a", "b"}) pool.agent(name, "eu");
  for (const auto* name : {"c", "d"}) pool.agent(name, "us");
  pool.job("in-europe", 10, 1, {.regions = {"eu", "eu"}});
  CHECK(pool.shards("a").size() == 5);
  pool.job("of-one", 4, 1, {.max_agents = 1, .regions = {"us"}});
  CHECK(pool.shards("c").size() == 4);
}

TEST_CASE("replicas of a shard go to different agents, also while the first is still under way") {
  Pool pool;
  pool.agent("a");
  pool.agent("b");
  pool.job("j", 2, 2);
  CHECK(pool.shards("a") == Shards{0, 1});
  CHECK_FALSE(pool.ask("a"));
  CHECK(pool.why("j") == Codes{"waiting_for_agents_to_ask"});
  CHECK(pool.shards("b", 1) == Shards{0});
  CHECK(pool.shards("b") == Shards{1});
}

TEST_CASE("an agent that delivered never gets the shard again, not even after it was away for long") {
  Pool pool;
  pool.agent("a");
  pool.job("j", 1, 2);
  pool.deliver(*pool.ask("a"));
  CHECK_FALSE(pool.ask("a"));
  pool.now += 10h;
  pool.scheduler->expire(pool.now);
  pool.agent("a");
  CHECK_FALSE(pool.ask("a"));
  CHECK(pool.why("j") == Codes{"agents_used"});
  pool.agent("b");
  CHECK(pool.shards("b") == Shards{0});
}

TEST_CASE("an agent may be excluded before it was ever there") {
  Pool pool;
  pool.job("j", 1);
  pool.scheduler->exclude({JobId("j"), 0}, AgentId("a"));
  pool.agent("a");
  CHECK_FALSE(pool.ask("a"));
}

TEST_CASE("a lease ends at its deadline and its shards wait again, heartbeats extend it") {
  Pool pool;
  pool.agent("a");
  pool.job("j", 2);
  const auto lease = pool.ask("a");
  CHECK(pool.scheduler->next_deadline() == pool.now + 15s);
  pool.now += 14s;
  REQUIRE(pool.scheduler->extend(lease->id, AgentId("a"), pool.now).has_value());
  CHECK(pool.scheduler->find(lease->id)->deadline == pool.now + 15s);
  pool.now += 15s;
  CHECK(pool.scheduler->extend(lease->id, AgentId("a"), pool.now).error().kind == ErrorKind::not_found);
  const auto ended = pool.scheduler->expire(pool.now);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].shards == Shards{0, 1});
  CHECK_FALSE(pool.scheduler->find(lease->id));
  CHECK(pool.scheduler->finish(lease->id, AgentId("a")).error().kind == ErrorKind::not_found);
  CHECK(pool.scheduler->progress(JobId("j"), pool.now).waiting == 2);
}

TEST_CASE("a lease is only its agent's") {
  Pool pool;
  pool.agent("a");
  pool.job("j", 1);
  const auto lease = pool.ask("a");
  CHECK(pool.scheduler->extend(lease->id, AgentId("b"), pool.now).error().kind == ErrorKind::denied);
  CHECK(pool.scheduler->finish(lease->id, AgentId("b")).error().kind == ErrorKind::denied);
  CHECK(pool.scheduler->finish(LeaseId("no"), AgentId("a")).error().kind == ErrorKind::not_found);
}

TEST_CASE("who let a lease run out gets its shards last, but gets them when nobody else can take them") {
  Pool pool;
  pool.agent("slow");
  pool.job("j", 2);
  REQUIRE(pool.ask("slow"));
  pool.now += 15s;
  pool.scheduler->expire(pool.now);

  SECTION("nobody else is there") {
    pool.agent("slow");
    CHECK(pool.shards("slow") == Shards{0, 1});
  }
  SECTION("another is there") {
    pool.agent("slow");
    pool.agent("other");
    CHECK_FALSE(pool.ask("slow"));
    CHECK(pool.shards("other", 1) == Shards{0});
    pool.scheduler->agent_gone(AgentId("other"), pool.now);
    CHECK(pool.shards("slow", 1) == Shards{1});
  }
  SECTION("another was there but did not ask for a lease's duration") {
    pool.agent("slow");
    pool.agent("other");
    CHECK_FALSE(pool.ask("slow"));
    pool.now += 15s;
    CHECK(pool.shards("slow", 1) == Shards{0});
  }
  SECTION("another is there but had the shard already") {
    pool.agent("slow");
    pool.agent("other");
    pool.scheduler->exclude({JobId("j"), 1}, AgentId("other"));
    CHECK(pool.shards("slow") == Shards{1});
  }
}

TEST_CASE("what was given back is served before what is fresh") {
  Pool pool;
  pool.agent("a");
  pool.agent("b");
  pool.job("j", 4);
  REQUIRE(pool.shards("a", 1) == Shards{0});
  pool.scheduler->agent_gone(AgentId("a"), pool.now);
  pool.agent("a");
  CHECK(pool.shards("b", 1) == Shards{0});
  CHECK(pool.shards("a", 1) == Shards{1});
}

TEST_CASE("an agent that leaves loses its leases and gets nothing until it is seen again") {
  Pool pool;
  pool.agent("a");
  pool.job("j", 4);
  pool.ask("a", 1);
  pool.ask("a", 1);
  const auto ended = pool.scheduler->agent_gone(AgentId("a"), pool.now);
  REQUIRE(ended.size() == 2);
  CHECK(ended[0].shards == Shards{0});
  CHECK(ended[1].shards == Shards{1});
  CHECK_FALSE(pool.ask("a"));
  CHECK(pool.why("j") == Codes{"no_agents"});
  pool.agent("a");
  CHECK(pool.shards("a") == Shards{0, 1, 2, 3});
  CHECK(pool.scheduler->agent_gone(AgentId("stranger"), pool.now).empty());
}

TEST_CASE("an agent that falls silent no longer counts as there, while its lease runs to its own deadline") {
  auto scheduler = make_fair_share_scheduler({.lease_duration = 60s, .agent_timeout = 10s});
  const Time start{0s};
  scheduler->add_job({JobId("j")}, start);
  scheduler->want({JobId("j"), 0}, 2);
  scheduler->agent_seen({.id = AgentId("a")}, start);
  REQUIRE(scheduler->grant(AgentId("a"), LeaseId("l"), 1, start));
  CHECK(scheduler->next_deadline() == start + 10s);
  CHECK(scheduler->expire(start + 10s).empty());
  CHECK(scheduler->progress(JobId("j"), start + 10s).reasons.at(0).code == "no_agents");
  CHECK(scheduler->extend(LeaseId("l"), AgentId("a"), start + 11s).has_value());
  CHECK_FALSE(scheduler->grant(AgentId("a"), LeaseId("m"), 1, start + 11s));
}

TEST_CASE("nothing is leased before min_agents are there, and the job goes on when they become fewer") {
  Pool pool;
  pool.agent("a", "eu");
  pool.agent("x", "us");
  pool.job("j", 4, 1, {.min_agents = 2, .regions = {"eu"}});
  CHECK_FALSE(pool.ask("a"));
  CHECK(pool.why("j") == Codes{"too_few_agents", "region"});
  pool.agent("b", "eu");
  CHECK(pool.shards("a", 1) == Shards{0});
  pool.scheduler->agent_gone(AgentId("b"), pool.now);
  CHECK(pool.shards("a", 1) == Shards{1});
}

TEST_CASE("at most max_agents hold leases of a job at once") {
  Pool pool;
  for (const auto* name : {"a", "b", "c"}) pool.agent(name);
  pool.job("j", 9, 1, {.max_agents = 2});
  const auto first = pool.ask("a", 1);
  REQUIRE(pool.ask("b", 1));
  CHECK_FALSE(pool.ask("c", 1));
  CHECK(pool.why("j") == Codes{"max_agents"});
  CHECK(pool.ask("a", 1));
  pool.deliver(*first);
  CHECK_FALSE(pool.ask("c", 1));
  pool.scheduler->agent_gone(AgentId("b"), pool.now);
  CHECK(pool.ask("c", 1));
}

TEST_CASE("agents outside the job's regions get nothing, and an agent may move") {
  Pool pool;
  pool.agent("a", "us");
  pool.agent("n");
  pool.job("j", 1, 1, {.regions = {"eu", "ch"}});
  CHECK_FALSE(pool.ask("a"));
  CHECK_FALSE(pool.ask("n"));
  CHECK(pool.why("j") == Codes{"region"});
  pool.agent("a", "ch");
  CHECK(pool.ask("a"));
}

TEST_CASE("a settled shard waits no more, and a lease on it that is lost does not bring it back") {
  Pool pool;
  pool.agent("a");
  pool.agent("b");
  pool.job("j", 1, 3);
  REQUIRE(pool.ask("a"));
  pool.scheduler->settle({JobId("j"), 0});
  CHECK_FALSE(pool.ask("b"));
  CHECK(pool.scheduler->progress(JobId("j"), pool.now).leased == 1);
  pool.scheduler->agent_gone(AgentId("a"), pool.now);
  CHECK(pool.scheduler->progress(JobId("j"), pool.now).waiting == 0);
  pool.scheduler->want({JobId("j"), 0}, 1);
  CHECK(pool.shards("b") == Shards{0});
}

TEST_CASE("finishing does not put shards back; those that failed are wanted again and may go to the same agent") {
  Pool pool;
  pool.agent("a");
  pool.job("j", 3);
  const auto lease = pool.ask("a");
  const auto finished = pool.scheduler->finish(lease->id, AgentId("a"));
  REQUIRE(finished);
  CHECK(*finished == *lease);
  CHECK_FALSE(pool.ask("a"));
  pool.scheduler->want({JobId("j"), 1}, 1);
  CHECK(pool.shards("a") == Shards{1});
}

TEST_CASE("a removed job takes its leases with it") {
  Pool pool;
  pool.agent("a");
  pool.job("j", 2);
  const auto lease = pool.ask("a", 1);
  pool.scheduler->remove_job(JobId("j"));
  CHECK_FALSE(pool.scheduler->find(lease->id));
  CHECK_FALSE(pool.ask("a"));
  CHECK(pool.scheduler->expire(pool.now + 15s).empty());
  CHECK(pool.scheduler->progress(JobId("j"), pool.now).waiting == 0);
  pool.scheduler->want({JobId("j"), 0}, 1);  // Unknown by now: nothing.
  CHECK_FALSE(pool.ask("a"));
}

TEST_CASE("a lease restored after a restart takes its shards from what waits, counts for its agent, and can be finished") {
  Pool pool;
  pool.job("j", 2, 2, {.min_agents = 2});
  const Lease old{LeaseId("old"), JobId("j"), AgentId("a"), {0, 1}, pool.now - 5s, pool.now + 10s};
  pool.scheduler->restore(old);
  pool.scheduler->restore(old);
  const auto restored = pool.scheduler->find(old.id);
  REQUIRE(restored);
  CHECK(restored->shards == old.shards);
  CHECK(restored->granted == old.granted);
  CHECK(restored->deadline == pool.now + 15s);  // As if it had been extended just now.
  CHECK(pool.scheduler->progress(JobId("j"), pool.now).waiting == 2);
  CHECK(pool.scheduler->progress(JobId("j"), pool.now).leased == 2);
  pool.agent("a");
  CHECK_FALSE(pool.ask("a"));
  pool.agent("b");
  CHECK(pool.shards("b") == Shards{0});
  CHECK(pool.shards("b") == Shards{1});
  CHECK(pool.scheduler->finish(old.id, AgentId("a")).has_value());
}

TEST_CASE("a lease whose deadline passed while the hub was away goes on: its agent could tell nobody that it works") {
  Pool pool;
  pool.job("j", 1);
  pool.scheduler->restore({LeaseId("old"), JobId("j"), AgentId("a"), {0}, pool.now - 30s, pool.now - 15s});
  CHECK(pool.scheduler->expire(pool.now).empty());
  CHECK(pool.scheduler->extend(LeaseId("old"), AgentId("a"), pool.now += 10s).has_value());
  CHECK(pool.scheduler->expire(pool.now += 15s).size() == 1);
  CHECK(pool.scheduler->progress(JobId("j"), pool.now).waiting == 1);
}

TEST_CASE("a lease id that is in use is not given out again") {
  Pool pool;
  pool.agent("a");
  pool.job("j", 2);
  REQUIRE(pool.scheduler->grant(AgentId("a"), LeaseId("same"), 1, pool.now));
  CHECK_FALSE(pool.scheduler->grant(AgentId("a"), LeaseId("same"), 1, pool.now));
}

TEST_CASE("progress says why shards wait, and nothing when none does") {
  Pool pool;
  pool.job("j", 4, 2);
  CHECK(pool.why("j") == Codes{"no_agents"});
  pool.agent("a");
  CHECK(pool.why("j") == Codes{"waiting_for_agents_to_ask"});
  pool.agent("b");
  const auto a = pool.ask("a");
  const auto b = pool.ask("b", 1);
  REQUIRE(a->shards == Shards{0, 1, 2, 3});
  CHECK(pool.why("j") == Codes{"all_agents_busy"});
  pool.deliver(*b);
  pool.scheduler->want({JobId("j"), 0}, 1);
  CHECK(pool.why("j") == Codes{"agents_used", "waiting_for_agents_to_ask"});
  CHECK(pool.scheduler->progress(JobId("j"), pool.now).reasons.at(0).text.starts_with("1 waiting shards"));
  pool.deliver(*a);
  while (const auto rest = pool.ask("b")) pool.deliver(*rest);
  CHECK(pool.why("j") == Codes{"agents_used"});
  pool.agent("c");
  REQUIRE(pool.ask("c"));
  CHECK(pool.why("j").empty());
}

TEST_CASE("shards wanted out of order are all found") {
  Pool pool;
  pool.agent("a");
  pool.agent("b");
  pool.job("j", 0);
  for (const std::uint32_t index : {7u, 3u, 5u, 9u}) pool.scheduler->want({JobId("j"), index}, 1);
  CHECK(pool.shards("a", 100) == Shards{3, 5});
  pool.scheduler->want({JobId("j"), 0}, 1);
  CHECK(pool.shards("a", 100) == Shards{0});  // Half of the five are its part.
  CHECK(pool.shards("b", 100) == Shards{7});
  CHECK(pool.shards("b", 100) == Shards{9});
}

TEST_CASE("an agent that has had everything below is not made to look at it again at every question") {
  // A lone agent and two replicas of many shards: quadratic work would not end within the test's time limit.
  Pool pool;
  pool.agent("a");
  pool.agent("idle");
  pool.job("j", 300'000, 2);
  std::uint64_t leased = 0;
  while (const auto lease = pool.ask("a", 4)) {
    leased += lease->shards.size();
    pool.deliver(*lease);
  }
  CHECK(leased == 300'000);
  for (int i = 0; i < 100'000; ++i) REQUIRE_FALSE(pool.ask("a", 4));
}
