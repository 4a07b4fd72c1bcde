#pragma once
/// The loop that owns a node's state. Hub, agent, client and the transports run on one loop: they call each other only from it
/// and need no locks. A host implements this interface over its own loop (asio.hpp does it for an `asio::io_context`) or takes
/// the default one. The simulator implements it with a virtual clock.
///
/// Threads: `post`, `run_blocking` and `run_commit` may be called from any thread, everything else only on the loop's thread.
/// Callbacks run on the loop's thread, never inside the call that registered them; an empty one is nothing to call. Debug builds
/// of the loops here end the program with a message when it is called on another thread, or destroyed before the nodes that use
/// it.
#include <forgepool/time.hpp>

#include <functional>
#include <memory>

namespace forgepool {

/// Cancels what it stands for when destroyed; safe to destroy inside the callback and after the loop.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

enum class Readiness { readable, writable };

class EventLoop {
 public:
  virtual ~EventLoop() = default;

  /// What the system's clock says: for dates, and for certificates and tokens that are judged by them. Somebody may set it,
  /// back and forth: nothing is waited for by it.
  virtual Time now() const = 0;

  /// The time at the loop's start plus what has passed since, the machine's sleep included: never set, never goes back. For
  /// deadlines, ages and rates. Only differences mean something.
  virtual Time steady() const = 0;

  /// Runs `task` on the loop, in the order of the calls.
  virtual void post(std::function<void()> task) = 0;

  /// Runs `task` once, `delay` from now by `steady`, unless the subscription is destroyed before. A delay of zero or less means
  /// soon.
  [[nodiscard]] virtual std::unique_ptr<Subscription> after(Duration delay, std::function<void()> task) = 0;

  /// Calls `task` whenever `fd` is ready, until the subscription is destroyed; which must happen before `fd` is closed. One
  /// descriptor can be watched for both, and more than once. What cannot be watched (epoll(7): a regular file) ends the
  /// program.
  [[nodiscard]] virtual std::unique_ptr<Subscription> watch(int fd, Readiness readiness, std::function<void()> task) = 0;

  /// Runs `work` on a pool thread (fsync, fork, hashing of large data), then `done` on the loop. Must not be called after the
  /// loop was stopped; the loop's owner waits for running work before it is destroyed.
  virtual void run_blocking(std::function<void()> work, std::function<void()> done) = 0;

  /// Likewise, for commits, whose end everybody waits for: they never wait behind what was given to `run_blocking`. Unless
  /// overridden they do.
  virtual void run_commit(std::function<void()> work, std::function<void()> done) {
    run_blocking(std::move(work), std::move(done));
  }
};

/// A loop with its own pool threads that a program without one can use.
class RunnableEventLoop : public EventLoop {
 public:
  /// Runs until `stop` is called.
  virtual void run() = 0;
  /// Runs until `stop` is called or `limit` has passed; true if it was stopped.
  virtual bool run_for(Duration limit) = 0;
  /// May be called from any thread and from a signal-handling callback.
  virtual void stop() = 0;
};

struct EventLoopOptions {
  unsigned blocking_threads = 4;  ///< How many blocking jobs run at once; more wait in line.
  unsigned commit_threads = 1;    ///< The same for commits. A hub of several organizations has one commit under way of each.
};

/// The default loop (Asio over epoll).
FORGEPOOL_API std::unique_ptr<RunnableEventLoop> make_event_loop(EventLoopOptions options = {});

}  // namespace forgepool
