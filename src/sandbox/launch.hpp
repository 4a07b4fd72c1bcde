#pragma once
/// What every box is started with, and a box that has been started.
#include "sandbox/box_plan.hpp"
#include "sandbox/identity.hpp"
#include "sandbox/unique_fd.hpp"

#include <forgepool/sandbox.hpp>

#include <functional>
#include <string>
#include <vector>

namespace forgepool::sandbox {

/// All borrowed.
struct LaunchInput {
  int program_image = -1;
  int standard_input = -1;
  int standard_output = -1;
  int standard_error = -1;
  int plan = -1;
  std::vector<int> join_fds;
  int clone_into = -1;  ///< A v2 cgroup's folder, or -1.
  BoxIdentity identity;
};

/// A box that has been started, by us or by a program that is our child. Destruction kills everything in it and waits until it
/// is gone.
class Box {
 public:
  Box() = default;
  Box(Box&&) noexcept = default;
  /// Ends the one that was there before.
  Box& operator=(Box&& other) noexcept;
  ~Box();

  int process_fd() const { return process_.get(); }  ///< A pidfd: readable when every process in the box is dead.
  int control_fd() const { return control_.get(); }
  void kill();
  /// Call once the box is dead. The CPU time that its first process and everything it has waited for took.
  std::uint64_t reap_cpu_ms();

 private:
  friend class OrderedBox;
  friend struct BubblewrapLauncher;
  void end();

  UniqueFd process_;
  UniqueFd parent_;  ///< Of the child of ours that started the first process and ends with it. None if we did so ourselves.
  UniqueFd control_;
  /// Keeps the mounts beyond the last process, whose end would otherwise wait for the kernel to take them down. Where it cannot
  /// be had, it does.
  UniqueFd mounts_;
  bool reaped_ = false;
};

struct Launched {
  Box box;
  BoxFailure failure;  ///< If set, nothing runs.
  std::string reason;  ///< More than the errno, where there is more to say.
};

/// What is behind a box: how its first process is started.
using Launch = std::function<Launched(const LaunchInput&, const SandboxRequest&)>;

/// Which of the steps that everybody knows it is part of.
SandboxStep public_step(BoxStep step);
/// "mounting the root file system", … for messages.
std::string_view describe(BoxStep step);
/// "mounting the root file system: Operation not permitted"
std::string describe(const BoxFailure& failure);

}  // namespace forgepool::sandbox
