#pragma once
/// Strict boxes made ahead: everything but a run's files and seed is prepared. An agent runs thousands of shards of one job,
/// which differ in nothing else; so boxes are kept for what was asked for last. One in which a run has ended well is renewed
/// for the next of the same shape, if that says whose it is (box_runner.hpp says what of it is new then, and what is not):
/// nobody gets another's.
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
  std::string owner;

  explicit BoxShape(const SandboxRequest& request);
  friend bool operator==(const BoxShape&, const BoxShape&) = default;
};

/// Thread-safe. One thread of its own, from the first need on.
class BoxPool {
  struct Shelf;

 public:
  /// A run's stay in the pool.
  struct Loan {
    std::shared_ptr<Shelf> shelf;
    std::unique_ptr<OpenBox> box;  ///< Null: none was ready, and the run brings its own.
    bool from_pool = false;
  };

  /// `depth` boxes are kept of each shape, or as many as have run at once if these were more; 0 turns the pool off. `machine`
  /// is borrowed.
  BoxPool(const BoxMachine& machine, std::size_t depth) : machine_(machine), depth_(depth) {}
  BoxPool(const BoxPool&) = delete;
  BoxPool& operator=(const BoxPool&) = delete;
  ~BoxPool();

  /// For this strict request. The second request of a shape, and each after it, lets boxes of it be made. May wait for a box
  /// that is being renewed.
  Loan take(const SandboxRequest& request, const std::shared_ptr<const ProgramImage>& image);

  /// After the run, whichever box it had: renews it or takes down what is left of it (its mounts, its groups), in the
  /// background: the kernel takes its time for that. With depth 0 at once.
  void give_back(Loan loan, bool renewable);

 private:
  struct Shelf {
    BoxShape shape;
    std::shared_ptr<const ProgramImage> image;
    std::uint64_t requests = 0;
    std::chrono::steady_clock::time_point last_request{};
    std::deque<std::unique_ptr<OpenBox>> boxes{};
    std::size_t running = 0;       ///< Runs, with a box of the pool or another.
    std::size_t most_running = 0;  ///< At once.
    std::size_t lent = 0;          ///< Boxes of the pool that are not in `boxes`.
    bool broken = false;           ///< A box could not be made; runs say why.
  };
  using Shelves = std::deque<std::shared_ptr<Shelf>>;
  struct Finished {
    Loan loan;
    bool renewable;
  };

  std::shared_ptr<Shelf> find_shelf(const SandboxRequest& request, const std::shared_ptr<const ProgramImage>& image,
                                    Shelves& dropped);
  /// The one that is ready, else the one that will be first.
  std::unique_ptr<OpenBox> take_from(const std::shared_ptr<Shelf>& shelf);
  /// One that nobody has got to renewing yet.
  std::unique_ptr<OpenBox> take_finished(const std::shared_ptr<Shelf>& shelf);
  void put_away(std::unique_lock<std::mutex>& lock, Finished finished);
  std::size_t capacity_of(const Shelf& shelf) const;
  bool has_room(const std::shared_ptr<Shelf>& shelf) const;
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
  std::vector<Finished> finished_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace forgepool::sandbox
