#include <forgepool/testing/virtual_event_loop.hpp>

#include <algorithm>
#include <map>

namespace forgepool::testing {

struct VirtualEventLoop::Events {
  using Key = std::pair<Time, std::uint64_t>;  // The number keeps events at the same time in the order of registration.
  std::map<Key, std::function<void()>> queue;
  std::uint64_t next_number = 0;

  Key add(Time time, std::function<void()> task) {
    return queue.emplace(Key(time, next_number++), std::move(task)).first->first;
  }
};

class VirtualEventLoop::Timer final : public Subscription {
 public:
  Timer(const std::shared_ptr<Events>& events, Events::Key key) : events_(events), key_(key) {}
  ~Timer() override {
    const auto events = events_.lock();
    if (!events) return;
    // What the task holds may itself cancel timers when it goes: let it go only after the queue is whole again.
    if (auto task = events->queue.extract(key_)) task.mapped() = nullptr;
  }

 private:
  std::weak_ptr<Events> events_;
  Events::Key key_;
};

VirtualEventLoop::VirtualEventLoop(Time start) : events_(std::make_shared<Events>()), steady_(start) {}

VirtualEventLoop::~VirtualEventLoop() {
  // Tasks that are destroyed unrun may own subscriptions of this loop, and must find it empty rather than half gone.
  while (!events_->queue.empty()) events_->queue.extract(events_->queue.begin());
}

Time VirtualEventLoop::now() const {
  return steady_ + wall_offset_;
}

void VirtualEventLoop::schedule(Time time, std::function<void()> task) {
  if (task) events_->add(time, std::move(task));
}

void VirtualEventLoop::post(std::function<void()> task) {
  schedule(steady_, std::move(task));
}

std::unique_ptr<Subscription> VirtualEventLoop::after(Duration delay, std::function<void()> task) {
  return std::make_unique<Timer>(events_, events_->add(steady_ + std::max(delay, Duration::zero()), std::move(task)));
}

std::unique_ptr<Subscription> VirtualEventLoop::watch(int, Readiness, std::function<void()>) {
  return std::make_unique<Subscription>();
}

void VirtualEventLoop::run_blocking(std::function<void()> work, std::function<void()> done) {
  post([this, work = std::move(work), done = std::move(done)]() mutable {
    in_blocking_work_ = true;
    spent_ = Duration::zero();
    if (work) work();
    work = nullptr;  // As on a real pool: what the work holds ends before `done` may run.
    in_blocking_work_ = false;
    schedule(steady_ + spent_, std::move(done));
  });
}

void VirtualEventLoop::spend(Duration duration) {
  if (in_blocking_work_) spent_ += std::max(duration, Duration::zero());
}

std::optional<Time> VirtualEventLoop::next_event() const {
  if (events_->queue.empty()) return std::nullopt;
  return events_->queue.begin()->first.first;
}

bool VirtualEventLoop::step() {
  if (events_->queue.empty()) return false;
  auto event = events_->queue.extract(events_->queue.begin());
  steady_ = std::max(steady_, event.key().first);
  if (event.mapped()) event.mapped()();
  return true;
}

void VirtualEventLoop::run() {
  stopped_ = false;
  while (!stopped_ && step()) {
  }
}

bool VirtualEventLoop::run_for(Duration limit) {
  const Time end = steady_ + limit;
  stopped_ = false;
  while (!stopped_) {
    const auto next = next_event();
    if (!next || *next > end) break;
    step();
  }
  if (!stopped_) steady_ = std::max(steady_, end);
  return stopped_;
}

void VirtualEventLoop::stop() {
  stopped_ = true;
}

void VirtualEventLoop::run_until(Time time) {
  for (auto next = next_event(); next && *next <= time; next = next_event()) step();
  steady_ = std::max(steady_, time);
}

bool VirtualEventLoop::run_until(const std::function<bool()>& condition, Duration limit) {
  const Time end = steady_ + limit;
  while (!condition()) {
    const auto next = next_event();
    if (!next || *next > end) return false;
    step();
  }
  return true;
}

}  // namespace forgepool::testing
