#pragma once
/// For hosts that bring their own `asio::io_context`: an event loop over it. Header-only, so that it uses the host's Asio and
/// not ours. Run the context on one thread.
#include <forgepool/event_loop.hpp>

#include <asio/async_result.hpp>
#include <asio/basic_waitable_timer.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <thread>
#include <vector>

namespace forgepool {

/// CLOCK_BOOTTIME: nobody sets it, and it goes on while the machine sleeps.
struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
  }
};

/// Asio's reactor sleeps by a clock that stops with the machine: look at ours every few seconds.
struct BootClockWait {
  static BootClock::duration to_wait_duration(const BootClock::duration& duration) {
    return std::min<BootClock::duration>(duration, std::chrono::seconds(5));
  }
  static BootClock::duration to_wait_duration(const BootClock::time_point& time) {
    return to_wait_duration(time - BootClock::now());
  }
};

class AsioEventLoop : public EventLoop {
 public:
  /// `context` is borrowed and must outlive this object, and this object the nodes that use it.
  explicit AsioEventLoop(asio::io_context& context, EventLoopOptions options = {})
      : context_(context),
        pool_(options.blocking_threads),
        commits_(options.commit_threads),
        waiting_(std::make_shared<Waiting>(context)) {}

  /// Waits for the blocking work under way.
  ~AsioEventLoop() override {
    pool_.join();
    commits_.join();
    waiting_->close();
  }

  Time now() const override { return std::chrono::system_clock::now(); }

  Time steady() const override { return wall_start_ + (BootClock::now() - boot_start_); }

  void post(std::function<void()> task) override {
    if (!task) return;
    asio::post(context_, [waiting = waiting_, task = std::move(task)] {
      waiting->here();
      task();
    });
  }

  std::unique_ptr<Subscription> after(Duration delay, std::function<void()> task) override {
    waiting_->check_thread("after");
    return std::make_unique<Timer>(waiting_, waiting_->add(std::max(delay, Duration::zero()), std::move(task)));
  }

  std::unique_ptr<Subscription> watch(int fd, Readiness readiness, std::function<void()> task) override {
    waiting_->check_thread("watch");
    auto watcher = std::make_shared<Watcher>(std::move(task));
    waiting_->add(fd, readiness, watcher);
    return std::make_unique<Watch>(waiting_, fd, readiness, std::move(watcher));
  }

  void run_blocking(std::function<void()> work, std::function<void()> done) override {
    run_on(pool_, std::move(work), std::move(done));
  }
  void run_commit(std::function<void()> work, std::function<void()> done) override {
    run_on(commits_, std::move(work), std::move(done));
  }

 private:
  void run_on(asio::thread_pool& pool, std::function<void()> work, std::function<void()> done) {
    auto guard = asio::require(context_.get_executor(), asio::execution::outstanding_work.tracked);
    asio::post(pool, [guard, waiting = waiting_, work = std::move(work), done = std::move(done)]() mutable {
      if (work) work();
      work = nullptr;  // What the work holds ends on its own thread, before `done` may run.
      if (!done) return;
      asio::post(guard, [waiting = std::move(waiting), done = std::move(done)] {
        waiting->here();
        done();
      });
    });
  }

  friend class DefaultEventLoop;

  struct Watcher {
    explicit Watcher(std::function<void()> t) : task(std::move(t)) {}
    std::function<void()> task;
    bool live = true;
  };

  /// What waits for a time or a descriptor. Shared with the subscriptions, which may outlive the loop; nothing of Asio does.
  struct Waiting : std::enable_shared_from_this<Waiting> {
    using Key = std::pair<BootClock::time_point, std::uint64_t>;  // The number: in the order of the calls.
    using Alarm = asio::basic_waitable_timer<BootClock, BootClockWait>;

    /// Those who wait for one descriptor, in one direction; one wait of Asio's serves them all.
    struct Direction {
      std::vector<std::shared_ptr<Watcher>> watchers;
      bool waits = false;
    };
    struct Descriptor {
      explicit Descriptor(asio::io_context& context) : handle(context) {}
      asio::posix::stream_descriptor handle;
      Direction readable, writable;
      Direction& direction(Readiness readiness) { return readiness == Readiness::readable ? readable : writable; }
    };

    explicit Waiting(asio::io_context& c) : context(&c), alarm(std::make_unique<Alarm>(c)) {}

    void close() {
      context = nullptr;
      alarm.reset();
      for (auto& [fd, descriptor] : descriptors) descriptor->handle.release();  // The descriptor is not ours.
      descriptors.clear();
      // A task that goes may cancel others.
      while (!timers.empty()) timers.extract(timers.begin());
    }

    // --- timers

    Key add(Duration delay, std::function<void()> task) {
      const auto now = BootClock::now();
      const auto due = delay > BootClock::time_point::max() - now ? BootClock::time_point::max() : now + delay;
      const Key key = timers.emplace(Key(due, ++count), std::move(task)).first->first;
      set_alarm();
      return key;
    }
    void remove(const Key& key) {
      auto task = timers.extract(key);
      if (timers.empty() && alarm) {  // Nothing to wait for: the context may run out of work.
        alarm->cancel();
        alarm_at = BootClock::time_point::max();
      }
    }
    void set_alarm() {
      if (!alarm || timers.empty() || alarm_at <= timers.begin()->first.first) return;
      alarm_at = timers.begin()->first.first;
      alarm->expires_at(alarm_at);
      alarm->async_wait([self = shared_from_this()](const asio::error_code& error) {
        if (error || !self->alarm) return;
        self->alarm_at = BootClock::time_point::max();
        self->here();
        // One at a time, so that a task can stop the context before the next.
        std::function<void()> task;
        if (!self->timers.empty() && self->timers.begin()->first.first <= BootClock::now())
          task = std::move(self->timers.extract(self->timers.begin()).mapped());
        self->set_alarm();
        if (task) task();
      });
    }

    // --- descriptors

    void add(int fd, Readiness readiness, std::shared_ptr<Watcher> watcher) {
      auto& descriptor = descriptors[fd];
      if (!descriptor) {
        descriptor = std::make_shared<Descriptor>(*context);
        asio::error_code error;
        descriptor->handle.assign(fd, error);
        if (error) {
          std::fprintf(stderr, "forgepool: descriptor %d cannot be watched: %s\n", fd, error.message().c_str());
          std::abort();
        }
      }
      descriptor->direction(readiness).watchers.push_back(std::move(watcher));
      wait(descriptor, readiness);
    }
    void remove(int fd, Readiness readiness, const std::shared_ptr<Watcher>& watcher) {
      watcher->live = false;
      const auto found = descriptors.find(fd);
      if (found == descriptors.end()) return;
      std::erase(found->second->direction(readiness).watchers, watcher);
      if (!found->second->readable.watchers.empty() || !found->second->writable.watchers.empty()) return;
      found->second->handle.release();  // Cancels the waits; the caller keeps the descriptor.
      descriptors.erase(found);
    }
    void wait(const std::shared_ptr<Descriptor>& descriptor, Readiness readiness) {
      Direction& direction = descriptor->direction(readiness);
      if (direction.waits || direction.watchers.empty()) return;
      direction.waits = true;
      descriptor->handle.async_wait(readiness == Readiness::readable ? asio::posix::stream_descriptor::wait_read
                                                                     : asio::posix::stream_descriptor::wait_write,
                                    [self = shared_from_this(), descriptor, readiness](const asio::error_code& error) {
                                      descriptor->direction(readiness).waits = false;
                                      if (error) return;
                                      self->here();
                                      const auto watchers = descriptor->direction(readiness).watchers;
                                      for (const auto& watcher : watchers)
                                        if (watcher->live && watcher->task) watcher->task();
                                      if (descriptor->handle.is_open()) self->wait(descriptor, readiness);
                                    });
    }

    // --- the thread

    void here() { thread.store(std::this_thread::get_id(), std::memory_order_relaxed); }
    /// Debug builds end a program that calls a running loop from another thread: later it would crash without a word.
    void check_thread([[maybe_unused]] const char* call) const {
#ifndef NDEBUG
      const auto owner = thread.load(std::memory_order_relaxed);
      if (!context || owner == std::thread::id() || owner == std::this_thread::get_id() || context->stopped()) return;
      std::fprintf(stderr, "forgepool: EventLoop::%s was called on another thread than the loop runs on: use post\n", call);
      std::abort();
#endif
    }

    asio::io_context* context;  ///< Null once the loop is gone, and what follows is empty.
    std::unique_ptr<Alarm> alarm;
    BootClock::time_point alarm_at = BootClock::time_point::max();
    std::map<Key, std::function<void()>> timers;
    std::uint64_t count = 0;
    std::map<int, std::shared_ptr<Descriptor>> descriptors;
    std::atomic<std::thread::id> thread{};  ///< On which the last task ran.
    std::size_t subscriptions = 0;
  };

  struct Timer final : Subscription {
    Timer(std::shared_ptr<Waiting> w, Waiting::Key k) : waiting(std::move(w)), key(k) { ++waiting->subscriptions; }
    ~Timer() override {
      waiting->check_thread("after's subscription");
      waiting->remove(key);
      --waiting->subscriptions;
    }
    const std::shared_ptr<Waiting> waiting;
    const Waiting::Key key;
  };
  struct Watch final : Subscription {
    Watch(std::shared_ptr<Waiting> w, int f, Readiness r, std::shared_ptr<Watcher> who)
        : waiting(std::move(w)), fd(f), readiness(r), watcher(std::move(who)) {
      ++waiting->subscriptions;
    }
    ~Watch() override {
      waiting->check_thread("watch's subscription");
      waiting->remove(fd, readiness, watcher);
      --waiting->subscriptions;
    }
    const std::shared_ptr<Waiting> waiting;
    const int fd;
    const Readiness readiness;
    const std::shared_ptr<Watcher> watcher;
  };

  asio::io_context& context_;
  asio::thread_pool pool_, commits_;
  const std::shared_ptr<Waiting> waiting_;
  const Time wall_start_ = std::chrono::system_clock::now();
  const BootClock::time_point boot_start_ = BootClock::now();
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
