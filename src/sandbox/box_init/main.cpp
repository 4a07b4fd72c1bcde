/// The first process of a box (pid 1 of its pid namespace). It is executed by the supervisor's clone in fresh namespaces,
/// builds the surroundings, starts the program and waits for it. When it ends, the kernel kills every process that is left in
/// the box, and only then is its own end reported: after that nothing of the shard is alive.
#include "sandbox/box_init/program.hpp"
#include "sandbox/box_init/root_filesystem.hpp"
#include "sandbox/box_init/strict_program.hpp"
#include "sandbox/strict/layout.hpp"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/socket.h>
#include <linux/stat.h>
#include <linux/uio.h>
#include <linux/wait.h>

namespace forgepool::sandbox::box_init {
namespace {

constexpr int rights_message = 1;   // SCM_RIGHTS
constexpr int socket_level = 1;     // SOL_SOCKET
constexpr int no_sigpipe = 0x4000;  // MSG_NOSIGNAL
constexpr long kill_signal = 9;     // SIGKILL

// As the kernel takes them (<sys/socket.h> belongs to the C library).
struct Message {
  void* name;
  std::uint32_t name_size;
  iovec* parts;
  std::size_t part_count;
  void* control;
  std::size_t control_size;
  std::uint32_t flags;
};
struct RightsMessage {
  std::size_t size;
  int level;
  int type;
  int fds[started_fd_count];
};
constexpr std::size_t rights_size(int fd_count) {
  return sizeof(std::size_t) + 2 * sizeof(int) + sizeof(int) * static_cast<std::size_t>(fd_count);
}

void send(const BoxMessage& content, const int* fds = nullptr) {
  BoxMessage copy = content;
  iovec part{&copy, sizeof copy};
  RightsMessage rights{rights_size(started_fd_count), socket_level, rights_message, {}};
  Message message{};
  message.parts = &part;
  message.part_count = 1;
  if (fds) {
    for (int i = 0; i < started_fd_count; ++i) rights.fds[i] = fds[i];
    message.control = &rights;
    message.control_size = sizeof rights;
  }
  const long sent = system_call(__NR_sendmsg, plan_control_fd, &message, no_sigpipe);
  if (failed(sent)) exit_process(1);
}

[[noreturn]] void give_up(BoxFailure failure) {
  BoxMessage message{};
  message.kind = BoxMessage::failed;
  message.failure = failure;
  send(message);
  exit_process(1);
}

/// What the host ignores, SIGCHLD perhaps, we would ignore too, and so would the program.
void reset_signals() {
  struct {
    unsigned long handler, flags, restorer, mask;
  } const by_default{};
  for (long signal = 1; signal <= 64; ++signal) system_call(__NR_rt_sigaction, signal, &by_default, 0, sizeof by_default.mask);
}

/// We say that we are here; the supervisor answers when our user and group are mapped. If it is gone, there is nothing to do.
void meet_supervisor() {
  if (system_call(__NR_write, plan_control_fd, "r", 1) != 1) exit_process(1);
  char go = 0;
  long got;
  do got = system_call(__NR_read, plan_control_fd, &go, 1);
  while (got == -interrupted);
  if (got != 1) exit_process(1);
}

/// At the fixed place, over what may be there.
char* map_memory(std::uint64_t size, std::uint64_t offset) {
  const long base = system_call(__NR_mmap, strict::plan_address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
                                plan_memory_fd, offset);
  if (auto failure = check(base, BoxStep::read_plan)) give_up(failure);
  return reinterpret_cast<char*>(base);
}

char* map_plan() {
  struct statx status {};
  const long result = system_call(__NR_statx, plan_memory_fd, "", AT_EMPTY_PATH, STATX_SIZE, &status);
  if (auto failure = check(result, BoxStep::read_plan)) give_up(failure);
  return map_memory(status.stx_size, 0);
}

BoxFailure take_identity(const BoxPlan& plan) {
  constexpr auto step = BoxStep::take_identity;
  if (auto failure = check(system_call(__NR_setresgid, box_group, box_group, box_group), step)) return failure;
  if (plan.drop_groups)
    if (auto failure = check(system_call(__NR_setgroups, 0, 0), step)) return failure;
  if (auto failure = check(system_call(__NR_setresuid, box_user, box_user, box_user), step)) return failure;
  if (auto failure = check(system_call(__NR_setsid), BoxStep::new_session)) return failure;
  // If the agent is killed, so is the box. Set after the change of identity, which clears it.
  return check(system_call(__NR_prctl, PR_SET_PDEATHSIG, kill_signal, 0, 0, 0), BoxStep::new_session);
}

BoxFailure set_host_name(const char* name) {
  const auto length = length_of(name);
  if (auto failure = check(system_call(__NR_sethostname, name, length), BoxStep::host_name)) return failure;
  return check(system_call(__NR_setdomainname, name, length), BoxStep::host_name);
}

BoxFailure build_box(const PlanView& view) {
  const auto& plan = view.plan();
  if (auto failure = take_identity(plan)) return failure;
  if (auto failure = build_root(view)) return failure;
  if (!plan.strict)
    if (auto failure = drop_host()) return failure;
  return set_host_name(view.at(plan.host_name));
}

BoxFailure remove_own_image() {
  return check(system_call(__NR_unlinkat, AT_FDCWD, prepared_init_path, 0), BoxStep::start_init);
}

/// Standard input: the box's own /dev/null in place of what was there.
BoxFailure empty_standard_input() {
  const long fd = system_call(__NR_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC);
  if (auto failure = check(fd, BoxStep::null_device)) return failure;
  if (auto failure = check(system_call(__NR_dup3, fd, plan_stdin_fd, 0), BoxStep::null_device)) return failure;
  return check(system_call(__NR_close, fd), BoxStep::null_device);
}

long open_folder(const char* path) {
  const long fd = system_call(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (auto failure = check(fd, BoxStep::writable_tmpfs)) give_up(failure);
  return fd;
}

/// Reaps whatever ends, orphans included, until the program itself has ended.
BoxMessage wait_for(long program) {
  for (;;) {
    int status = 0;
    rusage usage{};
    const long pid = system_call(__NR_wait4, -1, &status, __WALL, &usage);
    if (pid == -interrupted) continue;
    if (failed(pid)) exit_process(1);
    if (pid != program) continue;
    BoxMessage message{};
    message.kind = BoxMessage::finished;
    message.wait_status = status;
    message.peak_memory_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    message.cpu_us = static_cast<std::uint64_t>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 +
                     static_cast<std::uint64_t>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    return message;
  }
}

/// The program's process prepares itself while we wait for the kernel to drop the host's mounts.
Started prepare_strict(const PlanView& view, long input_folder) {
  auto started = fork_strict_program(view, input_folder);
  if (started.failure) return started;
  if (auto failure = drop_host()) give_up(failure);
  if (auto failure = make_read_only("/")) give_up(failure);
  if (auto failure = make_read_only("/in")) give_up(failure);
  let_strict_program_receive(started);
  wait_for_strict_program(started);
  return started;
}

/// The program's process takes its run from the supervisor itself, and turns to us if that is large: then true, and the plan is
/// no longer there.
bool help_strict(const Started& started, long input_folder) {
  RunMessage message{};
  long got;
  do got = system_call(__NR_read, started.parked, &message, sizeof message);
  while (got == -interrupted);
  if (got != sizeof message) return false;
  const PlanView view(map_memory(message.size, message.begin));
  const auto& run = *view.at<PlannedRun>(0);
  if (auto failure = write_input_files(input_folder, view, view.at<PlannedFile>(run.files), run.file_count)) give_up(failure);
  run_strict_program(started, run.seed);
  return true;
}

/// Waits until the supervisor wants another run in this box. The pipes for its output come in place of ours; the end of the
/// last ones has gone with their program.
void wait_for_renewal() {
  char byte = 0;
  iovec part{&byte, 1};
  RightsMessage rights{};
  Message message{};
  message.parts = &part;
  message.part_count = 1;
  message.control = &rights;
  message.control_size = sizeof rights;
  long got;
  do got = system_call(__NR_recvmsg, plan_control_fd, &message, 0);
  while (got == -interrupted);
  if (got != 1 || rights.type != rights_message || rights.size != rights_size(renewal_fd_count)) exit_process(0);
  for (int i = 0; i < renewal_fd_count; ++i) {
    if (auto failure = check(system_call(__NR_dup3, rights.fds[i], plan_stdout_fd + i, 0), BoxStep::control_socket))
      give_up(failure);
    system_call(__NR_close, rights.fds[i]);
  }
}

/// What the last program could touch is gone, or comes anew. The next one's process is another one, with another filter; what
/// it shares with the last one are namespaces in which neither can do anything.
Started prepare_again(const PlanView& view, long& input_folder) {
  if (auto failure = renew_root(view, input_folder)) give_up(failure);
  // Not for what it reads, but for its flags, which belong to the open file and not to the process.
  if (auto failure = empty_standard_input()) give_up(failure);
  auto started = fork_strict_program(view, input_folder);
  if (started.failure) return started;
  let_strict_program_receive(started);
  wait_for_strict_program(started);
  return started;
}

BoxFailure fill_root(const PlanView& view, long input_folder) {
  const auto& plan = view.plan();
  if (auto failure = write_input_files(input_folder, view, view.at<PlannedFile>(plan.files), plan.file_count)) return failure;
  return make_read_only("/");
}

/// Opened before the program begins: it may change what is allowed to whom there.
struct Folders {
  int out = static_cast<int>(open_folder("/out"));
  int tmp = static_cast<int>(open_folder("/tmp"));
};

void announce(const Started& started, const Folders& folders) {
  if (started.failure) give_up(started.failure);
  const int fds[started_fd_count] = {folders.out, folders.tmp, static_cast<int>(started.listener)};
  BoxMessage message{};
  message.kind = BoxMessage::started;
  send(message, fds);
  for (const int fd : fds) system_call(__NR_close, fd);
}

[[noreturn]] void serve_strict(const PlanView& view, long input_folder) {
  if (auto failure = bound_capabilities()) give_up(failure);
  auto started = prepare_strict(view, input_folder);
  for (;;) {
    announce(started, {});
    const bool plan_is_gone = help_strict(started, input_folder);
    send(wait_for(started.pid));
    if (plan_is_gone) exit_process(0);
    forget_strict_program(started);
    wait_for_renewal();
    started = prepare_again(view, input_folder);
  }
}

[[noreturn]] void run() {
  reset_signals();
  meet_supervisor();
  const PlanView view(map_plan());
  const auto& plan = view.plan();
  if (auto failure = plan.prepared_root ? remove_own_image() : build_box(view)) give_up(failure);
  if (auto failure = empty_standard_input()) give_up(failure);
  long input_folder = -1;
  if (!plan.prepared_root) {
    input_folder = open_input_folder();
    if (auto failure = check(input_folder, BoxStep::input_files)) give_up(failure);
    if (!plan.strict)
      if (auto failure = fill_root(view, input_folder)) give_up(failure);
  }
  if (plan.strict) serve_strict(view, input_folder);
  const Folders folders;
  const auto started = start_program(view);
  announce(started, folders);
  send(wait_for(started.pid));
  exit_process(0);
}

}  // namespace
}  // namespace forgepool::sandbox::box_init

/// With an argument it does nothing and succeeds: the program that is run to find out what the machine can do.
extern "C" [[noreturn]] [[gnu::used]] void box_start(const long* stack) {
  using namespace forgepool::sandbox::box_init;
  if (*stack > 1) exit_process(0);
  run();
}
