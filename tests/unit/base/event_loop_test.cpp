// The default loop, as far as virtual time cannot show it.
#include <forgepool/event_loop.hpp>

#include <catch2/catch_test_macros.hpp>

#include <csignal>
#include <string>
#include <thread>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace forgepool;
using namespace std::chrono_literals;

namespace {

/// How a process that does this ends, and what it wrote to standard error.
struct Ended {
  int signal = 0;
  std::string said;
};
[[maybe_unused]] Ended in_a_process(void (*does)()) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    std::signal(SIGABRT, SIG_DFL);  // The test framework's would speak, too.
    does();
    ::_exit(0);
  }
  ::close(ends[1]);
  Ended ended;
  char buffer[512];
  for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    ended.said.append(buffer, static_cast<std::size_t>(got));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ended.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return ended;
}

}  // namespace

TEST_CASE("one descriptor is watched for reading and for writing, by several, and each can stop") {
  const auto loop = make_event_loop();
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  int readable = 0, also_readable = 0, writable = 0;
  std::unique_ptr<Subscription> write_watch, read_watch, other_watch;
  read_watch = loop->watch(ends[0], Readiness::readable, [&] {
    char byte;
    CHECK(::read(ends[0], &byte, 1) == 1);
    if (++readable == 2) loop->stop();
  });
  other_watch = loop->watch(ends[0], Readiness::readable, [&] {
    ++also_readable;
    other_watch.reset();
  });
  write_watch = loop->watch(ends[0], Readiness::writable, [&] {
    if (++writable < 3) return;
    write_watch.reset();
    CHECK(::write(ends[1], "ab", 2) == 2);
  });
  CHECK(loop->run_for(1min));
  CHECK(writable == 3);
  CHECK(readable == 2);
  CHECK(also_readable == 1);
  read_watch.reset();
  // It can be watched again, by a new number for it, too.
  write_watch = loop->watch(ends[0], Readiness::writable, [&] { loop->stop(); });
  CHECK(loop->run_for(1min));
  write_watch.reset();
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("timers run in the order of their times, and not once they were cancelled, also by one another") {
  const auto loop = make_event_loop();
  std::string ran;
  std::unique_ptr<Subscription> never = loop->after(3ms, [&] { ran += "never"; });
  const auto second = loop->after(2ms, [&] { ran += "b"; });
  const auto first = loop->after(1ms, [&] {
    ran += "a";
    never.reset();
  });
  const auto last = loop->after(5ms, [&] { loop->stop(); });
  CHECK(loop->run_for(1min));
  CHECK(ran == "ab");
}

TEST_CASE("a callback that is empty is nothing to call") {
  const auto loop = make_event_loop();
  loop->post(nullptr);
  const auto timer = loop->after(0ms, nullptr);
  loop->run_blocking([] {}, nullptr);
  loop->run_blocking(nullptr, [&] { loop->stop(); });
  CHECK(loop->run_for(1min));
}

TEST_CASE("subscriptions may be let go after what posted them, and time is told by both clocks") {
  const auto loop = make_event_loop();
  const Time wall = loop->now(), steady = loop->steady();
  CHECK(std::chrono::abs(wall - steady) < 1min);  // They start together.
  CHECK(loop->steady() >= steady);
  CHECK(std::chrono::abs(loop->now() - std::chrono::system_clock::now()) < 1min);
  // A task that never runs holds a subscription: it goes with the loop.
  std::shared_ptr<Subscription> held = loop->after(1h, [] {});
  loop->post([held] {});
  held.reset();
}

#ifndef NDEBUG
TEST_CASE("debug builds end a program that uses a loop from the wrong thread or destroys it too early, and say so") {
  const auto wrong_thread = in_a_process([] {
    const auto loop = make_event_loop();
    loop->post([&] {
      std::thread([&] { const auto timer = loop->after(0ms, [] {}); }).join();
      loop->stop();
    });
    loop->run();
  });
  CHECK(wrong_thread.signal == SIGABRT);
  CHECK(wrong_thread.said.find("another thread") != std::string::npos);
  const auto too_early = in_a_process([] {
    auto loop = make_event_loop();
    const auto timer = loop->after(1h, [] {});
    loop.reset();
  });
  CHECK(too_early.signal == SIGABRT);
  CHECK(too_early.said.find("destroyed before") != std::string::npos);
}
#endif

TEST_CASE("a descriptor that cannot be watched ends the program with a message") {
  const auto ended = in_a_process([] {
    const auto loop = make_event_loop();
    const auto watch = loop->watch(-1, Readiness::readable, [] {});
  });
  CHECK(ended.signal == SIGABRT);
  CHECK(ended.said.find("cannot be watched") != std::string::npos);
}
