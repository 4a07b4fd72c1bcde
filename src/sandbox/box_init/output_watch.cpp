#include "sandbox/box_init/output_watch.hpp"

#include <linux/fcntl.h>
#include <linux/inotify.h>

namespace forgepool::sandbox::box_init {
namespace {

// One event is enough, and as many as there could be is too many.
constexpr std::uint32_t changes = IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_ATTRIB | IN_ONESHOT | IN_ONLYDIR;

constexpr std::int64_t left_as_it_is = (1l << 30) - 2;  // UTIME_OMIT
constexpr std::int64_t now = (1l << 30) - 1;            // UTIME_NOW

}  // namespace

void OutputWatch::start() {
  events_ = system_call(__NR_inotify_init1, IN_NONBLOCK | IN_CLOEXEC);
  if (failed(events_)) return;
  for (auto& folder : folders_) start(folder);
}

void OutputWatch::start(OutputFolder& folder) {
  if (failed(events_)) return;
  folder.watch = static_cast<std::int32_t>(system_call(__NR_inotify_add_watch, events_, folder.path, changes));
  folder.changed = folder.watch < 0;
}

void OutputWatch::look() {
  if (failed(events_)) return;
  alignas(inotify_event) char buffer[4096];
  for (long got; (got = system_call(__NR_read, events_, buffer, sizeof buffer)) > 0;)
    for (long at = 0; at < got;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(buffer + at);
      // Of a watch that is not there any more: of a file system that has gone.
      for (auto& folder : folders_) folder.changed |= event.wd == folder.watch || (event.mask & IN_Q_OVERFLOW) != 0;
      at += static_cast<long>(sizeof event + event.len);
    }
  const struct { std::int64_t seconds, nanoseconds; } times[2] = {{0, now}, {0, left_as_it_is}};
  for (auto& folder : folders_)
    if (!folder.changed) folder.changed = failed(system_call(__NR_utimensat, AT_FDCWD, folder.path, times, 0));
}

}  // namespace forgepool::sandbox::box_init
