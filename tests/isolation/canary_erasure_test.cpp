// With a job goes what canaries were made of it, also of one that is given out while the job is being erased.
#include "pool.hpp"

#include <forgepool/backends/adaptive_verifier.hpp>

#include <set>

using namespace forgepool;
using namespace forgepool::test;

namespace {

/// So sure of its results that they make canaries, which agents besides the first three can be given.
constexpr std::string_view certain =
    R"({"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":4},"policy":{"verify":"adaptive","max_error":1e-9,)"
    R"("spotcheck_ratio":1,"adversary":{"fraction":0.01},"timeout_ms":3600000},"artifacts":{"persist":true}})";

struct Leftovers {
  std::set<std::string> sources, canaries;  ///< Jobs that canaries were made of, and those canaries.
  std::set<std::string> orphans;  ///< Records of canaries that belong to none of these, or to a job that is not there.
};

Leftovers leftovers(const Ledger& ledger) {
  Leftovers found;
  const auto scan = [&](const std::string& prefix, const std::function<void(std::string)>& visit) {
    REQUIRE(ledger.scan(prefix, [&](std::string_view key, ByteView) {
      visit(std::string(key.substr(prefix.size())));
      return true;
    }));
  };
  std::set<std::string> jobs;
  scan("job/", [&](const std::string& job) { jobs.insert(job); });
  scan("canary/", [&](const std::string& place) {
    const auto slash = place.find('/');
    found.sources.insert(place.substr(0, slash));
    found.canaries.insert(place.substr(slash + 1));
    if (!jobs.contains(place.substr(0, slash))) found.orphans.insert("canary/" + place);
  });
  for (const std::string prefix : {"grant/", "receipt/", "event/", "verdict/", "failure/", "reported/"})
    scan(prefix + "canary-", [&](const std::string& place) {
      if (!found.canaries.contains("canary-" + place.substr(0, place.find('/'))))
        found.orphans.insert(prefix + "canary-" + place);
    });
  return found;
}

}  // namespace

TEST_CASE("nothing is left of canaries whose job is erased, at whatever moment of theirs that begins") {
  Pool pool({}, [] { return make_adaptive_verifier({.canary_ratio = 1}); });
  std::vector<std::unique_ptr<Pool::Member>> agents;
  // Jobs go on while the hub looks for what there is of one.
  pool.scan_time = std::chrono::milliseconds(5);
  for (int i = 0; i < 8; ++i) agents.push_back(pool.start_agent(Pool::aurora));
  const auto owner = pool.client(pool.issue(Pool::aurora, "client/alice"));
  const Ledger& ledger = *pool.home(Pool::aurora).ledger;
  const auto submit = [&] {
    return must(pool.call<JobStatus>([&](auto done) { owner->submit(std::string(certain), done); })).id;
  };
  const auto finish = [&](const JobId& job) {
    REQUIRE(must(pool.call<JobStatus>([&](auto done) { owner->wait(job, nullptr, done); })).state == JobState::done);
  };

  std::size_t canaries = 0;
  for (int moment = 0; moment < 20; ++moment) {
    CAPTURE(moment);
    const JobId source = submit();
    finish(source);
    const JobId asking = submit();
    for (int i = 0; i < 8 * moment; ++i) REQUIRE(pool.loop.step());
    canaries += leftovers(ledger).sources.contains(source.str());
    CHECK(pool.call<void>([&](auto done) { owner->erase(source, done); }));
    finish(asking);
    const auto left = leftovers(ledger);
    CHECK(left.orphans == std::set<std::string>{});
    CHECK_FALSE(left.sources.contains(source.str()));
    // The next round's canaries are of its own source.
    CHECK(pool.call<void>([&](auto done) { owner->erase(asking, done); }));
  }
  CHECK(canaries > 0);
  pool.restart_hub();
  CHECK(pool.call<JobStatus>([&](auto done) { pool.operator_of(Pool::aurora).submit(std::string(certain), done); }));
}
