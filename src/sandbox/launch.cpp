#include "sandbox/launch.hpp"

#include "sandbox/system_call.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

// What runs in the child shares our memory; a sanitizer's bookkeeping must not run there.
#define FORGEPOOL_BARE __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

namespace forgepool::sandbox {
namespace {

// The last kinds of namespace are in <sched.h> only in GNU mode, and in <linux/sched.h> always.
constexpr std::uint64_t box_namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWCGROUP;
constexpr std::uint64_t empty_namespaces = CLONE_NEWNET | CLONE_NEWIPC;

constexpr std::size_t max_moves = plan_cgroup_fd + 8 + 1;

struct Move {
  int from;
  int to;
};

/// All that the child needs, prepared before it exists.
struct ChildTask {
  int init_image = -1;
  Move moves[max_moves] = {};
  std::size_t move_count = 0;
  char name[16] = "forgepool-box";
  char* arguments[2] = {name, nullptr};
  char* environment[1] = {nullptr};
  BoxFailure failure;  ///< Written by the child; it shares our memory until it has executed.
};

/// A process whose user is not 0 in its namespace loses its capabilities when it executes. Ours has no user there at all yet,
/// so the four that it needs are made ambient.
FORGEPOOL_BARE long keep_capabilities() {
  constexpr int needed[] = {CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (const long result = system_call(__NR_capget, &header, data); failed(result)) return result;
  for (const int capability : needed) data[capability / 32].inheritable |= 1u << (capability % 32);
  if (const long result = system_call(__NR_capset, &header, data); failed(result)) return result;
  for (const int capability : needed) {
    const long result = system_call(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
    if (failed(result)) return result;
  }
  return 0;
}

FORGEPOOL_BARE long lift(int& fd) {
  const long lifted = system_call(__NR_fcntl, fd, F_DUPFD_CLOEXEC, plan_program_fd + 1);
  if (!failed(lifted)) fd = static_cast<int>(lifted);
  return lifted;
}

/// Puts the descriptors where the plan wants them and closes all others, close-on-exec or not.
FORGEPOOL_BARE long arrange_descriptors(ChildTask& task) {
  // First out of the way, so that no target is still a source.
  if (const long result = lift(task.init_image); failed(result)) return result;
  for (std::size_t i = 0; i < task.move_count; ++i)
    if (const long result = lift(task.moves[i].from); failed(result)) return result;
  if (const long result = system_call(__NR_close_range, 0, plan_program_fd, 0); failed(result)) return result;
  for (std::size_t i = 0; i < task.move_count; ++i) {
    const long result = system_call(__NR_dup3, task.moves[i].from, task.moves[i].to, 0);
    if (failed(result)) return result;
  }
  return system_call(__NR_close_range, plan_program_fd + 1, ~0u, CLOSE_RANGE_CLOEXEC);
}

FORGEPOOL_BARE void run_child(void* argument) {
  auto& task = *static_cast<ChildTask*>(argument);
  long result = keep_capabilities();
  if (!failed(result)) result = arrange_descriptors(task);
  if (!failed(result))
    result = system_call(__NR_execveat, task.init_image, "", task.arguments, task.environment, AT_EMPTY_PATH);
  task.failure.error = static_cast<std::int32_t>(-result);
  task.failure.step = BoxStep::start_init;
  for (;;) system_call(__NR_exit_group, 1);
}

/// clone3 for a child on a stack of its own, which calls `entry` and does not come back. A plain function call of clone3 could
/// not: with shared memory the child would return into frames that the parent still needs.
FORGEPOOL_BARE long clone_and_call(clone_args* arguments, void (*entry)(void*), void* argument) {
  long result;
  register void (*entry_register)(void*) asm("r8") = entry;
  register void* argument_register asm("r9") = argument;
  asm volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "xor %%ebp, %%ebp\n"
      "mov %%r9, %%rdi\n"
      "call *%%r8\n"
      "ud2\n"
      "1:\n"
      : "=a"(result)
      : "a"(__NR_clone3), "D"(arguments), "S"(sizeof *arguments), "r"(entry_register), "r"(argument_register)
      : "rcx", "r11", "memory");
  return result;
}

/// No signal may run a handler of the host's in the child, which shares its memory.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    const std::uint64_t all = ~0ull;
    system_call(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof all);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { system_call(__NR_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_); }

 private:
  std::uint64_t before_ = 0;
};

BoxFailure failure_of(BoxStep step, long result) {
  return {step, static_cast<std::int32_t>(-result)};
}

ChildTask make_task(const LaunchInput& input, int control) {
  ChildTask task;
  task.init_image = input.init_image;
  const auto move = [&task](int from, int to) { task.moves[task.move_count++] = {from, to}; };
  move(input.standard_input, plan_stdin_fd);
  move(input.standard_output, plan_stdout_fd);
  move(input.standard_error, plan_stderr_fd);
  move(control, plan_control_fd);
  move(input.plan, plan_memory_fd);
  int next = plan_cgroup_fd;
  for (const int fd : input.join_fds)
    if (task.move_count + 1 < max_moves) move(fd, next++);
  move(input.program_image, plan_program_fd);
  return task;
}

}  // namespace

struct BoxLauncher {
  static Launched launch(const LaunchInput& input) {
    Launched launched;
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
      launched.failure = {BoxStep::control_socket, errno};
      return launched;
    }
    launched.box.control_ = UniqueFd(sockets[0]);
    UniqueFd theirs(sockets[1]);
    auto task = make_task(input, theirs.get());
    pid_t pid = -1;
    launched.failure = clone_box(input, task, launched.box, pid);
    if (launched.failure) return launched;
    theirs.reset();
    if (!first_process_is_ready(launched.box)) {
      launched.failure.step = BoxStep::start_init;
      launched.reason = "it ended at once";
      return launched;
    }
    const auto mounts = "/proc/" + std::to_string(pid) + "/ns/mnt";
    launched.box.mounts_ = UniqueFd(::open(mounts.c_str(), O_RDONLY | O_CLOEXEC));
    if (auto status = map_identity(pid, input.identity); !status) {
      launched.failure.step = BoxStep::map_identity;
      launched.reason = status.error().message;
      return launched;
    }
    if (::send(launched.box.control_.get(), "g", 1, MSG_NOSIGNAL) != 1) launched.failure = {BoxStep::control_socket, errno};
    return launched;
  }

 private:
  /// Its maps can be written once it has executed: before that its entries in /proc follow the agent's own memory, and belong
  /// to root if the agent is not dumpable. VFORK returns a moment too early, so the first process says so itself.
  static bool first_process_is_ready(const Box& box) {
    pollfd fds[] = {{box.control_.get(), POLLIN, 0}, {box.process_.get(), POLLIN, 0}};
    while (::poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    char ready = 0;
    return ::recv(box.control_.get(), &ready, 1, MSG_DONTWAIT) == 1;
  }

  static BoxFailure clone_box(const LaunchInput& input, ChildTask& task, Box& box, pid_t& pid) {
    alignas(16) std::byte stack[32768];
    int process = -1;
    clone_args arguments{};
    // VM and VFORK: the agent's page tables are not copied, and none of its memory gets into the box.
    arguments.flags = box_namespaces | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&process);
    arguments.stack = reinterpret_cast<std::uintptr_t>(stack);
    arguments.stack_size = sizeof stack;
    if (input.clone_into >= 0) {
      arguments.flags |= CLONE_INTO_CGROUP;
      arguments.cgroup = static_cast<std::uint64_t>(input.clone_into);
    }
    long result;
    {
      const SignalsBlocked blocked;
      const InSharedNamespaces here(input.shared);
      if (!here.joined()) arguments.flags |= empty_namespaces;
      result = clone_and_call(&arguments, run_child, &task);
    }
    if (failed(result)) return failure_of(BoxStep::clone, result);
    pid = static_cast<pid_t>(result);
    box.process_ = UniqueFd(process);
    return task.failure;
  }
};

Launched launch_box(const LaunchInput& input) {
  return BoxLauncher::launch(input);
}

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
