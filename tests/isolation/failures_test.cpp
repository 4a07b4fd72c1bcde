// Executions that end badly: whose trouble they are, what it takes to believe them, and what the job leaves of it.
#include "pool.hpp"

#include "wire/failure.hpp"

#include <forgepool/audit.hpp>
#include <forgepool/backends/adaptive_verifier.hpp>
#include <forgepool/testing/fake_sandbox.hpp>

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

using Kind = SandboxOutcome::Kind;

struct Failing {
  explicit Failing(Pool::MakeVerifier verifier = nullptr) : pool({}, std::move(verifier)) {}

  std::unique_ptr<Pool::Member> agent(Pool::Program program) {
    return pool.start_agent_running(pool.enrol(pool.invite(Pool::aurora, {})), std::move(program));
  }
  /// Ends every shard like this.
  std::unique_ptr<Pool::Member> agent(Kind kind, int code = 0) {
    return agent([this, kind, code](const SandboxRequest&) {
      pool.loop.spend(10ms);
      ++executions;
      SandboxReport report;
      report.outcome = {kind, code, "says the agent"};
      return report;
    });
  }
  std::unique_ptr<Pool::Member> honest() { return pool.start_agent(Pool::aurora); }
  /// With a new connection of its client's.
  void restart() {
    pool.finish_hub();
    pool.restart_hub();
    owner = pool.client(pool.issue(Pool::aurora, "client/alice"));
  }
  JobId submit(unsigned shards, unsigned replicas) {
    return must(pool.call<JobStatus>([&](auto done) { owner->submit(Pool::contract(shards, "", replicas), done); })).id;
  }
  JobStatus status(const JobId& job) {
    return must(pool.call<JobStatus>([&](auto done) { owner->status(job, 0, 0ms, done); }));
  }
  JobStatus wait(const JobId& job) {
    return must(pool.call<JobStatus>([&](auto done) { owner->wait(job, nullptr, done); }));
  }
  std::string explain(const JobId& job) {
    std::string text;
    for (const auto& shard : must(pool.call<JobExplanation>([&](auto done) { owner->explain(job, done); })).shards)
      text += shard.text + "\n";
    return text;
  }
  AgentSummary summary(const Pool::Member& member) {
    const auto agents =
        must(pool.call<std::vector<AgentSummary>>([&](auto done) { pool.operator_of(Pool::aurora).agents(done); }));
    const auto found = std::ranges::find_if(agents, [&](const auto& one) { return one.agent.id.str() == member.id(); });
    REQUIRE(found != agents.end());
    return *found;
  }
  AuditReport verified(const JobId& job) {
    return must(verify_bundle(must(pool.call<std::string>([&](auto done) { owner->bundle(job, done); })),
                              make_trusted_root(pool.identity(Pool::aurora))));
  }

  Pool pool;
  std::unique_ptr<Client> owner = pool.client(pool.issue(Pool::aurora, "client/alice"));
  std::uint64_t executions = 0;  ///< That were claimed to have ended badly.
};

}  // namespace

TEST_CASE("an agent that can begin nothing ends no job: it pauses for longer and longer, and others do the work") {
  Failing test;
  const auto broken = test.agent(Kind::setup_failed);
  const JobId job = test.submit(4, 1);
  test.pool.loop.run_for(10min);
  auto status = test.status(job);
  CHECK(status.state == JobState::running);
  REQUIRE_FALSE(status.reasons.empty());
  CHECK(status.reasons.front().code == "cannot_begin");
  CHECK(status.reasons.front().text.find(broken->id()) != std::string::npos);
  CHECK(status.reasons.front().text.find("says the agent") != std::string::npos);
  CHECK(test.executions >= 3);
  CHECK(test.executions < 40);  // Two shards a lease, a lease per pause.

  const auto honest = test.honest();
  status = test.wait(job);
  CHECK(status.state == JobState::done);
  CHECK(status.agents == 2);
  CHECK(test.verified(job).rejected.empty());
  CHECK(test.summary(*broken).state != "quarantined");
}

TEST_CASE("an agent that claims that everything fails is refuted, loses its work, and the jobs are done") {
  Failing test;
  const auto liar = test.agent(Kind::exited, 7);
  const auto one = test.honest(), other = test.honest();
  std::vector<JobId> jobs;
  for (int i = 0; i < 6; ++i) {
    jobs.push_back(test.submit(8, 2));
    CHECK(test.wait(jobs.back()).state == JobState::done);
  }
  CHECK(test.executions >= refuted_claims_allowed);
  CHECK(test.summary(*liar).state == "quarantined");
  bool told = false;
  for (const JobId& job : jobs) {
    const auto report = test.verified(job);
    CHECK(report.agents.size() == 2);
    told |= test.explain(job).find("says that it exited with code 7") != std::string::npos;
  }
  CHECK(told);
  test.restart();
  CHECK(test.summary(*liar).state == "quarantined");
}

TEST_CASE("what is known of refuted claims outlives a restart, while a job runs and after it") {
  Failing test;
  const auto claims = [&](std::uint64_t limit) {
    auto claimed = std::make_shared<std::uint64_t>(0);
    return [&test, claimed, limit](const SandboxRequest&) {
      test.pool.loop.spend(10ms);
      if ((*claimed)++ >= limit)
        return testing::successful_run({{std::string(shard_output_name), to_bytes(Pool::honest_output)}});
      ++test.executions;
      SandboxReport report;
      report.outcome = {Kind::signalled, 11, ""};
      return report;
    };
  };
  // One claim in its whole life: it loses credit and goes on.
  const auto shaky = test.agent(claims(1));
  const auto one = test.honest(), other = test.honest();
  const JobId first = test.submit(6, 2);
  CHECK(test.wait(first).state == JobState::done);
  CHECK(test.executions == 1);
  test.restart();
  CHECK(test.wait(test.submit(6, 2)).state == JobState::done);
  CHECK(test.summary(*shaky).state != "quarantined");
}

TEST_CASE("a program that fails in the same way everywhere fails its job, by as many replicas as the contract asks for") {
  Failing test;
  const auto first = test.agent(Kind::exited, 3);
  const JobId job = test.submit(1, 2);
  test.pool.loop.run_for(5min);
  // One is not enough, and nobody left is something to wait for, not a failure.
  CHECK(test.status(job).state == JobState::running);
  const auto reasons = test.status(job).reasons;
  CHECK(std::ranges::any_of(reasons, [](const auto& reason) { return reason.code == "agents_used"; }));
  CHECK(test.explain(job).find("says that it exited with code 3") != std::string::npos);
  test.restart();

  const auto second = test.agent(Kind::exited, 3);
  const auto status = test.wait(job);
  CHECK(status.state == JobState::failed);
  CHECK(status.failure == "shard 0 exited with code 3 (full 2 of 2); see `explain`");
  CHECK(status.executions == 2);
  CHECK(status.caught.empty());
  for (const auto* agent : {first.get(), second.get()}) {
    CHECK(test.explain(job).find(agent->id() + " failed, as ") != std::string::npos);
    CHECK(test.summary(*agent).state != "quarantined");
  }
  // The evidence is in the ledger: the receipts of both, and what the hub decided.
  std::size_t receipts = 0, verdicts = 0;
  const Ledger& ledger = *test.pool.home(Pool::aurora).ledger;
  const auto count = [&](const char* kind, std::size_t& number) {
    REQUIRE(ledger.scan(kind + job.str() + "/", [&](std::string_view, ByteView) { return ++number > 0; }));
  };
  count("receipt/", receipts);
  count("verdict/", verdicts);
  CHECK(receipts == 2);
  CHECK(verdicts == 1);
}

TEST_CASE("an output that the adapter cannot read is a failure, too, and believed with as much agreement") {
  Failing test;
  const auto garbage = [&](const SandboxRequest&) {
    test.pool.loop.spend(10ms);
    return testing::successful_run({{std::string(shard_output_name), to_bytes("garbage")}});
  };
  SECTION("of one agent it is refuted") {
    const auto faulty = test.agent(garbage);
    const JobId job = test.submit(1, 2);
    test.pool.loop.run_for(1min);
    const auto one = test.honest(), other = test.honest();
    CHECK(test.wait(job).state == JobState::done);
    CHECK(test.verified(job).agents.size() == 2);
    CHECK(test.summary(*faulty).state == "present");
  }
  SECTION("of all agents it fails the job") {
    const auto one = test.agent(garbage), other = test.agent(garbage);
    const auto status = test.wait(test.submit(1, 2));
    CHECK(status.state == JobState::failed);
    CHECK(status.failure.find("left an output that the adapter cannot read") != std::string::npos);
  }
}

TEST_CASE("a report on a canary with wrong results and failures in it is judged, and so it is after a restart") {
  Failing test([] { return make_adaptive_verifier({.canary_ratio = 1}); });
  const std::string contract =
      R"({"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":6},"policy":{"verify":"adaptive","max_error":1e-9,)"
      R"("spotcheck_ratio":1,"adversary":{"fraction":0.01},"timeout_ms":3600000},"artifacts":{"persist":true}})";
  const auto submit = [&] {
    return must(test.pool.call<JobStatus>([&](auto done) { test.owner->submit(contract, done); })).id;
  };
  std::vector<std::unique_ptr<Pool::Member>> honest;
  for (int i = 0; i < 6; ++i) honest.push_back(test.honest());
  for (int i = 0; i < 2; ++i) CHECK(test.wait(submit()).state == JobState::done);
  // Newcomers had nothing of it: canaries are for them. Of two shards in a lease one is wrong, and of the other they say that
  // it fails, or that it cannot be begun.
  std::vector<std::unique_ptr<Pool::Member>> mixed;
  for (const Kind kind : {Kind::signalled, Kind::setup_failed, Kind::exited})
    mixed.push_back(test.agent([&test, kind, wrong = std::make_shared<bool>(false)](const SandboxRequest&) {
      test.pool.loop.spend(1ms);
      if ((*wrong = !*wrong))
        return testing::successful_run({{std::string(shard_output_name), to_bytes(R"({"count":2,"format":"count/1"})")}});
      SandboxReport report;
      report.outcome = {kind, kind == Kind::setup_failed ? 0 : 9, ""};
      return report;
    }));
  for (int i = 0; i < 4; ++i) {
    CHECK(test.wait(submit()).state == JobState::done);
    test.restart();
  }
  for (const auto& agent : mixed) CHECK(test.summary(*agent).state == "quarantined");
  for (const auto& agent : honest) CHECK(test.summary(*agent).state != "quarantined");
}
