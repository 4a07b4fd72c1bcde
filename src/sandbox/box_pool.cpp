#include "sandbox/box_pool.hpp"

#include <algorithm>
#include <utility>

namespace forgepool::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

/// Jobs that an agent works on at once.
constexpr std::size_t max_shelves = 2;
/// A shape that nobody asks for any more holds memory, groups and descriptors.
constexpr auto idle_time = std::chrono::seconds(10);
/// So many wait at most to be cleared away; whoever brings more does it himself.
constexpr std::size_t max_finished = 32;

/// What a box is opened with: a request of that shape, without files.
SandboxRequest empty_request(const BoxShape& shape) {
  SandboxRequest request;
  request.program_digest = shape.program;
  request.arguments = shape.arguments;
  request.limits = shape.limits;
  request.determinism = Determinism::strict;
  return request;
}

}  // namespace

BoxShape::BoxShape(const SandboxRequest& request)
    : program(request.program_digest), arguments(request.arguments), limits(request.limits) {}

BoxPool::~BoxPool() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::unique_ptr<OpenBox> BoxPool::take(const SandboxRequest& request, const std::shared_ptr<const UniqueFd>& image) {
  if (depth_ == 0) return nullptr;
  const BoxShape shape(request);
  Shelves dropped;  // Ended outside of the lock.
  std::unique_ptr<OpenBox> box;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(shelves_, shape, [](const auto& shelf) -> const BoxShape& { return shelf->shape; });
    std::shared_ptr<Shelf> shelf;
    if (found == shelves_.end()) {
      shelf = std::make_shared<Shelf>(Shelf{shape, image, 0, {}, {}, false});
    } else {
      shelf = *found;
      shelves_.erase(found);
    }
    shelves_.push_front(shelf);
    while (shelves_.size() > max_shelves) {
      dropped.push_back(shelves_.back());
      shelves_.pop_back();
    }
    ++shelf->requests;
    shelf->last_request = Clock::now();
    while (!box && !shelf->boxes.empty()) {
      box = std::move(shelf->boxes.front());
      shelf->boxes.pop_front();
      if (!is_ready(*box)) box.reset();
    }
  }
  // The next box is made when this one is cleared away, not while it is waited for.
  return box;
}

std::shared_ptr<BoxPool::Shelf> BoxPool::next_to_fill() const {
  for (const auto& shelf : shelves_)
    if (shelf->requests > 1 && shelf->boxes.size() < depth_ && !shelf->broken) return shelf;
  return nullptr;
}

std::vector<std::unique_ptr<OpenBox>> BoxPool::remove_idle() {
  std::vector<std::unique_ptr<OpenBox>> idle;
  const auto now = Clock::now();
  for (auto& shelf : shelves_) {
    if (now - shelf->last_request < idle_time) continue;
    for (auto& box : shelf->boxes) idle.push_back(std::move(box));
    shelf->boxes.clear();
    shelf->requests = 0;
  }
  return idle;
}

void BoxPool::make_box(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Shelf>& shelf) {
  lock.unlock();
  BoxRun failed;
  std::unique_ptr<OpenBox> box;
  try {
    box = open_box(machine_, empty_request(shelf->shape), shelf->image->get(), failed);
  } catch (const std::exception&) {
    // No memory. Whoever wants to run will find that out, too.
  }
  if (box) wait_until_ready(*box);
  lock.lock();
  if (box && is_ready(*box))
    shelf->boxes.push_back(std::move(box));
  else
    shelf->broken = true;
}

void BoxPool::clear_away(std::unique_ptr<OpenBox> box) {
  if (depth_ == 0) return;
  {
    const std::lock_guard lock(mutex_);
    if (finished_.size() < max_finished) finished_.push_back(std::move(box));
    start_thread();
  }
  wake_.notify_one();
}

void BoxPool::start_thread() {
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
}

void BoxPool::work() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    auto finished = std::exchange(finished_, {});
    if (!finished.empty()) {
      lock.unlock();
      finished.clear();
      lock.lock();
    } else if (const auto shelf = next_to_fill()) {
      make_box(lock, shelf);
    } else {
      wake_.wait_for(lock, idle_time);
      auto idle = remove_idle();
      lock.unlock();
      idle.clear();
      lock.lock();
    }
  }
  // Here, not in the destructor: they are this thread's children.
  shelves_.clear();
  finished_.clear();
}

}  // namespace forgepool::sandbox
