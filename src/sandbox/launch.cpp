#include "sandbox/launch.hpp"

#include "sandbox/system_call.hpp"

#include <linux/wait.h>
#include <poll.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace forgepool::sandbox {

void Box::kill() {
  // The first process is init of the box's pid namespace: with it the kernel kills everything else, forking or not.
  const int target = process_ ? process_.get() : parent_.get();
  if (target >= 0 && !reaped_) system_call(__NR_pidfd_send_signal, target, SIGKILL, nullptr, 0);
}

std::uint64_t Box::reap_cpu_ms() {
  if ((!process_ && !parent_) || reaped_) return 0;
  siginfo_t info{};
  rusage usage{};
  const int child = parent_ ? parent_.get() : process_.get();
  long result;
  do result = system_call(__NR_waitid, P_PIDFD, child, &info, WEXITED | __WALL, &usage);
  while (result == -EINTR);
  reaped_ = true;
  // ECHILD: the host ignores SIGCHLD, or waits for every child of the process. The box is as dead, only its times are lost.
  if (failed(result)) return 0;
  const auto ms = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1000 + static_cast<std::uint64_t>(time.tv_usec) / 1000;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

void Box::end() {
  if ((!process_ && !parent_) || reaped_) return;
  kill();
  pollfd dead{process_ ? process_.get() : parent_.get(), POLLIN, 0};
  while (::poll(&dead, 1, -1) < 0 && errno == EINTR) {
  }
  reap_cpu_ms();
}

Box& Box::operator=(Box&& other) noexcept {
  if (this == &other) return *this;
  end();
  process_ = std::move(other.process_);
  parent_ = std::move(other.parent_);
  control_ = std::move(other.control_);
  mounts_ = std::move(other.mounts_);
  reaped_ = other.reaped_;
  return *this;
}

Box::~Box() {
  end();
}

SandboxStep public_step(BoxStep step) {
  switch (step) {
    case BoxStep::none: return SandboxStep::none;
    case BoxStep::clone: return SandboxStep::namespaces;
    case BoxStep::start_init:
    case BoxStep::control_socket: return SandboxStep::first_process;
    case BoxStep::map_identity:
    case BoxStep::take_identity: return SandboxStep::identity;
    case BoxStep::read_plan: return SandboxStep::plan;
    case BoxStep::new_session: return SandboxStep::session;
    case BoxStep::private_mounts:
    case BoxStep::null_device:
    case BoxStep::root_tmpfs:
    case BoxStep::writable_tmpfs:
    case BoxStep::pivot_root:
    case BoxStep::read_only_root: return SandboxStep::root_file_system;
    case BoxStep::input_files: return SandboxStep::input_files;
    case BoxStep::host_name: return SandboxStep::host_name;
    case BoxStep::fork_program: return SandboxStep::program_process;
    case BoxStep::join_cgroup: return SandboxStep::cgroup;
    case BoxStep::resource_limits: return SandboxStep::resource_limits;
    case BoxStep::drop_capabilities: return SandboxStep::capabilities;
    case BoxStep::system_call_filter: return SandboxStep::system_call_filter;
    case BoxStep::execute_program:
    case BoxStep::load_program: return SandboxStep::program_start;
  }
  return SandboxStep::none;
}

std::string_view describe(BoxStep step) {
  switch (step) {
    case BoxStep::none: return "nothing";
    case BoxStep::clone: return "making the namespaces";
    case BoxStep::start_init: return "starting the box's first process";
    case BoxStep::map_identity: return "mapping user and group";
    case BoxStep::read_plan: return "reading the plan";
    case BoxStep::take_identity: return "taking the box's user and group";
    case BoxStep::new_session: return "starting a session";
    case BoxStep::private_mounts: return "making the mounts private";
    case BoxStep::null_device: return "providing /dev/null";
    case BoxStep::root_tmpfs: return "mounting the root file system";
    case BoxStep::input_files: return "writing the input files";
    case BoxStep::writable_tmpfs: return "mounting /out and /tmp";
    case BoxStep::pivot_root: return "leaving the host's file system";
    case BoxStep::read_only_root: return "making the root read-only";
    case BoxStep::host_name: return "setting the host name";
    case BoxStep::fork_program: return "making the program's process";
    case BoxStep::join_cgroup: return "joining the cgroup";
    case BoxStep::resource_limits: return "setting the resource limits";
    case BoxStep::drop_capabilities: return "dropping the capabilities";
    case BoxStep::system_call_filter: return "installing the system-call filter";
    case BoxStep::execute_program: return "executing the program";
    case BoxStep::load_program: return "loading the program";
    case BoxStep::control_socket: return "talking to the box's first process";
  }
  return "an unknown step";
}

std::string describe(const BoxFailure& failure) {
  std::string text(describe(failure.step));
  if (failure.error != 0) text += std::string(": ") + std::strerror(failure.error);
  return text;
}

}  // namespace forgepool::sandbox
