#pragma once
/// Whether a program has changed anything in /out or /tmp. Mounting new file systems in place of the two takes the kernel
/// longer than forking a process, and those in which nothing was ever made need no replacing.
///
/// Why nothing is missed: they are empty when they are mounted, and nothing but we can mount. So the first thing to change is
/// the folder itself: there is an entry made in it, or its attributes are changed. The kernel has queued the event when the
/// call that did it returns. An unnamed file would be no entry, but take an inode number: strict programs get none
/// (strict/strict_filter.cpp). Accesses change no times (MS_NOATIME); the time of access that a program can set by itself is
/// set again by us.
#include "sandbox/box_init/runtime.hpp"

namespace forgepool::sandbox::box_init {

struct OutputFolder {
  const char* path;
  PlanOffset options;   ///< Of its mount.
  bool changed = true;  ///< As far as is known.
  std::int32_t watch = -1;
};

class OutputWatch {
 public:
  explicit OutputWatch(const BoxPlan& plan) : folders_{{"/out", plan.out}, {"/tmp", plan.tmp}} {}

  /// To be called when they have been mounted for the first time. Where there is no such mechanism, or no more of it for the
  /// user, all counts as changed.
  void start();
  /// Takes in what has happened. To be called when no program runs.
  void look();
  /// Just mounted anew.
  void start(OutputFolder& folder);

  OutputFolder* begin() { return folders_; }
  OutputFolder* end() { return folders_ + 2; }

 private:
  OutputFolder folders_[2];
  long events_ = -1;
};

}  // namespace forgepool::sandbox::box_init
