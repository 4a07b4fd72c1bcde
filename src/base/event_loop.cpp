#include <forgepool/asio.hpp>

#include <optional>

namespace forgepool {

class DefaultEventLoop final : public RunnableEventLoop {
 public:
  explicit DefaultEventLoop(EventLoopOptions options) : context_(std::in_place, 1), loop_(std::in_place, *context_, options) {}

  ~DefaultEventLoop() override {
    [[maybe_unused]] const auto waiting = loop_->waiting_;
    loop_.reset();
    context_.reset();  // And with it what tasks that never ran still held.
#ifndef NDEBUG
    if (waiting->subscriptions == 0) return;
    std::fprintf(stderr,
                 "forgepool: the event loop is destroyed before what uses it (%zu timers and watches are left): destroy hubs, "
                 "agents, clients, transports and subscriptions first\n",
                 waiting->subscriptions);
    std::abort();
#endif
  }

  Time now() const override {
    return loop_->now();
  }
  Time steady() const override {
    return loop_->steady();
  }
  void post(std::function<void()> task) override {
    loop_->post(std::move(task));
  }
  std::unique_ptr<Subscription> after(Duration delay, std::function<void()> task) override {
    return loop_->after(delay, std::move(task));
  }
  std::unique_ptr<Subscription> watch(int fd, Readiness readiness, std::function<void()> task) override {
    return loop_->watch(fd, readiness, std::move(task));
  }
  void run_blocking(std::function<void()> work, std::function<void()> done) override {
    loop_->run_blocking(std::move(work), std::move(done));
  }
  void run_commit(std::function<void()> work, std::function<void()> done) override {
    loop_->run_commit(std::move(work), std::move(done));
  }

  void run() override {
    auto guard = asio::make_work_guard(*context_);
    context_->restart();
    context_->run();
  }
  bool run_for(Duration limit) override {
    auto guard = asio::make_work_guard(*context_);
    context_->restart();
    context_->run_for(limit);
    return context_->stopped();
  }
  void stop() override {
    context_->stop();
  }

 private:
  std::optional<asio::io_context> context_;
  std::optional<AsioEventLoop> loop_;
};

std::unique_ptr<RunnableEventLoop> make_event_loop(EventLoopOptions options) {
  return std::make_unique<DefaultEventLoop>(options);
}

}  // namespace forgepool
