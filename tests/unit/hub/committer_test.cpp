// Group commit: what waits for what.
#include "hub/committer.hpp"

#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/testing/flaky_ledger.hpp>
#include <forgepool/testing/virtual_event_loop.hpp>

#include <catch2/catch_test_macros.hpp>

#include <future>

using namespace forgepool;
using forgepool::hub::Committer;

namespace {

std::shared_ptr<testing::FlakyLedger> flaky_ledger() {
  auto ledger = make_memory_ledger("test", generate_key(KeyAlgorithm::ed25519).value());
  return std::make_shared<testing::FlakyLedger>(std::move(ledger).value());
}
LedgerBatch one_write() {
  return {.leaves = {}, .writes = {{"key", to_bytes("value")}}};
}

}  // namespace

TEST_CASE("a commit does not wait behind blocking work, however much of it there is") {
  const auto loop = make_event_loop({.blocking_threads = 2});
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future();
  for (int i = 0; i < 20; ++i) loop->run_blocking([released] { released.wait(); }, [] {});
  Committer committer(*loop, flaky_ledger(), [](const Error&) {});
  bool durable = false;
  committer.after(one_write(), [&] {
    durable = true;
    loop->stop();
  });
  CHECK(loop->run_for(std::chrono::seconds(60)));
  CHECK(durable);
  release.set_value();
}

TEST_CASE("who waits for the end is called when all is durable, and also when the ledger fails") {
  testing::VirtualEventLoop loop;
  const auto ledger = flaky_ledger();
  int fatal = 0, after = 0, ended = 0;
  Committer committer(loop, ledger, [&](const Error&) { ++fatal; });
  committer.after(one_write(), [&] { ++after; });
  committer.at_the_end({}, [&] { ++ended; });
  loop.run();
  CHECK(after == 1);
  CHECK(ended == 1);

  ledger->break_down();
  committer.after(one_write(), [&] { ++after; });
  committer.at_the_end(one_write(), [&] { ++ended; });
  CHECK(ended == 1);
  loop.run();
  CHECK(fatal == 1);
  CHECK(after == 1);
  CHECK(ended == 2);

  committer.at_the_end(one_write(), [&] { ++ended; });
  CHECK(ended == 3);
}
