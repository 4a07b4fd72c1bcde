// A hub or a link that is away for a while, reports that are as large as they may be, and restarts with other options.
#include "pool.hpp"

#include <forgepool/backends/adaptive_verifier.hpp>
#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/testing/fake_sandbox.hpp>

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

JobId submit(Pool& pool, Client& owner, const std::string& contract) {
  return must(pool.call<JobStatus>([&](auto done) { owner.submit(contract, done); })).id;
}
JobStatus wait(Pool& pool, Client& owner, const JobId& job) {
  return must(pool.call<JobStatus>([&](auto done) { owner.wait(job, nullptr, done); }));
}
JobStatus status(Pool& pool, Client& owner, const JobId& job) {
  return must(pool.call<JobStatus>([&](auto done) { owner.status(job, 0, 0ms, done); }));
}

}  // namespace

TEST_CASE("a hub that was away longer than leases live goes on with them, and nothing is executed twice") {
  Pool pool;
  const auto owner = pool.client(pool.issue(Pool::aurora, "client/alice"));
  std::uint64_t runs = 0;
  const auto worker = pool.start_agent_running(pool.enrol(pool.invite(Pool::aurora, {})), [&](const SandboxRequest&) {
    ++runs;
    pool.loop.spend(40s);
    return testing::successful_run({{std::string(shard_output_name), to_bytes(Pool::honest_output)}});
  });
  const JobId job = submit(pool, *owner, Pool::contract(1));
  SECTION("while it works") {
    pool.loop.run_for(5s);
    pool.stop_hub();
    pool.loop.run_for(20s);
    pool.restart_hub();
  }
  SECTION("until after it has finished") {
    pool.loop.run_for(5s);
    pool.stop_hub();
    pool.loop.run_for(8min);  // Its token has run out by then, too.
    pool.restart_hub();
  }
  CHECK(wait(pool, *owner, job).state == JobState::done);
  CHECK(runs == 1);
}

TEST_CASE("64 items with a MiB of output each, four to a shard, come back from one agent with default options") {
  Pool pool;
  const auto owner = pool.client(pool.issue(Pool::aurora, "client/alice"));
  // A MiB for each item of the shard, as large as the contract lets it be.
  const std::string text(1u << 20, 'x');
  const std::string encoded = to_base64(as_bytes(text));
  const auto worker = pool.start_agent_running(pool.enrol(pool.invite(Pool::aurora, {})), [&](const SandboxRequest& request) {
    pool.loop.spend(10ms);
    std::string items;
    for (const auto& file : request.files)
      if (file.name.starts_with("item."))
        items += std::string(items.empty() ? "" : ",") + R"({"code":0,"index":)" + file.name.substr(5) +
                 R"(,"outcome":"exited","stdout":")" + encoded + "\"}";
    return testing::successful_run(
        {{std::string(shard_output_name), to_bytes(R"({"format":"concat/1","items":[)" + items + "]}")}});
  });
  std::string items;
  const auto upload = [&](const std::string& content) {
    return must(pool.call<Digest>([&](auto done) { owner->upload(to_bytes(content), done); })).str();
  };
  const std::string program = upload("a program");
  for (int i = 0; i < 64; ++i) items += std::string(i ? "," : "") + '"' + upload("item " + std::to_string(i)) + '"';
  const JobId job = submit(
      pool, *owner,
      R"({"op":{"name":"exec","version":"1","profile":"run.v1"},"args":{"program":")" + program + R"(","items":[)" + items +
          R"(],"items_per_shard":4,"stdout_limit_bytes":1048576},"policy":{"verify":"none","timeout_ms":3600000}})");
  const auto done = wait(pool, *owner, job);
  CHECK(done.state == JobState::done);
  CHECK(done.executions == 16);
}

TEST_CASE("a job that runs is decided by the options that it was begun with, whatever the hub is opened with later") {
  AdaptiveVerifierOptions verifier{.canary_ratio = 0, .min_spotcheck_ratio = 0};
  Pool pool({}, [&] { return make_adaptive_verifier(verifier); });
  auto owner = pool.client(pool.issue(Pool::aurora, "client/alice"));
  std::vector<std::unique_ptr<Pool::Member>> agents;
  for (int i = 0; i < 3; ++i) agents.push_back(pool.start_agent(Pool::aurora, 200ms));
  const auto contract = [](int shards) {
    return R"({"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":)" + std::to_string(shards) +
           R"(},"policy":{"verify":"spotcheck","spotcheck_ratio":0.1,"timeout_ms":3600000}})";
  };
  const JobId job = submit(pool, *owner, contract(20));
  // By answers: whether any is accepted before the last check is decided depends on what was drawn.
  while (status(pool, *owner, job).executions < 5) pool.loop.run_for(50ms);
  REQUIRE(status(pool, *owner, job).state == JobState::running);
  const auto before = status(pool, *owner, job).accepted;
  for (const double ratio : {1.0, 0.0, 0.5}) {
    verifier.min_spotcheck_ratio = ratio;
    verifier.max_executions = 5;
    pool.finish_hub();
    pool.restart_hub();
    owner = pool.client(pool.issue(Pool::aurora, "client/alice"));
    CHECK(status(pool, *owner, job).accepted >= before);
  }
  const auto end = wait(pool, *owner, job);
  CHECK(end.state == JobState::done);
  CHECK(end.executions <= 24);  // 20, and 2 that were checked; a copy now and then.
  const auto next = wait(pool, *owner, submit(pool, *owner, contract(10)));
  CHECK(next.executions >= 15);  // By what holds by now, half of them are.
}

TEST_CASE("what replaying a job leads to and what was signed must be the same, in both directions") {
  Pool pool;
  const auto owner = pool.client(pool.issue(Pool::aurora, "client/alice"));
  auto first = pool.start_agent(Pool::aurora, 200ms), second = pool.start_agent(Pool::aurora, 200ms);
  const JobId job = submit(pool, *owner, Pool::contract(40, "", 2));
  while (status(pool, *owner, job).accepted < 3) pool.loop.run_for(100ms);
  REQUIRE(status(pool, *owner, job).state == JobState::running);
  pool.stop_hub();
  Ledger& ledger = *pool.home(Pool::aurora).ledger;
  const auto keys = [&](const std::string& prefix) {
    std::vector<std::string> found;
    REQUIRE(ledger.scan(prefix, [&](std::string_view key, ByteView) {
      found.emplace_back(key);
      return true;
    }));
    return found;
  };
  const auto remove = [&](const std::string& key) { REQUIRE(ledger.commit({{}, {{key, std::nullopt}}})); };
  SECTION("a verdict is missing") {
    remove(keys("verdict/" + job.str() + "/").front());
    const auto opened = pool.try_start_hub();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().kind == ErrorKind::corrupt);
    CHECK(opened.error().message.find("lead to a verdict that is not in it") != std::string::npos);
  }
  SECTION("answers are missing") {
    const auto journal = keys("journal/");
    REQUIRE(journal.size() > 2);
    remove(journal[1]);
    const auto opened = pool.try_start_hub();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().kind == ErrorKind::corrupt);
  }
}

TEST_CASE("a hub with a verifier of another kind is refused while a job runs that was begun with the first") {
  bool adaptive = false;
  Pool pool({},
            [&]() -> std::unique_ptr<Verifier> { return adaptive ? make_adaptive_verifier() : make_duplication_verifier(); });
  const auto owner = pool.client(pool.issue(Pool::aurora, "client/alice"));
  submit(pool, *owner, Pool::contract(1));
  pool.stop_hub();
  adaptive = true;
  const auto opened = pool.try_start_hub();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == ErrorKind::invalid_input);
  CHECK(opened.error().message.find("begun with another verifier") != std::string::npos);
  adaptive = false;
  pool.start_hub();
}
