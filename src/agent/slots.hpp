#pragma once
/// Places to run shards in: who finds none free waits in line. Loop thread only.
#include <deque>
#include <functional>
#include <memory>

namespace forgepool::agent {

class Slots : public std::enable_shared_from_this<Slots> {
 public:
  explicit Slots(unsigned count) : free_(count) {}

  /// A place that is taken; free again when destroyed.
  class Place {
   public:
    explicit Place(std::shared_ptr<Slots> slots) : slots_(std::move(slots)) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { slots_->give_back(); }

   private:
    std::shared_ptr<Slots> slots_;
  };

  /// Calls `use` with a place, now or when one is free.
  void take(std::function<void(std::shared_ptr<Place>)> use) {
    if (free_ == 0) return waiting_.push_back(std::move(use));
    --free_;
    use(std::make_shared<Place>(shared_from_this()));
  }

 private:
  void give_back() {
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    auto use = std::move(waiting_.front());
    waiting_.pop_front();
    use(std::make_shared<Place>(shared_from_this()));
  }

  unsigned free_;
  std::deque<std::function<void(std::shared_ptr<Place>)>> waiting_;
};

}  // namespace forgepool::agent
