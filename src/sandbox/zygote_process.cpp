#include "sandbox/zygote_process.hpp"

#include "sandbox/system_call.hpp"
#include "sandbox/zygote_messages.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <system_error>
#include <vector>

// What runs in the child shares our memory; a sanitizer's bookkeeping must not run there.
#define FORGEPOOL_BARE __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

namespace forgepool::sandbox {
namespace {

// The last kinds of namespace are in <sched.h> only in GNU mode, and in <linux/sched.h> always. Network and ipc are for the
// boxes too: they hold nothing, and to make and take down one of each per box would cost more than all the rest of a box.
// Nothing can be met there: the filter lets no program make a socket, a message queue, a semaphore or shared memory.
constexpr std::uint64_t zygote_namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC;

/// All that the child needs, prepared before it exists.
struct ChildTask {
  int image = -1;
  int control = -1;
  char name[32] = {};
  char* arguments[2] = {name, nullptr};
  char* environment[1] = {nullptr};
  BoxFailure failure;  ///< Written by the child; it shares our memory until it has executed.
};

/// A process whose user is not 0 in its namespace loses its capabilities when it executes. Ours has no user there at all yet,
/// so those that it and the boxes need are made ambient.
FORGEPOOL_BARE long keep_capabilities() {
  constexpr int needed[] = {CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_SETFCAP};
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

/// The control socket where it is expected, and nothing else of the host's, close-on-exec or not.
FORGEPOOL_BARE long arrange_descriptors(ChildTask& task) {
  for (int* fd : {&task.image, &task.control}) {
    const long lifted = system_call(__NR_fcntl, *fd, F_DUPFD_CLOEXEC, plan_control_fd + 1);
    if (failed(lifted)) return lifted;
    *fd = static_cast<int>(lifted);
  }
  if (const long result = system_call(__NR_dup3, task.control, plan_control_fd, 0); failed(result)) return result;
  if (const long result = system_call(__NR_close_range, 0, plan_control_fd - 1, 0); failed(result)) return result;
  return system_call(__NR_close_range, plan_control_fd + 1, ~0u, CLOSE_RANGE_CLOEXEC);
}

FORGEPOOL_BARE void run_child(void* argument) {
  auto& task = *static_cast<ChildTask*>(argument);
  long result = keep_capabilities();
  if (!failed(result)) result = arrange_descriptors(task);
  if (!failed(result)) result = system_call(__NR_execveat, task.image, "", task.arguments, task.environment, AT_EMPTY_PATH);
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

/// For good: this thread has nothing to do with the host's signals, and no handler of the host's may run in the child, which
/// shares its memory.
void block_signals() {
  const std::uint64_t all = ~0ull;
  system_call(__NR_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof all);
}

bool wait_for_either(int first, int second) {
  pollfd fds[] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0 && errno == EINTR) {
  }
  return fds[0].revents != 0;
}

Status write_map(pid_t pid, const char* file, const std::string& text) {
  const auto path = "/proc/" + std::to_string(pid) + "/" + file;
  UniqueFd map(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (map && ::write(map.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return {};
  return fail(ErrorKind::unsupported, "could not write \"" + text + "\" to " + path + ": " + std::strerror(errno));
}

Status write_maps(pid_t pid, const IdMaps& maps) {
  if (maps.deny_groups)
    if (auto status = write_map(pid, "setgroups", "deny"); !status) return status;
  if (auto status = write_map(pid, "gid_map", maps.groups); !status) return status;
  return write_map(pid, "uid_map", maps.users);
}

}  // namespace

ZygoteProcess::ZygoteProcess(int init_image, const IdMaps& maps) {
  try {
    parent_ = std::thread([this, init_image, &maps] { live(init_image, maps); });
  } catch (const std::system_error& error) {
    fail_at(BoxStep::clone, error.code().value(), "no thread for the process that boxes are made from");
    return;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return started_; });
}

ZygoteProcess::~ZygoteProcess() {
  if (!parent_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_all();
  parent_.join();
}

void ZygoteProcess::live(int init_image, const IdMaps& maps) {
  block_signals();
  start(init_image, maps);
  std::unique_lock lock(mutex_);
  started_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return finished_; });
  control_.reset();
  if (!process_) return;
  system_call(__NR_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  long result;
  do result = system_call(__NR_waitid, P_PIDFD, process_.get(), nullptr, WEXITED | __WALL, nullptr);
  while (result == -EINTR);
}

void ZygoteProcess::fail_at(BoxStep step, int error, std::string reason) {
  failure_ = {step, error};
  reason_ = std::move(reason);
}

void ZygoteProcess::start(int init_image, const IdMaps& maps) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return fail_at(BoxStep::control_socket, errno);
  control_ = UniqueFd(sockets[0]);
  const UniqueFd theirs(sockets[1]);
  ChildTask task;
  task.image = init_image;
  task.control = theirs.get();
  std::strcpy(task.name, zygote_name);

  alignas(16) std::byte stack[32768];
  int process = -1;
  clone_args arguments{};
  // VM and VFORK: the agent's page tables are not copied, and none of its memory gets into a box.
  arguments.flags = zygote_namespaces | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&process);
  arguments.stack = reinterpret_cast<std::uintptr_t>(stack);
  arguments.stack_size = sizeof stack;
  const long pid = clone_and_call(&arguments, run_child, &task);
  if (sandbox::failed(pid)) return fail_at(BoxStep::clone, static_cast<int>(-pid));
  process_ = UniqueFd(process);
  failure_ = task.failure;
  if (!failure_ && !greet(maps, static_cast<pid_t>(pid)) && !failure_)
    fail_at(BoxStep::start_init, 0, "the process that boxes are made from ended at once");
}

bool ZygoteProcess::greet(const IdMaps& maps, pid_t pid) {
  // Its maps can be written once it has executed: before that its entries in /proc follow the agent's own memory, and belong
  // to root if the agent is not dumpable. VFORK returns a moment too early, so it says so itself.
  char ready = 0;
  if (!wait_for_either(control_.get(), process_.get()) || ::recv(control_.get(), &ready, 1, MSG_DONTWAIT) != 1) return false;
  if (auto status = write_maps(pid, maps); !status) {
    fail_at(BoxStep::map_identity, 0, status.error().message);
    return false;
  }
  if (::send(control_.get(), "g", 1, MSG_NOSIGNAL) != 1) return false;
  BoxStarted started;
  UniqueFd none;
  if (!wait_for_either(control_.get(), process_.get()) || !receive_started(control_.get(), started, none)) return false;
  failure_ = started.failure;
  return true;
}

bool ZygoteProcess::order(const LaunchInput& input, UniqueFd& control) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return false;
  control = UniqueFd(sockets[0]);
  const UniqueFd theirs(sockets[1]);
  const BoxOrder order{input.identity.host_user, input.identity.host_group, input.identity.own, input.clone_into >= 0};
  std::vector<int> fds{theirs.get()};
  if (order.clone_into) fds.push_back(input.clone_into);
  return send_with_descriptors(control_.get(), &order, sizeof order, fds);
}

}  // namespace forgepool::sandbox
