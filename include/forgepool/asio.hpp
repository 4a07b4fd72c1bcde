#pragma once
/// For hosts that bring their own `asio::io_context`: an event loop over it. Header-only, so that it uses the host's Asio and
/// not ours. Run the context on one thread.
#include <forgepool/event_loop.hpp>

#include <asio/async_result.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>

namespace forgepool {

class AsioEventLoop : public EventLoop {
 public:
  /// `context` is borrowed and must outlive this object, and this object the nodes that use it.
  explicit AsioEventLoop(asio::io_context& context, EventLoopOptions options = {})
      : context_(context), pool_(options.blocking_threads) {}

  /// Waits for the blocking work under way.
  ~AsioEventLoop() override { pool_.join(); }

  Time now() const override {
    // The wall clock at the start plus what the steady clock has counted since: never goes back.
    return wall_start_ + std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - steady_start_);
  }

  void post(std::function<void()> task) override { asio::post(context_, std::move(task)); }

  std::unique_ptr<Subscription> after(Duration delay, std::function<void()> task) override {
    auto state = std::make_shared<TimerState>(context_);
    state->timer.expires_after(std::max(delay, Duration::zero()));
    state->timer.async_wait([state, task = std::move(task)](const asio::error_code& error) {
      if (!error && state->live) task();
    });
    return std::make_unique<TimerSubscription>(std::move(state));
  }

  std::unique_ptr<Subscription> watch(int fd, Readiness readiness, std::function<void()> task) override {
    auto state = std::make_shared<WatchState>(context_, fd, readiness, std::move(task));
    wait(state);
    return std::make_unique<WatchSubscription>(std::move(state));
  }

  void run_blocking(std::function<void()> work, std::function<void()> done) override {
    auto guard = asio::require(context_.get_executor(), asio::execution::outstanding_work.tracked);
    asio::post(pool_, [guard, work = std::move(work), done = std::move(done)]() mutable {
      work();
      work = nullptr;  // What the work holds ends on its own thread, before `done` may run.
      asio::post(guard, std::move(done));
    });
  }

 private:
  struct TimerState {
    explicit TimerState(asio::io_context& context) : timer(context) {}
    asio::steady_timer timer;
    bool live = true;
  };
  struct TimerSubscription final : Subscription {
    explicit TimerSubscription(std::shared_ptr<TimerState> s) : state(std::move(s)) {}
    ~TimerSubscription() override {
      state->live = false;
      state->timer.cancel();
    }
    std::shared_ptr<TimerState> state;
  };
  struct WatchState {
    WatchState(asio::io_context& context, int fd, Readiness readiness, std::function<void()> t)
        : descriptor(context, fd),
          kind(readiness == Readiness::readable ? asio::posix::stream_descriptor::wait_read
                                                : asio::posix::stream_descriptor::wait_write),
          task(std::move(t)) {}
    asio::posix::stream_descriptor descriptor;
    asio::posix::stream_descriptor::wait_type kind;
    std::function<void()> task;
    bool live = true;
  };
  struct WatchSubscription final : Subscription {
    explicit WatchSubscription(std::shared_ptr<WatchState> s) : state(std::move(s)) {}
    ~WatchSubscription() override {
      state->live = false;
      state->descriptor.release();  // Cancels the wait; the caller keeps the descriptor.
    }
    std::shared_ptr<WatchState> state;
  };
  static void wait(const std::shared_ptr<WatchState>& state) {
    state->descriptor.async_wait(state->kind, [state](const asio::error_code& error) {
      if (error || !state->live) return;
      state->task();
      if (state->live) wait(state);
    });
  }

  asio::io_context& context_;
  asio::thread_pool pool_;
  const Time wall_start_ = std::chrono::system_clock::now();
  const std::chrono::steady_clock::time_point steady_start_ = std::chrono::steady_clock::now();
};

/// Turns a call that takes a callback into an asynchronous operation of Asio's, for any completion token. Completes on the
/// loop. As with the call itself, nothing completes once the object called is destroyed.
template <class T, class Start, class Token>
auto async_call(Start start, Token token) {
  return asio::async_initiate<Token, void(Result<T>)>(
      [start = std::move(start)](auto handler) mutable {
        // std::function wants to copy what it holds, and handlers only move.
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        start([shared](Result<T> result) { std::move (*shared)(std::move(result)); });
      },
      token);
}

#ifdef ASIO_HAS_CO_AWAIT
/// The same for `co_await`:
///
///     Result<JobStatus> job = co_await async_call<JobStatus>([&](auto done) { client.submit(contract, done); });
template <class T, class Start>
auto async_call(Start start) {
  return async_call<T>(std::move(start), asio::use_awaitable);
}
#endif

}  // namespace forgepool
