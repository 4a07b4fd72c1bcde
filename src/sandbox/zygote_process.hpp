#pragma once
/// One life of the zygote.
#include "sandbox/launch.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace forgepool::sandbox {

/// Which users and groups there are for boxes, in the terms of /proc/self/uid_map.
struct IdMaps {
  std::string users, groups;
  bool deny_groups = false;  ///< As the kernel demands of those who may map none but their own.
};

/// Not thread-safe. Destruction ends the process, and all boxes that it has started.
class ZygoteProcess {
 public:
  /// Look at `failure()` next.
  ZygoteProcess(int init_image, const IdMaps& maps);
  ZygoteProcess(const ZygoteProcess&) = delete;
  ZygoteProcess& operator=(const ZygoteProcess&) = delete;
  ~ZygoteProcess();

  /// Why it could not be started.
  const BoxFailure& failure() const { return failure_; }
  const std::string& reason() const { return reason_; }

  /// Asks for a box of `input.identity`, in `input.clone_into`. False if it has died, or there is no socket (then `control` is
  /// empty).
  bool order(const LaunchInput& input, UniqueFd& control);

 private:
  void live(int init_image, const IdMaps& maps);
  void start(int init_image, const IdMaps& maps);
  bool greet(const IdMaps& maps, pid_t pid);
  void fail_at(BoxStep step, int error, std::string reason = {});

  UniqueFd control_, process_;
  BoxFailure failure_;
  std::string reason_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false, finished_ = false;  ///< Guarded by mutex_.
  /// The kernel counts the thread that has made a child as its parent, and PR_SET_PDEATHSIG looks at that one's end.
  std::thread parent_;
};

}  // namespace forgepool::sandbox
