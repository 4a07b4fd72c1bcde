// Somebody sets a clock, or a machine sleeps: what waits goes on waiting, what is dated is judged by the clock as it is.
#include "pool.hpp"

#include <catch2/generators/catch_generators.hpp>

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

std::size_t lines(const LineLog& log, std::string_view start) {
  return static_cast<std::size_t>(std::ranges::count_if(log.lines, [&](const auto& line) { return line.starts_with(start); }));
}

std::vector<AgentSummary> agents_of(Pool& pool, std::size_t organization) {
  return must(pool.call<std::vector<AgentSummary>>([&](auto done) { pool.operator_of(organization).agents(done); }));
}

JobStatus run_job(Pool& pool, std::size_t organization, unsigned shards) {
  auto client = pool.client(pool.issue(organization, "client/alice"));
  const auto job = must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(shards), done); })).id;
  return must(pool.call<JobStatus>([&](auto done) { client->wait(job, nullptr, done); }));
}

/// A loop of a machine whose wall clock is another than the pool's.
class OtherClock final : public EventLoop {
 public:
  OtherClock(testing::VirtualEventLoop& loop, Duration by) : ahead(by), loop_(loop) {}
  Time now() const override { return loop_.now() + ahead; }
  Time steady() const override { return loop_.steady(); }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }
  std::unique_ptr<Subscription> after(Duration delay, std::function<void()> task) override {
    return loop_.after(delay, std::move(task));
  }
  std::unique_ptr<Subscription> watch(int fd, Readiness readiness, std::function<void()> task) override {
    return loop_.watch(fd, readiness, std::move(task));
  }
  void run_blocking(std::function<void()> work, std::function<void()> done) override {
    loop_.run_blocking(std::move(work), std::move(done));
  }
  Duration ahead;

 private:
  testing::VirtualEventLoop& loop_;
};

}  // namespace

TEST_CASE("a hub whose clock is set keeps its leases and jobs, and dates by the clock as it is") {
  for (const Duration by : {Duration(240h), Duration(-240h)}) {
    CAPTURE(by.count());
    HubOptions options;
    options.certificate_life = 24h * 365;
    Pool pool(options);
    const auto agent = pool.start_agent(Pool::aurora, 12s);  // Within the life of a lease, but only just.
    pool.loop.advance(24h * 20);                             // No certificate is younger than the clock is set back.
    auto client = pool.client(pool.issue(Pool::aurora, "client/alice"));
    const auto job = must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(6), done); })).id;
    std::optional<Result<JobStatus>> end;
    client->wait(job, nullptr, [&](Result<JobStatus> status) { end = std::move(status); });
    pool.loop.advance(5s);
    pool.loop.set_wall_clock(by);
    const Time set_to = pool.loop.now();
    REQUIRE(pool.loop.run_until([&] { return end.has_value(); }, 10min));
    CHECK(must(*end).state == JobState::done);
    CHECK(pool.log->has("clock_set"));
    CAPTURE(agent->log->lines);
    CHECK_FALSE(agent->log->has("lease_lost"));
    CHECK(agents_of(pool, Pool::aurora).front().state == "present");
    // What is issued from now on is dated by the new time.
    const auto newcomer = pool.enrol(pool.invite(Pool::aurora, {}));
    const auto life = must(certificate_life(newcomer));
    CHECK(life.not_before > set_to - 10min);
    CHECK(life.not_before < pool.loop.now());
  }
}

TEST_CASE("a job times out after its time, however the hub's clock is set") {
  for (const Duration by : {Duration(240h), Duration(-240h)}) {
    CAPTURE(by.count());
    Pool pool;
    auto client = pool.client(pool.issue(Pool::aurora, "client/alice"));
    const auto job = must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(1), done); })).id;
    std::optional<Result<JobStatus>> end;
    client->wait(job, nullptr, [&](Result<JobStatus> status) { end = std::move(status); });
    pool.loop.advance(30min);
    pool.loop.set_wall_clock(by);
    pool.loop.advance(29min);
    CHECK_FALSE(end.has_value());
    pool.loop.advance(2min);
    REQUIRE(end.has_value());
    CHECK(must(*end).state == JobState::failed);
  }
}

TEST_CASE("an agent whose clock is wrong gets no work, backs off, says so, and the operator sees it; set right, it works") {
  for (const Duration ahead : {Duration(240h), Duration(-10h)}) {
    CAPTURE(ahead.count());
    HubOptions options;
    options.certificate_life = 24h;
    Pool pool(options);
    pool.loop.advance(24h);  // The hub's own certificate is in force by both clocks.
    const auto credentials = pool.enrol(pool.invite(Pool::aurora, {}));
    OtherClock clock(pool.loop, ahead);
    const auto agent = pool.start_agent_on(clock, credentials, 1ms);
    pool.loop.advance(10min);
    CHECK(agent->agent->statistics().refused.empty());
    CHECK(agent->agent->statistics().unhealthy.find(ahead > 0s ? "10.0 days ahead of the hub's"
                                                               : "10.0 hours behind the hub's") != std::string::npos);
    CHECK(lines(*agent->log, "clock_wrong") == 1);
    CHECK(lines(*agent->log, "lease_lost") == 0);
    CHECK(lines(*agent->log, "certificate_renewed") <= 1);
    // Two workers, and pauses that grow to 12.8 s.
    CHECK(lines(*pool.log, "request_refused") < 150);
    const auto summary = agents_of(pool, Pool::aurora).front();
    CHECK(summary.state == "present");
    CHECK(summary.reason.find("clock") != std::string::npos);

    clock.ahead = 0s;
    pool.loop.advance(1min);
    CHECK(agent->agent->statistics().unhealthy.empty());
    CHECK(agents_of(pool, Pool::aurora).front().reason.empty());
    CHECK(run_job(pool, Pool::aurora, 2).state == JobState::done);
  }
}

TEST_CASE(
    "an agent by whose clock the hub's certificate is not valid says that its clock may be wrong, and waits for it to be set") {
  Pool pool;
  const auto credentials = pool.enrol(pool.invite(Pool::aurora, {}));
  OtherClock clock(pool.loop, -10h);
  const auto agent = pool.start_agent_on(clock, credentials, 1ms);
  pool.loop.advance(10min);
  CHECK(agent->agent->statistics().refused.empty());
  CHECK(agent->agent->statistics().unhealthy.find("is this machine's clock right?") != std::string::npos);
  CHECK(lines(*agent->log, "clock_wrong") == 1);
  clock.ahead = 0s;
  pool.loop.advance(1min);
  CHECK(agent->agent->statistics().unhealthy.empty());
  CHECK(run_job(pool, Pool::aurora, 2).state == JobState::done);
}

TEST_CASE("an agent that slept past its certificate has it renewed by its key, within the grace that the hub sets") {
  HubOptions options;
  options.certificate_life = 24h;
  options.renewal_grace = 24h * 7;
  Pool pool(options);
  auto agent = pool.start_agent(Pool::aurora);
  const auto credentials = agent->credentials;
  pool.loop.advance(1s);
  agent->agent.reset();
  pool.loop.advance(24h * 5);
  CHECK(agents_of(pool, Pool::aurora).front().state == "expired");
  CHECK(agents_of(pool, Pool::aurora).front().reason.find("when it is back") != std::string::npos);

  // Nothing else can be done with what expired.
  const auto connection = pool.connect(credentials);
  CHECK(must(pool.exchange_bare(*connection, {"GET", "/healthz", "", {}})).status == 401);

  const auto back = pool.start_agent_with(credentials, 1ms);
  CHECK(run_job(pool, Pool::aurora, 2).state == JobState::done);
  CHECK(back->agent->statistics().refused.empty());
  CHECK(back->agent->statistics().certificate_expires_at > pool.loop.now());
  CHECK(agents_of(pool, Pool::aurora).size() == 1);
}

TEST_CASE("after the grace, and for a key that was revoked, an expired certificate is not renewed") {
  const bool revoked = GENERATE(true, false);
  CAPTURE(revoked);
  HubOptions options;
  options.certificate_life = 24h;
  options.renewal_grace = 24h * 7;
  Pool pool(options);
  auto agent = pool.start_agent(Pool::aurora);
  const auto credentials = agent->credentials;
  pool.loop.advance(1s);
  agent->agent.reset();
  if (revoked)
    must(pool.call<std::uint32_t>(
        [&](auto done) { pool.operator_of(Pool::aurora).revoke("agent", agent->id(), "stolen", done); }));
  pool.loop.advance(revoked ? 24h * 3 : 24h * 9);
  const auto back = pool.start_agent_with(credentials, 1ms);
  REQUIRE(pool.loop.run_until([&] { return !back->agent->statistics().refused.empty(); }, 1min));
  CHECK(back->agent->statistics().refused.find("forgepool hub invite") != std::string::npos);
}
