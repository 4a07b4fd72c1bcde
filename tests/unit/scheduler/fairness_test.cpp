// Whose turn it is: organizations, projects, priorities, deadlines, adapters; and how much one may have.
#include "scheduled_pool.hpp"

#include <map>

using namespace forgepool_test;

namespace {

/// An agent that works for whoever is served, one shard at a time, each taking as long as `takes` says for its job (a second if
/// it says nothing); how many shards of each job it did.
std::map<std::string, int> work(Pool& pool, int shards, const std::map<std::string, Duration>& takes = {}) {
  std::map<std::string, int> done;
  for (int i = 0; i < shards; ++i) {
    pool.agent("worker");
    const auto lease = pool.ask("worker", 1);
    if (!lease) break;
    ++done[lease->job.str()];
    const auto time = takes.find(lease->job.str());
    pool.now += time == takes.end() ? Duration(1s) : time->second;
    pool.deliver(*lease);
  }
  return done;
}

SchedulerJob of(const std::string& organization, const std::string& project = "") {
  return {.organization = OrganizationId(organization), .project = project};
}

bool about(int value, int expected) {
  return std::abs(value - expected) <= expected / 20 + 2;
}

}  // namespace

TEST_CASE("organizations share by weight, whatever their number of jobs, projects and shards") {
  Pool pool({.organizations = {{"heavy", {.weight = 3}}}});
  pool.job("a", 5000, 1, of("light", "p"));
  for (int i = 0; i < 5; ++i) pool.job("b" + std::to_string(i), 5000, 1, of("heavy", "q" + std::to_string(i)));
  auto done = work(pool, 400);
  CHECK(about(done["a"], 100));
  for (int i = 0; i < 5; ++i) CHECK(about(done["b" + std::to_string(i)], 60));
}

TEST_CASE("projects of an organization share by weight") {
  Pool pool({.projects = {{"o/big", {.weight = 4}}}});
  pool.job("a", 1000, 1, of("o", "big"));
  pool.job("b", 1000, 1, of("o", "small"));
  auto done = work(pool, 500);
  CHECK(about(done["a"], 400));
}

TEST_CASE("what is shared is the agents' time, not the number of shards") {
  Pool pool;
  pool.job("long", 1000, 1, of("a"));
  pool.job("short", 1000, 1, of("b"));
  auto done = work(pool, 550, {{"long", 10s}, {"short", 1s}});
  CHECK(about(done["short"], 500));
}

TEST_CASE("batches count as what is in them") {
  Pool pool;
  pool.agent("worker");
  pool.job("a", 100'000, 1, of("a"));
  pool.job("b", 100'000, 1, of("b"));
  std::map<std::string, std::size_t> given;
  for (int i = 0; i < 200; ++i) {
    const auto lease = pool.ask("worker", i % 2 == 0 ? 1 : 64);
    REQUIRE(lease);
    given[lease->job.str()] += lease->shards.size();
    pool.now += 100ms * lease->shards.size();
    pool.agent("worker");
    pool.deliver(*lease);
  }
  CHECK(given["a"] > given["b"] * 9 / 10);
  CHECK(given["b"] > given["a"] * 9 / 10);
}

TEST_CASE("who was idle has no turns saved up, and who was served has no debt when alone") {
  Pool pool;
  pool.job("a", 5000, 1, of("a"));
  CHECK(work(pool, 300)["a"] == 300);
  pool.job("b", 5000, 1, of("b"));
  auto done = work(pool, 100);
  CHECK(about(done["a"], 50));
}

TEST_CASE("who has nothing for an agent is passed over, and does not get its time later") {
  Pool pool;
  auto far = of("far");
  far.regions = {"moon"};
  pool.job("moon", 5000, 1, far);
  pool.job("here", 5000, 1, of("near"));
  CHECK(work(pool, 500)["here"] == 500);
  pool.agent("lunar", "moon");
  std::map<std::string, int> done;
  for (int i = 0; i < 200; ++i) {
    pool.agent("lunar", "moon");
    const auto lease = pool.ask("lunar", 1);
    REQUIRE(lease);
    ++done[lease->job.str()];
    pool.now += 1s;
    pool.scheduler->agent_seen({.id = AgentId("lunar"), .region = "moon"}, pool.now);
    REQUIRE(pool.scheduler->finish(lease->id, lease->agent));
  }
  CHECK(about(done["moon"], 100));
}

TEST_CASE("of a project's jobs the one of the highest priority goes first, and waiting raises it") {
  Pool pool({.ageing = 1min});
  pool.job("low", 10, 1, {.priority = 2});
  pool.now += 3min;
  pool.job("middle", 10, 1, {.priority = 4});
  pool.job("high", 10, 1, {.priority = 7});
  pool.agent("a");
  CHECK(pool.ask("a", 10)->job == JobId("high"));
  CHECK(pool.ask("a", 10)->job == JobId("low"));  // It waited three minutes: 2 + 3 > 4.
  CHECK(pool.ask("a", 10)->job == JobId("middle"));
}

TEST_CASE("of equal priorities the earliest deadline goes first, then the oldest job") {
  Pool pool;
  pool.agent("a");
  pool.job("whenever-1", 1);
  pool.job("whenever-2", 1);
  pool.job("soon", 1, 1, {.deadline = pool.now + 2min});
  pool.job("sooner", 1, 1, {.deadline = pool.now + 1min});
  for (const auto* expected : {"sooner", "soon", "whenever-1", "whenever-2"}) CHECK(pool.ask("a")->job == JobId(expected));
}

TEST_CASE("of jobs of equal rank an agent gets one whose adapter it ran lately, but never before a deadline") {
  Pool pool;
  pool.agent("a");
  pool.job("first", 1, 1, {.adapter = "mc@1"});
  REQUIRE(pool.ask("a"));
  pool.job("other", 1, 1, {.adapter = "exec@1"});
  pool.job("same", 2, 1, {.adapter = "mc@1"});
  pool.agent("b");
  CHECK(pool.ask("a", 1)->job == JobId("same"));
  CHECK(pool.ask("b", 1)->job == JobId("other"));
  pool.job("urgent", 1, 1, {.deadline = pool.now + 1min, .adapter = "exec@1"});
  CHECK(pool.ask("a", 1)->job == JobId("urgent"));
}

TEST_CASE("no more of a project is under way than its quota, and it says so") {
  Pool pool({.projects = {{"o/p", {.max_leased = 3}}}});
  for (const auto* name : {"a", "b"}) pool.agent(name);
  pool.job("j", 10, 1, of("o", "p"));
  const auto lease = pool.ask("a", 2);
  CHECK(lease->shards.size() == 2);
  CHECK(pool.shards("b", 5).size() == 1);
  CHECK_FALSE(pool.ask("b"));
  CHECK(pool.why("j") == Codes{"quota"});
  pool.deliver(*lease);
  CHECK(pool.shards("a", 5).size() == 2);
}

TEST_CASE("jobs for which there is no room are refused before they come") {
  Pool pool({.organizations = {{"o", {.max_waiting = 100}}}, .max_waiting = 150});
  const auto refused = [&](const SchedulerJob& job, std::uint64_t executions) {
    const auto room = pool.scheduler->has_room(job, executions);
    if (!room) CHECK(room.error().kind == ErrorKind::unavailable);
    return !room;
  };
  CHECK_FALSE(refused(of("o"), 100));
  CHECK(refused(of("o"), 101));
  pool.job("j", 40, 2, of("o"));
  CHECK_FALSE(refused(of("o"), 20));
  CHECK(refused(of("o"), 21));
  CHECK_FALSE(refused(of("other"), 70));
  CHECK(refused(of("other"), 71));
  pool.scheduler->remove_job(JobId("j"));
  CHECK_FALSE(refused(of("o"), 100));
}

TEST_CASE("thousands of projects come and go") {
  Pool pool;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i)
      pool.job("j" + std::to_string(i), 1, 1, of("o" + std::to_string(i % 7), "p" + std::to_string(i)));
    CHECK(work(pool, 2000).size() == 1000);
    for (int i = 999; i >= 0; --i) pool.scheduler->remove_job(JobId("j" + std::to_string(i)));
  }
}
