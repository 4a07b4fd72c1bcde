#pragma once
/// The process that boxes are forked from, seen from the agent.
#include "sandbox/ordered_box.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace forgepool::sandbox {

class ZygoteProcess;

/// Starts the zygote when the first box is asked for, and again should it have died, or in a fork of this process. Thread-safe.
/// Boxes end with it: it and its boxes are children of a thread of its own, and the kernel kills them when that is gone.
class Zygote {
 public:
  /// `init_image` is borrowed. `uid_map` and `gid_map` as in /proc/self; with `own_only`, or where that is not allowed, the
  /// boxes' users can be no others than the agent's own.
  Zygote(int init_image, std::string uid_map, std::string gid_map, bool own_only);
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;
  ~Zygote();

  /// Asks for a box of `input.identity`, in `input.clone_into`; the rest of `input` need not be there yet.
  OrderedBox order(const LaunchInput& input);
  /// What OrderedBox::complete does; should the zygote have died meanwhile, with another one.
  Launched launch(OrderedBox ordered, const LaunchInput& input);

 private:
  const int init_image_;
  const std::string uid_map_, gid_map_;
  const bool own_only_;
  std::mutex mutex_;
  // guarded by mutex_
  std::unique_ptr<ZygoteProcess> process_;
  pid_t host_ = -1;  ///< The process that has started it.
};

}  // namespace forgepool::sandbox
