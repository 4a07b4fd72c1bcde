#pragma once
/// Strict boxes made ahead: everything but a run's files and seed is prepared, and each box runs once. An agent runs thousands
/// of shards of one job, which differ in nothing else; so boxes are kept for what was asked for last.
#include "sandbox/box_runner.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace forgepool::sandbox {

/// What a box has to be prepared for.
struct BoxShape {
  Digest program;
  std::vector<std::string> arguments;
  SandboxLimits limits;

  explicit BoxShape(const SandboxRequest& request);
  friend bool operator==(const BoxShape&, const BoxShape&) = default;
};

/// Thread-safe. One thread of its own, from the first need on: the boxes are its children, and end with it.
class BoxPool {
 public:
  /// `depth` boxes are kept of each shape; 0 turns the pool off. `machine` is borrowed.
  BoxPool(const BoxMachine& machine, std::size_t depth) : machine_(machine), depth_(depth) {}
  BoxPool(const BoxPool&) = delete;
  BoxPool& operator=(const BoxPool&) = delete;
  ~BoxPool();

  /// A box for this strict request, or null. The second request of a shape, and each after it, lets boxes of it be made.
  std::unique_ptr<OpenBox> take(const SandboxRequest& request, const std::shared_ptr<const UniqueFd>& image);

  /// Takes down what is left of a box in which everything is dead (its mounts, its groups), in the background: the kernel takes
  /// its time for that. With depth 0 at once.
  void clear_away(std::unique_ptr<OpenBox> box);

 private:
  struct Shelf {
    BoxShape shape;
    std::shared_ptr<const UniqueFd> image;
    std::uint64_t requests = 0;
    std::chrono::steady_clock::time_point last_request;
    std::deque<std::unique_ptr<OpenBox>> boxes;
    bool broken = false;  ///< A box could not be made; runs say why.
  };
  using Shelves = std::deque<std::shared_ptr<Shelf>>;

  void work();
  void start_thread();
  void make_box(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Shelf>& shelf);
  std::shared_ptr<Shelf> next_to_fill() const;
  std::vector<std::unique_ptr<OpenBox>> remove_idle();

  const BoxMachine& machine_;
  const std::size_t depth_;

  std::mutex mutex_;
  std::condition_variable wake_;
  // guarded by mutex_
  Shelves shelves_;  ///< The one asked for last in front.
  std::vector<std::unique_ptr<OpenBox>> finished_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace forgepool::sandbox
