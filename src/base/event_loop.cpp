#include <forgepool/asio.hpp>

namespace forgepool {
namespace {

class DefaultEventLoop final : public RunnableEventLoop {
 public:
  explicit DefaultEventLoop(EventLoopOptions options) : loop_(context_, options) {}

  Time now() const override { return loop_.now(); }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }
  std::unique_ptr<Subscription> after(Duration delay, std::function<void()> task) override {
    return loop_.after(delay, std::move(task));
  }
  std::unique_ptr<Subscription> watch(int fd, Readiness readiness, std::function<void()> task) override {
    return loop_.watch(fd, readiness, std::move(task));
  }
  void run_blocking(std::function<void()> work, std::function<void()> done) override {
    loop_.run_blocking(std::move(work), std::move(done));
  }

  void run() override {
    auto guard = asio::make_work_guard(context_);
    context_.restart();
    context_.run();
  }
  bool run_for(Duration limit) override {
    auto guard = asio::make_work_guard(context_);
    context_.restart();
    context_.run_for(limit);
    return context_.stopped();
  }
  void stop() override { context_.stop(); }

 private:
  asio::io_context context_{1};
  AsioEventLoop loop_;
};

}  // namespace

std::unique_ptr<RunnableEventLoop> make_event_loop(EventLoopOptions options) {
  return std::make_unique<DefaultEventLoop>(options);
}

}  // namespace forgepool
