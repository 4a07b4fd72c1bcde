// Who may work on what, and what a job that waits says about it.
#include "scheduled_pool.hpp"

using namespace forgepool_test;

namespace {

struct Case {
  std::string code;
  SchedulerJob job;
  SchedulerAgent wrong, right;
};

const std::vector<Case> cases{
    {"tier", {.target = "private"}, {.tier = "enterprise"}, {.tier = "private"}},
    {"region", {.regions = {"eu", "ch"}}, {.region = "us"}, {.region = "ch"}},
    {"data_class", {.data_class = "internal"}, {.data_classes = {"public"}}, {.data_classes = {"public", "internal"}}},
    {"adapter", {.adapter = "mc@1"}, {.adapters = {"exec", "mc@2"}}, {.adapters = {"mc@1"}}},
    {"adapter", {.adapter = "mc@1"}, {.adapters = {"m"}}, {.adapters = {"mc"}}},
    {"numeric_class", {.numeric_class = "v3"}, {.numeric_class = "v4"}, {.numeric_class = "v3"}},
    {"numeric_class", {.homogeneous = true}, {}, {.numeric_class = "v3"}},
    {"sandbox",
     {.sandbox = {SandboxLevel::namespaces, Determinism::standard, {}}},
     {.sandbox = {SandboxLevel::bubblewrap, Determinism::strict, {}}},
     {.sandbox = {SandboxLevel::namespaces, Determinism::standard, {}}}},
    {"sandbox",
     {.sandbox = {SandboxLevel::none, Determinism::strict, {}}},
     {.sandbox = {SandboxLevel::full, Determinism::standard, {}}},
     {.sandbox = {SandboxLevel::none, Determinism::strict, {}}}},
    {"sandbox",
     {.sandbox = {SandboxLevel::none, Determinism::none, {SandboxRelaxation::spawn}}},
     {.sandbox = {SandboxLevel::full, Determinism::strict, {SandboxRelaxation::memory_files}}},
     {.sandbox = {SandboxLevel::full, Determinism::strict, {SandboxRelaxation::memory_files, SandboxRelaxation::spawn}}}},
    {"sandbox",
     {.sandbox = {SandboxLevel::none, Determinism::strict, {}, 2}},
     {.sandbox = {SandboxLevel::full, Determinism::strict, {}, 1}},
     {.sandbox = {SandboxLevel::none, Determinism::strict, {}, 2}}},
    {"organization",
     {.organization = OrganizationId("o")},
     {.organization = OrganizationId("p")},
     {.organization = OrganizationId("o")}},
    {"draining", {}, {.draining = true}, {}},
};

}  // namespace

TEST_CASE("an agent that does not meet a constraint gets nothing, and the job says which, of how many, and what would help") {
  for (const auto& [code, job, wrong, right] : cases) {
    INFO(code);
    Pool pool;
    pool.job("j", 2, 1, job);
    pool.agent_as("wrong", wrong);
    CHECK_FALSE(pool.ask("wrong"));
    CHECK(pool.why("j") == Codes{code});
    CHECK(pool.progress("j").reasons.at(0).agents == 1);
    pool.agent_as("right", right);
    CHECK_FALSE(pool.ask("wrong"));
    CHECK(pool.why("j") == Codes{"waiting_for_agents_to_ask", code});
    CHECK(pool.shards("right", 1) == Shards{0});
    pool.agent_as("wrong", right);  // Enrolled again, say.
    CHECK(pool.shards("wrong", 1) == Shards{1});
  }
}

TEST_CASE("several unmet constraints are all named") {
  SchedulerJob job{.regions = {"eu"}, .target = "private", .data_class = "secret"};
  CHECK(unmet_constraints({.region = "us"}, job) == std::vector{Constraint::tier, Constraint::region, Constraint::data_class});
  Pool pool;
  pool.job("j", 1, 1, job);
  pool.agent("a", "us");
  pool.agent("b", "eu");
  CHECK(pool.why("j") == Codes{"tier", "region", "data_class"});
  CHECK(pool.progress("j").reasons.at(0).agents == 2);
  CHECK(pool.progress("j").reasons.at(1).agents == 1);
  CHECK(pool.progress("j").reasons.at(1).text == "1 of the 2 agents that are there is not in the region eu");
  CHECK(pool.progress("j").reasons.at(1).unblock == "an agent must join that is in the region eu");
}

TEST_CASE("an agent that drains keeps what it has") {
  Pool pool;
  pool.agent_as("a", {});
  pool.job("j", 2);
  const auto lease = pool.ask("a", 1);
  pool.agent_as("a", {.draining = true});
  CHECK_FALSE(pool.ask("a"));
  CHECK(pool.scheduler->extend(lease->id, lease->agent, pool.now).has_value());
  CHECK(pool.scheduler->finish(lease->id, lease->agent).has_value());
  pool.agent_as("a", {});
  CHECK(pool.ask("a"));
}

TEST_CASE("an agent whose heartbeat is late gets nothing until it comes") {
  Pool pool;
  pool.agent("a");
  pool.job("j", 3);
  const auto lease = pool.ask("a", 1);
  pool.now += 10s;
  pool.agent("a");
  CHECK(pool.ask("a", 1));
  pool.now += 1s;
  pool.agent("a");
  CHECK_FALSE(pool.ask("a"));
  CHECK(pool.why("j") == Codes{"late"});
  REQUIRE(pool.scheduler->extend(lease->id, lease->agent, pool.now));
  CHECK(pool.ask("a", 1));
}

TEST_CASE("all replicas of a shard go to agents of one numeric class, where the job asks for it") {
  Pool pool;
  const SchedulerAgent x{.numeric_class = "x"}, y{.numeric_class = "y"};
  pool.agent_as("x1", x);
  pool.agent_as("y1", y);
  pool.job("j", 2, 3, {.homogeneous = true});
  const auto first = pool.ask("x1", 1);
  CHECK(first->shards == Shards{0});
  CHECK(pool.shards("y1") == Shards{1});
  CHECK(pool.why("j") == Codes{"homogeneous"});
  pool.agent_as("y2", y);
  CHECK(pool.shards("y2") == Shards{1});
  pool.agent_as("x2", x);
  CHECK(pool.shards("x2") == Shards{0});

  SECTION("also after they delivered and left") {
    pool.scheduler->finish(first->id, first->agent);
    pool.scheduler->exclude({JobId("j"), 0}, first->agent);
    for (const auto* gone : {"x1", "x2"}) pool.scheduler->agent_gone(AgentId(gone), pool.now);
    pool.agent_as("y3", y);
    CHECK(pool.shards("y3") == Shards{1});
    pool.agent_as("x3", x);
    CHECK(pool.shards("x3") == Shards{0});
  }
  SECTION("but a shard that nobody has or had is free again") {
    for (const auto* gone : {"x1", "x2"}) pool.scheduler->agent_gone(AgentId(gone), pool.now);
    CHECK(pool.shards("y1") == Shards{0});
  }
}

TEST_CASE("an agent that failed a shard gets it no more, and says nothing about who else may have it") {
  SchedulerAgent x{.numeric_class = "x", .operator_id = "o"}, y{.numeric_class = "y", .operator_id = "p"};
  for (const SchedulerJob& limits : {SchedulerJob{.homogeneous = true}, SchedulerJob{.spread = {.operators = true}}}) {
    Pool pool;
    pool.agent_as("x1", x);
    pool.job("j", 1, 1, limits);
    const auto first = pool.ask("x1", 1);
    REQUIRE(first);
    REQUIRE(pool.scheduler->finish(first->id, first->agent));
    pool.scheduler->failed({JobId("j"), 0}, first->agent);
    pool.scheduler->want({JobId("j"), 0}, 1);
    CHECK_FALSE(pool.ask("x1"));
    pool.agent_as("x2", x);  // Of the same class and operator: nothing is known against it.
    const auto second = pool.ask("x2");
    REQUIRE(second);
    REQUIRE(pool.scheduler->finish(second->id, second->agent));
    pool.scheduler->failed({JobId("j"), 0}, second->agent);
    pool.scheduler->want({JobId("j"), 0}, 1);
    pool.agent_as("y1", y);  // Of another class: the shard is not bound to the first one's.
    CHECK(pool.shards("y1") == Shards{0});
  }
}

TEST_CASE("each shard that waits says what keeps which agents from it, and what would help") {
  const auto codes = [](const Pool& pool, std::uint32_t shard) {
    Codes found;
    for (const auto& reason : pool.scheduler->reasons({JobId("j"), shard}, pool.now)) {
      CHECK_FALSE(reason.text.empty());
      CHECK_FALSE(reason.unblock.empty());
      found.push_back(reason.code + " " + std::to_string(reason.agents));
    }
    return found;
  };
  Pool pool;
  pool.job("j", 2, 2, {.regions = {"eu"}, .spread = {.operators = true}});
  CHECK(codes(pool, 0) == Codes{"no_agents 0"});
  pool.agent_as("a", {.region = "eu", .operator_id = "o"});
  pool.agent_as("b", {.region = "eu", .operator_id = "o"});
  pool.agent_as("far", {.region = "us", .operator_id = "p"});
  CHECK(pool.shards("a", 1) == Shards{0});
  CHECK(codes(pool, 0) == Codes{"had_it 1", "spread 1", "region 1"});
  CHECK(codes(pool, 1) == Codes{"not_its_turn 0", "region 1"});
  CHECK(pool.shards("b", 1) == Shards{1});
  CHECK(codes(pool, 1) == Codes{"had_it 1", "spread 1", "region 1"});
  pool.agent_as("c", {.region = "eu", .operator_id = "q", .draining = true});
  CHECK(codes(pool, 0) == Codes{"had_it 1", "spread 1", "region 1", "draining 1"});
  CHECK(pool.scheduler->reasons({JobId("j"), 7}, pool.now).empty());
  pool.scheduler->settle({JobId("j"), 0});
  CHECK(codes(pool, 0).empty());

  pool.job("h", 1, 2, {.homogeneous = true});
  pool.agent_as("v3", {.numeric_class = "v3"});
  CHECK(pool.shards("v3") == Shards{0});
  pool.agent_as("v4", {.numeric_class = "v4"});
  const auto reasons = pool.scheduler->reasons({JobId("h"), 0}, pool.now);
  REQUIRE(reasons.size() >= 2);
  CHECK(reasons[0].code == "had_it");
  CHECK(reasons[1].code == "homogeneous");
}

TEST_CASE("replicas of a shard are spread over operators, networks and regions, where the job asks for it") {
  struct {
    ReplicaSpread spread;
    SchedulerAgent first, same, other;
  } const spreads[] = {{{.operators = true}, {.operator_id = "o"}, {.operator_id = "o"}, {.operator_id = "p"}},
                       {{.networks = true}, {.network = "n"}, {.network = "n"}, {.network = "m"}},
                       {{.regions = true}, {.region = "r"}, {.region = "r"}, {.region = "s"}},
                       {{.operators = true}, {}, {}, {.operator_id = "p"}}};
  for (const auto& [spread, first, same, other] : spreads) {
    Pool pool;
    pool.agent_as("first", first);
    pool.agent_as("same", same);
    pool.job("j", 1, 2, {.spread = spread});
    const auto lease = pool.ask("first");
    REQUIRE(lease);
    CHECK_FALSE(pool.ask("same"));
    CHECK(pool.why("j") == Codes{"spread"});
    pool.agent_as("other", other);
    CHECK(pool.why("j") == Codes{"waiting_for_agents_to_ask"});
    REQUIRE(pool.ask("other"));
    pool.scheduler->agent_gone(AgentId("first"), pool.now);
    CHECK(pool.shards("same") == Shards{0});
  }
}

TEST_CASE("an agent that was kept from many shards by others gets them when those let go") {
  Pool pool;
  pool.agent_as("first", {.operator_id = "o"});
  pool.agent_as("same", {.operator_id = "o"});
  pool.job("j", 50, 2, {.spread = {.operators = true}});
  while (pool.ask("first")) {
  }
  for (int i = 0; i < 3; ++i) CHECK_FALSE(pool.ask("same"));
  pool.scheduler->agent_gone(AgentId("first"), pool.now);
  std::size_t got = 0;
  while (const auto lease = pool.ask("same")) got += lease->shards.size();
  CHECK(got == 50);
}
