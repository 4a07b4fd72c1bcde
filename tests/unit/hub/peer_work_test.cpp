// Blocking work for peers: in turn, bounded, and paid for until it is taken.
#include "hub/peer_work.hpp"

#include <forgepool/testing/virtual_event_loop.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace forgepool::hub;

namespace {

Peer peer(std::uint8_t number) {
  Peer peer;
  peer.key_pin.bytes[0] = number;
  peer.certificate = {number};
  return peer;
}

struct Bench {
  testing::VirtualEventLoop loop;
  PeerWork work{loop, {.at_once = 2, .queued_per_peer = 10, .untaken_bytes_per_peer = 1'000}};
  std::string order;
  int running = 0, most = 0;

  bool give(std::uint8_t number, char name) {
    return work.run(
        peer(number), [this] { most = std::max(most, ++running); },
        [this, name] {
          --running;
          order += name;
        });
  }
};

}  // namespace

TEST_CASE("who asks once is served before the second piece of who asks often") {
  Bench bench;
  for (int i = 0; i < 8; ++i) CHECK(bench.give(1, 'a'));
  for (int i = 0; i < 2; ++i) CHECK(bench.give(2, 'b'));
  CHECK(bench.give(3, 'c'));
  bench.loop.run();
  CHECK(bench.order.size() == 11);
  CHECK(bench.order.find('b') <= 2);
  CHECK(bench.order.find('c') <= 4);
  CHECK(bench.most <= 2);
}

TEST_CASE("a peer's queue is bounded, and says so, while others find room") {
  Bench bench;
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += bench.give(1, 'a');
  CHECK(taken <= 11);
  CHECK(bench.give(2, 'b'));
  int status = 0;
  bench.work.answer(
      peer(1), [&](Response response) { status = response.status; }, [] { return Response{}; });
  CHECK(status == 503);
  bench.loop.run();
  CHECK(bench.order.size() == static_cast<std::size_t>(taken) + 1);
}

TEST_CASE("no more answers are made for a peer that has not taken those it got") {
  Bench bench;
  std::vector<Response> untaken;
  int made = 0;
  for (int i = 0; i < 8; ++i)
    bench.work.answer(
        peer(1), [&](Response response) { untaken.push_back(std::move(response)); },
        [&] {
          ++made;
          return Response{200, "text/plain", Bytes(600)};
        });
  bench.loop.run();
  CHECK(made == 2);  // One more than what fits.
  bool other = false;
  bench.work.answer(
      peer(2), [&](Response) { other = true; }, [] { return Response{}; });
  bench.loop.run();
  CHECK(other);
  while (!untaken.empty()) {
    untaken.erase(untaken.begin());
    bench.loop.run();
  }
  CHECK(made == 8);
}

TEST_CASE("answers may outlive the queue that they came from") {
  std::vector<Response> untaken;
  testing::VirtualEventLoop loop;
  {
    PeerWork work(loop);
    for (int i = 0; i < 3; ++i)
      work.answer(
          peer(1), [&](Response response) { untaken.push_back(std::move(response)); },
          [] {
            return Response{200, "text/plain", Bytes(16u << 20)};
          });
    loop.run();
    CHECK(untaken.size() == 1);
  }
  untaken.clear();
  loop.run();
  CHECK(untaken.empty());
}
