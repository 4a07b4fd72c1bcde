#include <forgepool/testing/virtual_event_loop.hpp>

#include <catch2/catch_test_macros.hpp>

#include <vector>

using namespace forgepool;
using namespace std::chrono_literals;
using forgepool::testing::VirtualEventLoop;

TEST_CASE("posted tasks run in the order of the calls, never inside the call") {
  VirtualEventLoop loop;
  std::vector<int> ran;
  loop.post([&] {
    ran.push_back(1);
    loop.post([&] { ran.push_back(3); });
  });
  loop.post([&] { ran.push_back(2); });
  CHECK(ran.empty());
  loop.run();
  CHECK(ran == std::vector{1, 2, 3});
}

TEST_CASE("the clock jumps to the next event and stands still while there is work") {
  VirtualEventLoop loop(Time(0s));
  std::vector<Time> times;
  const auto late = loop.after(3h, [&] { times.push_back(loop.now()); });
  const auto soon = loop.after(-5s, [&] { times.push_back(loop.now()); });
  const auto early = loop.after(1s, [&] { loop.post([&] { times.push_back(loop.now()); }); });
  loop.run();
  CHECK(times == std::vector{Time(0s), Time(1s), Time(3h)});
  CHECK_FALSE(loop.step());
  CHECK_FALSE(loop.next_event());
}

TEST_CASE("events at the same time run in the order of registration") {
  VirtualEventLoop loop;
  std::vector<int> ran;
  const auto first = loop.after(2s, [&] { ran.push_back(1); });
  const auto second = loop.after(2s, [&] { ran.push_back(2); });
  loop.advance(2s);
  CHECK(ran == std::vector{1, 2});
}

TEST_CASE("a timer whose subscription is gone does not run, also when it is destroyed in its own callback or after the loop") {
  auto loop = std::make_unique<VirtualEventLoop>();
  int runs = 0;
  auto cancelled = loop->after(1s, [&] { ++runs; });
  cancelled.reset();
  std::unique_ptr<Subscription> own;
  own = loop->after(1s, [&] {
    ++runs;
    own.reset();
  });
  loop->run();
  CHECK(runs == 1);
  auto left_over = loop->after(1s, [&] { ++runs; });
  loop.reset();
  left_over.reset();
  CHECK(runs == 1);
}

TEST_CASE("tasks that own timers of the loop can be destroyed with it") {
  auto loop = std::make_unique<VirtualEventLoop>();
  for (int i = 0; i < 3; ++i) {
    std::shared_ptr<Subscription> held = loop->after(1h, [] {});
    loop->post([held] {});
    std::shared_ptr<Subscription> later = loop->after(2h, [held] {});
    loop->post([later] {});
  }
  loop.reset();
}

TEST_CASE("blocking work runs as an event of its own, and its end comes after the virtual time that it spent") {
  VirtualEventLoop loop(Time(0s));
  std::vector<std::string> ran;
  loop.run_blocking(
      [&] {
        ran.push_back("work");
        loop.spend(5s);
      },
      [&] { ran.push_back("done at " + std::to_string(unix_seconds(loop.now()))); });
  const auto timer = loop.after(1s, [&] { ran.push_back("timer"); });
  loop.spend(7s);  // Not inside blocking work.
  CHECK(ran.empty());
  loop.run();
  CHECK(ran == std::vector<std::string>{"work", "timer", "done at 5"});
}

TEST_CASE("run_until moves the clock exactly there, and stops early when the condition holds") {
  VirtualEventLoop loop(Time(0s));
  int ticks = 0;
  std::unique_ptr<Subscription> timer;
  const std::function<void()> tick = [&] {
    ++ticks;
    timer = loop.after(1s, tick);
  };
  loop.post(tick);
  loop.run_until(Time(2500ms));
  CHECK(loop.now() == Time(2500ms));
  CHECK(ticks == 3);
  CHECK(loop.run_until([&] { return ticks == 10; }, 1h));
  CHECK(loop.now() == Time(9s));
  CHECK_FALSE(loop.run_until([] { return false; }, 5s));
}

TEST_CASE("run_for ends with stop or with the time given") {
  VirtualEventLoop loop(Time(0s));
  const auto timer = loop.after(2s, [&] { loop.stop(); });
  CHECK_FALSE(loop.run_for(1s));
  CHECK(loop.now() == Time(1s));
  CHECK(loop.run_for(5s));
  CHECK(loop.now() == Time(2s));
}

TEST_CASE("a wall clock that is set moves no event") {
  VirtualEventLoop loop(Time(0s));
  std::vector<Time> at;
  const auto timer = loop.after(10s, [&] { at = {loop.steady(), loop.now()}; });
  loop.advance(5s);
  loop.set_wall_clock(-3h);
  CHECK(loop.now() == Time(5s - 3h));
  loop.advance(5s);
  CHECK(at == std::vector{Time(10s), Time(10s - 3h)});
}
