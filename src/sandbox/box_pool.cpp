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
    : program(request.program_digest), arguments(request.arguments), limits(request.limits), owner(request.owner) {}

BoxPool::~BoxPool() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<BoxPool::Shelf> BoxPool::find_shelf(const SandboxRequest& request,
                                                    const std::shared_ptr<const ProgramImage>& image, Shelves& dropped) {
  const BoxShape shape(request);
  const auto found = std::ranges::find(shelves_, shape, [](const auto& shelf) -> const BoxShape& { return shelf->shape; });
  std::shared_ptr<Shelf> shelf;
  if (found == shelves_.end()) {
    shelf = std::make_shared<Shelf>(Shelf{shape, image});
  } else {
    shelf = *found;
    shelves_.erase(found);
  }
  shelves_.push_front(shelf);
  while (shelves_.size() > max_shelves) {
    dropped.push_back(shelves_.back());
    shelves_.pop_back();
  }
  return shelf;
}

std::unique_ptr<OpenBox> BoxPool::take_finished(const std::shared_ptr<Shelf>& shelf) {
  const auto found =
      std::ranges::find_if(finished_, [&](const Finished& one) { return one.renewable && one.loan.shelf == shelf; });
  if (found == finished_.end()) return nullptr;
  auto box = std::move(found->loan.box);
  finished_.erase(found);
  --shelf->lent;
  return renew(*box, shelf->shape.limits) ? std::move(box) : nullptr;
}

std::unique_ptr<OpenBox> BoxPool::take_from(const std::shared_ptr<Shelf>& shelf) {
  auto& boxes = shelf->boxes;
  if (boxes.empty()) return take_finished(shelf);
  auto chosen = std::ranges::find_if(boxes, [](const auto& box) { return is_ready(*box); });
  if (chosen == boxes.end()) chosen = boxes.begin();
  auto box = std::move(*chosen);
  boxes.erase(chosen);
  return box;
}

BoxPool::Loan BoxPool::take(const SandboxRequest& request, const std::shared_ptr<const ProgramImage>& image) {
  if (depth_ == 0) return {};
  Shelves dropped;  // Ended outside of the lock.
  std::unique_lock lock(mutex_);
  Loan loan{find_shelf(request, image, dropped), nullptr, false};
  auto& shelf = *loan.shelf;
  ++shelf.requests;
  shelf.last_request = Clock::now();
  shelf.most_running = std::max(shelf.most_running, ++shelf.running);
  // The next box is made when this one is given back, not while it is waited for.
  while (auto box = take_from(loan.shelf)) {
    ++shelf.lent;
    lock.unlock();
    if (become_usable(*box, request)) return {std::move(loan.shelf), std::move(box), true};
    box.reset();
    lock.lock();
    --shelf.lent;
  }
  return loan;
}

std::size_t BoxPool::capacity_of(const Shelf& shelf) const {
  return std::max(depth_, shelf.most_running);
}

bool BoxPool::has_room(const std::shared_ptr<Shelf>& shelf) const {
  return !stopped_ && shelf->requests > 1 && shelf->boxes.size() < capacity_of(*shelf) &&
         std::ranges::find(shelves_, shelf) != shelves_.end();
}

std::shared_ptr<BoxPool::Shelf> BoxPool::next_to_fill() const {
  for (const auto& shelf : shelves_)
    if (shelf->requests > 1 && shelf->boxes.size() + shelf->lent < capacity_of(*shelf) && !shelf->broken) return shelf;
  return nullptr;
}

std::vector<std::unique_ptr<OpenBox>> BoxPool::remove_idle() {
  std::vector<std::unique_ptr<OpenBox>> idle;
  const auto now = Clock::now();
  for (auto& shelf : shelves_) {
    if (now - shelf->last_request < idle_time) continue;
    for (auto& box : shelf->boxes) idle.push_back(std::move(box));
    shelf->boxes.clear();
    shelf->requests = shelf->most_running = 0;
  }
  return idle;
}

void BoxPool::make_box(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Shelf>& shelf) {
  lock.unlock();
  BoxRun failed;
  std::unique_ptr<OpenBox> box;
  try {
    const auto use = shelf->shape.owner.empty() ? BoxUse::once : BoxUse::again;
    box = open_box(machine_, empty_request(shelf->shape), *shelf->image, use, failed);
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

void BoxPool::give_back(Loan loan, bool renewable) {
  if (depth_ == 0) return;
  renewable = renewable && loan.from_pool && !loan.shelf->shape.owner.empty();
  {
    const std::lock_guard lock(mutex_);
    --loan.shelf->running;
    if (loan.from_pool && !renewable) --loan.shelf->lent;
    if (renewable || finished_.size() < max_finished) finished_.push_back({std::move(loan), renewable});
    start_thread();
  }
  wake_.notify_one();
}

void BoxPool::put_away(std::unique_lock<std::mutex>& lock, Finished finished) {
  const auto shelf = finished.loan.shelf;
  auto box = std::move(finished.loan.box);
  const bool keep = finished.renewable && has_room(shelf);
  if (finished.renewable) --shelf->lent;
  lock.unlock();
  if (box && !(keep && renew(*box, shelf->shape.limits))) box.reset();
  lock.lock();
  if (box && has_room(shelf)) return shelf->boxes.push_back(std::move(box));
  lock.unlock();
  box.reset();
  lock.lock();
}

void BoxPool::start_thread() {
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
}

void BoxPool::work() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (!finished_.empty()) {
      // One by one: what still waits here can be taken from here. Those that run again go first.
      auto next = std::ranges::find_if(finished_, &Finished::renewable);
      if (next == finished_.end()) next = finished_.begin();
      auto finished = std::move(*next);
      finished_.erase(next);
      put_away(lock, std::move(finished));
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
}

}  // namespace forgepool::sandbox
