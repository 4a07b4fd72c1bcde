#pragma once
/// An event loop with a clock that only moves when nothing is left to do at the present time: whole pools run on one thread,
/// deterministically and as fast as the machine allows. Events at the same time run in the order they were registered.
///
/// Everything, `post` and `run_blocking` included, must be called on one thread. Blocking work runs inline as an event of its
/// own; it can take virtual time with `spend`. File descriptors do not exist in virtual time: a watched one never becomes
/// ready.
#include <forgepool/event_loop.hpp>

#include <optional>

namespace forgepool::testing {

class FORGEPOOL_API VirtualEventLoop final : public RunnableEventLoop {
 public:
  /// `start` is 2026-01-01T00:00:00Z unless given.
  explicit VirtualEventLoop(Time start = Time(std::chrono::sys_days(std::chrono::January / 1 / 2026)));
  ~VirtualEventLoop() override;
  VirtualEventLoop(const VirtualEventLoop&) = delete;
  VirtualEventLoop& operator=(const VirtualEventLoop&) = delete;

  Time now() const override;
  Time steady() const override { return steady_; }
  void post(std::function<void()> task) override;
  std::unique_ptr<Subscription> after(Duration delay, std::function<void()> task) override;
  std::unique_ptr<Subscription> watch(int fd, Readiness readiness, std::function<void()> task) override;
  void run_blocking(std::function<void()> work, std::function<void()> done) override;

  /// Until `stop` is called, or nothing is left that could ever happen.
  void run() override;
  /// In virtual time; true if it was stopped. Otherwise the clock has moved by `limit`.
  bool run_for(Duration limit) override;
  void stop() override;

  /// Somebody sets the wall clock, forward or back. Events, and all times below, are by `steady`, and stay where they are.
  void set_wall_clock(Duration by) { wall_offset_ += by; }

  /// Runs the next event, moving the clock to it. False if there is none.
  bool step();
  /// Runs everything up to and including `time`, and moves the clock there.
  void run_until(Time time);
  void advance(Duration duration) { run_until(steady() + duration); }
  /// Runs until `condition` holds, at most to `limit` from now; what `condition` says at the end.
  bool run_until(const std::function<bool()>& condition, Duration limit);
  /// When the next event is due.
  std::optional<Time> next_event() const;

  /// Inside blocking work: lets it take virtual time, so that its `done` comes that much later. Elsewhere it does nothing.
  void spend(Duration duration);

 private:
  struct Events;
  class Timer;

  void schedule(Time time, std::function<void()> task);

  std::shared_ptr<Events> events_;  // Shared with the subscriptions, which may outlive the loop.
  Time steady_;
  Duration wall_offset_{};
  Duration spent_{};
  bool in_blocking_work_ = false;
  bool stopped_ = false;
};

}  // namespace forgepool::testing
