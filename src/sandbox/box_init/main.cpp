/// The zygote, and the first process of a box (pid 1 of its pid namespace), which is forked from it, or executed in a root that
/// another program has made. It completes the surroundings, starts the program and waits for it. When it ends, the kernel kills
/// every process that is left in the box, and only then is its own end reported: after that nothing of the shard is alive.
#include "sandbox/box_init/messages.hpp"
#include "sandbox/box_init/program.hpp"
#include "sandbox/box_init/root_filesystem.hpp"
#include "sandbox/box_init/stem.hpp"
#include "sandbox/box_init/stem_page.hpp"
#include "sandbox/box_init/zygote.hpp"
#include "sandbox/strict/layout.hpp"
#include "sandbox/zygote_protocol.hpp"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/stat.h>
#include <linux/wait.h>

namespace forgepool::sandbox::box_init {
namespace {

constexpr long kill_signal = 9;       // SIGKILL
constexpr long continue_signal = 18;  // SIGCONT

void send(const BoxMessage& content, const int* fds = nullptr) {
  if (failed(send_message<started_fd_count>(plan_control_fd, content, fds))) exit_process(1);
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

/// We say that we are here; the supervisor answers when we may go on: for the zygote, its users and groups are mapped then. If
/// it is gone, there is nothing to do.
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
  // If the agent is killed, so is the box. Set again after the change of identity, which clears it.
  return check(system_call(__NR_prctl, PR_SET_PDEATHSIG, kill_signal, 0, 0, 0), BoxStep::new_session);
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

/// A child that has ended, or been stopped.
struct Child {
  long pid;
  int status;
  rusage usage;
  bool is_stopped() const { return (status & 0xff) == 0x7f; }
};

/// Reaps whatever ends, orphans included.
Child wait_for_any() {
  for (;;) {
    Child child{};
    child.pid = system_call(__NR_wait4, -1, &child.status, __WALL | WUNTRACED, &child.usage);
    if (child.pid == -interrupted) continue;
    if (failed(child.pid)) exit_process(1);
    return child;
  }
}

void report(const Child& program) {
  const auto& usage = program.usage;
  BoxMessage message{};
  message.kind = BoxMessage::finished;
  message.wait_status = program.status;
  message.peak_memory_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  message.cpu_us = static_cast<std::uint64_t>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 +
                   static_cast<std::uint64_t>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  send(message);
}

/// The process of a run takes it from the supervisor itself. If that is too large for it, it has stopped to have us unpack it.
/// The plan is no longer there afterwards.
void unpack_large_run(long input_folder) {
  auto& page = stem_page();
  const PlanView view(map_memory(page.large_run.size, page.large_run.begin));
  const auto& run = *view.at<PlannedRun>(0);
  if (auto failure = write_input_files(input_folder, view, view.at<PlannedFile>(run.files), run.file_count)) give_up(failure);
  for (int i = 0; i < 32; ++i) page.seed[i] = run.seed[i];
  page.large_run = {};
  system_call(__NR_kill, strict::program_pid, continue_signal);
}

/// Until the process of the run has ended. True if there can be another: the stem and the plan are there.
bool wait_for_run(const Stem& stem, long input_folder) {
  bool renewable = true;
  for (;;) {
    const auto child = wait_for_any();
    if (auto failure = stem_page().failure) give_up(failure);
    if (child.pid == strict::program_pid && child.is_stopped()) {
      // Or by itself, when it is the program: then that is its own affair.
      if (stem_page().large_run.size == 0) continue;
      unpack_large_run(input_folder);
      renewable = false;
    } else if (child.pid == strict::program_pid) {
      report(child);
      return renewable && stem.pid != strict::program_pid;
    } else if (child.pid == stem.pid) {
      renewable = false;
    }
  }
}

/// Waits until the supervisor wants another run in this box. The pipes for its output come in place of ours; the end of the
/// last ones has gone with their program.
void wait_for_renewal() {
  char byte = 0;
  RightsMessage<renewal_fd_count> rights;
  const long got = receive_message(plan_control_fd, byte, rights);
  if (got != 1 || fd_count(rights) != renewal_fd_count) exit_process(0);
  for (int i = 0; i < renewal_fd_count; ++i) {
    if (auto failure = check(system_call(__NR_dup3, rights.fds[i], plan_stdout_fd + i, 0), BoxStep::control_socket))
      give_up(failure);
    system_call(__NR_close, rights.fds[i]);
  }
}

/// What the last program could touch is gone, or comes anew. What the next one shares with it are namespaces in which neither
/// can do anything, and a stem that neither can reach.
void renew_surroundings(const PlanView& view, OutputWatch& outputs, long& input_folder) {
  if (auto failure = renew_folders(view, outputs, input_folder)) give_up(failure);
  // Not for what it reads, but for its flags, which belong to the open file and not to the process.
  if (auto failure = empty_standard_input()) give_up(failure);
}

/// Opened before the program begins: it may change what is allowed to whom there.
struct Folders {
  int out = static_cast<int>(open_folder("/out"));
  int tmp = static_cast<int>(open_folder("/tmp"));
};

void announce(long listener, const Folders& folders) {
  const int fds[started_fd_count] = {folders.out, folders.tmp, static_cast<int>(listener)};
  BoxMessage message{};
  message.kind = BoxMessage::started;
  send(message, fds);
  system_call(__NR_close, folders.out);
  system_call(__NR_close, folders.tmp);
}

/// Where files can be put although the program will find it read-only.
long begin_input(const PlanView& view) {
  if (auto failure = mount_input(view)) give_up(failure);
  const long folder = open_input_folder();
  if (auto failure = check(folder, BoxStep::input_files)) give_up(failure);
  return folder;
}

/// It prepares itself while we mount what the program will find.
Stem begin_stem(const PlanView& view, OutputWatch& outputs, long& input_folder) {
  auto stem = start_stem(view);
  if (stem.failure) give_up(stem.failure);
  if (auto failure = empty_standard_input()) give_up(failure);
  input_folder = begin_input(view);
  if (auto failure = make_read_only("/in")) give_up(failure);
  if (auto failure = mount_outputs(view)) give_up(failure);
  if (view.plan().reusable) outputs.start();
  return stem;
}

[[noreturn]] void serve_strict(const PlanView& view) {
  // Their bounding set needs no attention: it counts when a file is executed, and nothing in here executes one or may.
  if (auto failure = lock_users()) give_up(failure);
  OutputWatch outputs(view.plan());
  const bool reusable = view.plan().reusable;
  long input_folder = -1;
  auto stem = begin_stem(view, outputs, input_folder);
  for (;;) {
    // With the order the program may begin. A stem that is not ready yet finds it when it looks for one.
    const Folders folders;
    if (auto failure = order_program(stem, input_folder)) give_up(failure);
    if (stem.listener < 0) wait_for_stem(stem);
    if (stem.failure) give_up(stem.failure);
    announce(stem.listener, folders);
    const bool renewable = wait_for_run(stem, input_folder);
    if (!renewable && reusable) exit_process(0);
    // Of a box for one run, until the supervisor has let go: taking it down would be in the way of who waits for the run.
    wait_for_renewal();
    if (!renewable) exit_process(0);
    renew_surroundings(view, outputs, input_folder);
  }
}

[[noreturn]] void serve_once(const PlanView& view) {
  if (auto failure = empty_standard_input()) give_up(failure);
  const Folders folders;
  const auto started = start_program(view);
  if (started.failure) give_up(started.failure);
  announce(started.listener, folders);
  system_call(__NR_close, started.listener);
  for (;;) {
    const auto child = wait_for_any();
    if (child.pid != started.pid || child.is_stopped()) continue;
    report(child);
    exit_process(0);
  }
}

/// In a process of the zygote's.
void run_box() {
  const PlanView view(map_plan());
  const auto& plan = view.plan();
  if (auto failure = take_identity(plan)) give_up(failure);
  if (plan.strict) serve_strict(view);
  const long input_folder = begin_input(view);
  if (auto failure = write_input_files(input_folder, view, view.at<PlannedFile>(plan.files), plan.file_count)) give_up(failure);
  if (auto failure = make_read_only("/in")) give_up(failure);
  if (auto failure = mount_outputs(view)) give_up(failure);
  serve_once(view);
}

/// In a root that another program has made.
[[noreturn]] void run_in_prepared_root() {
  const PlanView view(map_plan());
  if (auto failure = remove_own_image()) give_up(failure);
  serve_once(view);
}

bool is_same(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

}  // namespace
}  // namespace forgepool::sandbox::box_init

/// With an argument it does nothing and succeeds: the program that is run to find out what the machine can do.
extern "C" [[noreturn]] [[gnu::used]] void box_start(const long* stack) {
  using namespace forgepool::sandbox;
  using namespace forgepool::sandbox::box_init;
  if (*stack > 1) exit_process(0);
  reset_signals();
  meet_supervisor();
  if (is_same(reinterpret_cast<const char*>(stack[1]), zygote_name)) serve_orders(run_box);
  run_in_prepared_root();
}
