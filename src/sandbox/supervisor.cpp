#include "sandbox/supervisor.hpp"

#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace forgepool::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

/// How often the clock of the group and the caller's flag are looked at.
constexpr int tick_ms = 20;

class Supervisor {
 public:
  explicit Supervisor(const Supervision& run)
      : run_(run), deadline_(deadline()), next_look_(run.start + std::chrono::milliseconds(tick_ms)) {}

  RunFacts watch() {
    facts_.group_limits = run_.group != nullptr;
    while (!poll_once() && !has_ended_alone()) check_limits();
    // Everything is dead: what it wrote and reported is all there.
    while (receive_report()) {
    }
    drain(run_.standard_output);
    drain(run_.standard_error);
    take_measures();
    return std::move(facts_);
  }

 private:
  Clock::time_point deadline() const {
    // A century is as good as no limit and does not overflow.
    return run_.start + std::chrono::milliseconds(std::min<std::uint64_t>(run_.limits.wall_ms, 100ull * 365 * 86'400'000));
  }

  void stop(RunFacts::Stop reason) {
    if (facts_.stop == RunFacts::Stop::none) facts_.stop = reason;
    run_.box.kill();
  }

  bool has_ended_alone() const { return run_.alone && facts_.wait_status && facts_.stop == RunFacts::Stop::none; }

  /// Waits for something to happen, a tick at most. True if the box is dead.
  bool poll_once() {
    enum { process, control, output, error, listener, count };
    pollfd fds[count] = {{run_.box.process_fd(), POLLIN, 0},
                         // What else it says it says just before its end, which is news enough unless it is waited for.
                         {control_open_ && (run_.alone || !facts_.started) ? run_.box.control_fd() : -1, POLLIN, 0},
                         {brief_ ? -1 : run_.standard_output.read_fd(), POLLIN, 0},
                         {brief_ ? -1 : run_.standard_error.read_fd(), POLLIN, 0},
                         {listener_.get(), POLLIN, 0}};
    const int happened = ::poll(fds, count, brief_ ? 1 : timeout_ms());
    if (happened == 0) brief_ = false;
    if (happened <= 0) return false;
    if (fds[control].revents) receive_report();
    if (fds[output].revents) run_.standard_output.take();
    if (fds[error].revents) run_.standard_error.take();
    if (fds[listener].revents & POLLIN)
      receive_violation();
    else if (fds[listener].revents)
      listener_.reset();  // No process is left that it could report on.
    return fds[process].revents != 0;
  }

  int timeout_ms() const {
    if (facts_.stop != RunFacts::Stop::none) return -1;  // Killed: all that can happen is its end.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    const bool ticking = run_.group || run_.cancelled;
    // Without anything to look at in between, sleep until the deadline, an hour at a time.
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, ticking ? tick_ms : 3'600'000));
  }

  void check_limits() {
    if (facts_.stop != RunFacts::Stop::none) return;
    if (run_.cancelled && run_.cancelled->load()) return stop(RunFacts::Stop::cancelled);
    const auto now = Clock::now();
    if (now >= deadline_) return stop(RunFacts::Stop::wall_time);
    if (!run_.group || now < next_look_) return;
    next_look_ = now + std::chrono::milliseconds(tick_ms);
    const auto counters = run_.group->counters();
    // The kernel has killed one process; what the others would still make of it is not a result.
    if (counters.oom_kills > 0) return stop(RunFacts::Stop::out_of_memory);
    if (counters.cpu_ns / 1'000'000 > run_.limits.cpu_ms) stop(RunFacts::Stop::cpu_time);
  }

  /// One message of the box's first process. False if there was none.
  bool receive_report() {
    BoxMessage message{};
    iovec part{&message, sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * started_fd_count)];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const auto got = ::recvmsg(run_.box.control_fd(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got == 0) control_open_ = false;
    if (got <= 0) return got < 0 && errno == EINTR;
    take_descriptors(header);
    if (got != sizeof message) return true;
    if (message.kind == BoxMessage::failed) facts_.failure = message.failure;
    if (message.kind == BoxMessage::finished) {
      facts_.wait_status = message.wait_status;
      facts_.peak_process_bytes = message.peak_memory_bytes;
      reported_cpu_ms_ = message.cpu_us / 1000;
    }
    return true;
  }

  void take_descriptors(msghdr& header) {
    const auto* rights = CMSG_FIRSTHDR(&header);
    if (!rights || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(sizeof(int) * started_fd_count)) return;
    int fds[started_fd_count];
    std::memcpy(fds, CMSG_DATA(rights), sizeof fds);
    facts_.out = UniqueFd(fds[0]);
    facts_.tmp = UniqueFd(fds[1]);
    listener_ = UniqueFd(fds[2]);
    facts_.started = true;
  }

  /// A process is held in a forbidden call. It is never let go on.
  void receive_violation() {
    seccomp_notif notification{};
    if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &notification) != 0) return;  // It was killed meanwhile.
    if (!facts_.violation && facts_.stop == RunFacts::Stop::none)
      facts_.violation = Violation{notification.data.arch, notification.data.nr};
    stop(RunFacts::Stop::violation);
  }

  static void drain(StdioCapture& capture) {
    // Bounded by what a pipe holds. Not "until its end": a fork in the host may hold a copy of the other end open.
    for (int i = 0; i < 64 && capture.take(); ++i) {
    }
  }

  void take_measures() {
    const auto waited_for_ms = has_ended_alone() ? reported_cpu_ms_ : run_.box.reap_cpu_ms();
    if (run_.group) facts_.counters = run_.group->counters();
    facts_.cpu_ms = run_.group ? facts_.counters.cpu_ns / 1'000'000 : waited_for_ms;
    facts_.wall_ms =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - run_.start).count());
  }

  const Supervision& run_;
  const Clock::time_point deadline_;
  Clock::time_point next_look_;
  UniqueFd listener_;
  std::uint64_t reported_cpu_ms_ = 0;
  bool control_open_ = true;
  /// What a short run writes fits into the pipes, and is read when it has ended: for the first moment nobody is woken for it.
  bool brief_ = true;
  RunFacts facts_;
};

}  // namespace

RunFacts supervise(const Supervision& supervision) {
  return Supervisor(supervision).watch();
}

}  // namespace forgepool::sandbox
