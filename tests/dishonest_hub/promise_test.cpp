// A hub that acknowledges answers, and then has a log without them.
#include "bent_log.hpp"

#include "identity/promise.hpp"

#include <algorithm>
#include <set>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

std::vector<LogPromise> promises_of(const DoneJob& job) {
  std::vector<LogPromise> promises;
  for (const auto& agent : job.agents)
    for (const auto& text : agent->promises) promises.push_back(must(verify_promise(text, job.root())));
  return promises;
}

PromiseState state(const LogPromise& promise, const Ledger& log, Time now) {
  return must(check_promise(promise, promise.log, fetch_from(log), log.head(), now));
}

}  // namespace

TEST_CASE("each acknowledged report comes with a promise that the log keeps") {
  DoneJob job;
  const auto promises = promises_of(job);
  REQUIRE(promises.size() >= 4);
  std::set<std::uint64_t> entries;
  for (const auto& promise : promises) {
    CHECK(promise.log == job.hub().trust_domain);
    CHECK(promise.by > job.pool.loop.now());
    CHECK(state(promise, job.ledger(), job.pool.loop.now()) == PromiseState::kept);
    entries.insert(promise.index);
  }
  CHECK(entries.size() == promises.size());
}

TEST_CASE("a log without an answer that the hub acknowledged breaks its promise") {
  DoneJob job;
  const auto promises = promises_of(job);
  BentJob lie(job.hub(), job.ledger(), job.bundle);
  const LogPromise& dropped = promises.front();
  SECTION("left out") {
    lie.leaves.erase(lie.leaves.begin() + static_cast<std::ptrdiff_t>(dropped.index));
  }
  SECTION("replaced") {
    lie.leaves.at(dropped.index) = to_bytes("something else");
  }
  SECTION("moved behind another one") {
    std::swap(lie.leaves.at(dropped.index), lie.leaves.at(dropped.index + 1));
  }
  const auto log = lie.log();
  CHECK(state(dropped, *log, job.pool.loop.now()) == PromiseState::broken);
}

TEST_CASE("a log that does not get to a promised entry is late from the promised time on") {
  DoneJob job;
  BentJob lie(job.hub(), job.ledger(), job.bundle);
  const LogPromise last = std::ranges::max(promises_of(job), {}, &LogPromise::index);
  lie.leaves.resize(last.index);
  const auto log = lie.log();
  CHECK(state(last, *log, last.by) == PromiseState::pending);
  CHECK(state(last, *log, last.by + 1s) == PromiseState::overdue);
}

TEST_CASE("a promise is the hub's only with its signature, and about its log only") {
  DoneJob job;
  const LogPromise promise = promises_of(job).front();
  const auto stranger = must(generate_key(KeyAlgorithm::ecdsa_p256));
  const auto forged = verify_promise(must(identity::sign_promise(promise, *stranger)), job.root());
  REQUIRE_FALSE(forged);
  CHECK(forged.error().message.starts_with("promise_signature: "));
  const auto other = check_promise(promise, "other.log", fetch_from(job.ledger()), job.ledger().head(), job.pool.loop.now());
  REQUIRE_FALSE(other);
  CHECK(other.error().kind == ErrorKind::invalid_input);
  CHECK_FALSE(verify_promise("{}", job.root()));
  std::string bent = job.agents[0]->promises.front();
  bent[bent.size() / 3] ^= 1;
  CHECK_FALSE(verify_promise(bent, job.root()));
}

TEST_CASE("agents read the log's hashes and nothing else of it") {
  DoneJob job;
  const auto connection = job.pool.connect(job.agents[0]->credentials);
  const auto size = std::to_string(job.ledger().head().size);
  const auto status = [&](const std::string& path) {
    return must(job.pool.exchange_bare(*connection, {"GET", path, {}, {}})).status;
  };
  CHECK(status("/checkpoint") == 200);
  CHECK(status("/tile/0/000.p/" + size) == 200);
  CHECK(status("/tile/entries/000.p/" + size) == 403);
}
