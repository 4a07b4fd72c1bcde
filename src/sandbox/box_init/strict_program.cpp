#include "sandbox/box_init/strict_program.hpp"

#include "sandbox/box_init/elf_loader.hpp"
#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/file_identity.hpp"
#include "sandbox/box_init/emulation/gate.hpp"
#include "sandbox/box_init/emulation/traps.hpp"
#include "sandbox/strict/world.hpp"

#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

namespace forgepool::sandbox::box_init {
namespace {

using strict::world;

constexpr long child_signal = 17;     // SIGCHLD
constexpr long dont_wait = 1;         // WNOHANG
constexpr std::int16_t readable = 1;  // POLLIN

/// On a page that both processes see, and that the program's gives up before the program begins.
struct Shared {
  BoxFailure failure;
  std::int64_t listener;
  std::uint8_t seed[32];
};

Shared& shared() {
  return *reinterpret_cast<Shared*>(strict::shared_address);
}

[[noreturn]] void give_up(BoxFailure failure) {
  shared().failure = failure;
  exit_process(1);
}

void require(long result, BoxStep step) {
  if (auto failure = check(result, step)) give_up(failure);
}

void map_anonymous(std::uint64_t address, std::uint64_t size) {
  require(system_call(__NR_mmap, address, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0),
          BoxStep::load_program);
}

strict::FileIdentity identity_of(long fd) {
  FileStatus status{};
  require(system_call(__NR_fstat, fd, &status), BoxStep::load_program);
  return {status.device, status.inode};
}

strict::FileIdentity identity_of(const char* path) {
  FileStatus status{};
  require(system_call(__NR_stat, path, &status), BoxStep::load_program);
  return {status.device, status.inode};
}

void create_world(const BoxPlan& plan, const LoadedProgram& program) {
  map_anonymous(strict::world_address, strict::page_size);
  auto& it = world();
  it.heap_begin = it.heap_end = (program.end + strict::page_size - 1) & ~(strict::page_size - 1);
  it.arena = strict::arena_top;
  it.output_pipes = 2;
  it.outputs[0] = identity_of(plan_stdout_fd);
  it.outputs[1] = identity_of(plan_stderr_fd);
  it.random_files[0] = identity_of("/dev/urandom");
  it.random_files[1] = identity_of("/dev/random");
  it.signal_stack.flags = 2;  // SS_DISABLE
  for (auto& limit : it.limits) limit = {~0ull, ~0ull};
  for (std::uint32_t i = 0; i < plan.limit_count; ++i)
    if (plan.limits[i].resource < 16) it.limits[plan.limits[i].resource] = {plan.limits[i].soft, plan.limits[i].hard};
}

/// Everything but our resident part goes: the kernel's vDSO with the real clock, its stack with random bytes, and all addresses
/// that it has chosen.
void clear_address_space() {
  require(system_call(__NR_munmap, 0, strict::resident_begin), BoxStep::load_program);
  require(system_call(__NR_munmap, strict::resident_end, strict::address_space_end - strict::resident_end),
          BoxStep::load_program);
}

long install_filter(const PlanView& view) {
  const auto& plan = view.plan();
  require(system_call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), BoxStep::system_call_filter);
  const sock_fprog filter{static_cast<unsigned short>(plan.filter_length), view.at<sock_filter>(plan.filter)};
  const long listener = system_call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
  require(listener, BoxStep::system_call_filter);
  return listener;
}

/// The first frames of the handlers will be here.
void touch_handler_stack() {
  constexpr std::uint64_t top = strict::handler_stack_address + strict::handler_stack_size;
  for (std::uint64_t page = 1; page <= 2; ++page) *reinterpret_cast<volatile char*>(top - page * strict::page_size) = 0;
}

struct Preparation {
  const PlanView* view;
  long input_folder;
  long parked;  ///< The pipe on which we say that we wait, and ask for help…
  long go;      ///< … and the one on which we wait for that, and before that for the root to be complete.
};

long read_again(long fd, void* target, std::size_t size) {
  long got;
  do got = gate_call(__NR_read, fd, target, size);
  while (got == -interrupted);
  return got;
}

void write_file(long folder, const char* run, const PlannedFile& file) {
  const long fd =
      gate_call(__NR_openat, folder, run + file.name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, file.mode);
  require(fd, BoxStep::input_files);
  const char* data = run + file.content;
  for (std::uint64_t left = file.size; left > 0;) {
    const long written = system_call(__NR_write, fd, data, left);
    if (written == -interrupted) continue;
    require(written, BoxStep::input_files);
    data += written;
    left -= static_cast<std::uint64_t>(written);
  }
  gate_call(__NR_close, fd);
}

/// Waits for the run, and puts its files where they belong or has that done. The seed.
const std::uint8_t (&receive_run(const Preparation& preparation))[32] {
  auto& received = *reinterpret_cast<ReceivedRun*>(strict::run_address);
  // The root must be complete before the program can begin.
  char complete = 0;
  if (read_again(preparation.go, &complete, 1) != 1) exit_process(1);
  if (read_again(plan_control_fd, &received, sizeof received) < static_cast<long>(sizeof received.message))
    exit_process(1);  // The supervisor has no use for us.
  if (received.message.begin != 0) {
    char go = 0;
    system_call(__NR_write, preparation.parked, &received.message, sizeof received.message);
    if (read_again(preparation.go, &go, 1) != 1) exit_process(1);
    return shared().seed;
  }
  const auto& run = *reinterpret_cast<const PlannedRun*>(received.run);
  const auto* files = reinterpret_cast<const PlannedFile*>(received.run + run.files);
  for (std::uint64_t i = 0; i < run.file_count; ++i) write_file(preparation.input_folder, received.run, files[i]);
  return run.seed;
}

/// Gives up the loader's own memory, the stack it stands on included, and begins the program as the kernel would: all registers
/// zero.
[[noreturn]] void jump(std::uint64_t stack, std::uint64_t entry) {
  register std::uint64_t stack_register asm("r12") = stack;
  register std::uint64_t entry_register asm("r13") = entry;
  asm volatile(
      "syscall\n"
      "mov %%r12, %%rsp\n"
      "push %%r13\n"
      "xor %%eax, %%eax\n"
      "xor %%ebx, %%ebx\n"
      "xor %%ecx, %%ecx\n"
      "xor %%edx, %%edx\n"
      "xor %%esi, %%esi\n"
      "xor %%edi, %%edi\n"
      "xor %%ebp, %%ebp\n"
      "xor %%r8d, %%r8d\n"
      "xor %%r9d, %%r9d\n"
      "xor %%r10d, %%r10d\n"
      "xor %%r11d, %%r11d\n"
      "xor %%r12d, %%r12d\n"
      "xor %%r13d, %%r13d\n"
      "xor %%r14d, %%r14d\n"
      "xor %%r15d, %%r15d\n"
      "ret\n"
      :
      : "a"(__NR_munmap), "D"(strict::loader_begin), "S"(strict::loader_end - strict::loader_begin), "r"(stack_register),
        "r"(entry_register)
      : "memory");
  __builtin_unreachable();
}

/// On the loader's stack.
extern "C" [[noreturn]] void box_load_strict(const Preparation* given) {
  const Preparation preparation = *given;
  const PlanView view = *preparation.view;  // Both lie on the stack that now goes.
  const auto& plan = view.plan();
  clear_address_space();
  const auto program = load_program(plan_program_fd);
  if (program.failure) give_up(program.failure);
  map_anonymous(strict::stack_top - strict::stack_size, strict::stack_size);
  const auto stack = build_stack(program, view.strings(plan.arguments), view.strings(plan.environment));
  map_anonymous(strict::handler_stack_address, strict::handler_stack_size);
  map_anonymous(strict::run_address, sizeof(ReceivedRun));
  map_anonymous(strict::listing_address, strict::listing_size);
  create_world(plan, program);
  if (auto failure = apply_limits(plan)) give_up(failure);
  if (auto failure = drop_capabilities()) give_up(failure);
  require(system_call(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0), BoxStep::load_program);
  require(install_traps(), BoxStep::load_program);
  shared().listener = install_filter(view);
  // Until here the descriptors are shared with the first process, to which the listener stays.
  require(gate_call(__NR_close_range, 3, ~0u, CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC), BoxStep::load_program);
  require(system_call(__NR_write, preparation.parked, "p", 1), BoxStep::load_program);
  // What can be given up now is not given up while somebody waits for the program.
  system_call(__NR_munmap, strict::plan_address, strict::loader_stack_address - strict::plan_address);
  touch_handler_stack();

  const auto& seed = receive_run(preparation);
  seed_random(seed);
  take_random(stack.random, 16);
  gate_call(__NR_close_range, 3, ~0u, 0);
  jump(stack.pointer, program.entry);
}

[[noreturn]] void prepare(Preparation preparation) {
  require(system_call(__NR_prctl, PR_SET_NAME, "program", 0, 0, 0), BoxStep::load_program);
  if (auto failure = join_cgroups(preparation.view->plan())) give_up(failure);
  // A group of its own in our session, which has no terminal: a session of its own would cost a task group of the scheduler's.
  require(system_call(__NR_setpgid, 0, 0), BoxStep::new_session);
  if (auto failure = fix_surroundings()) give_up(failure);
  map_anonymous(strict::loader_stack_address, strict::loader_stack_size);
  asm volatile(
      "mov %[stack], %%rsp\n"
      "xor %%ebp, %%ebp\n"
      "call box_load_strict\n"
      "ud2\n"
      :
      : [stack] "r"(strict::loader_stack_address + strict::loader_stack_size), "D"(&preparation)
      : "memory");
  __builtin_unreachable();
}

/// True when the child waits for its run; false if it has ended.
bool wait_until_parked(long pipe, long pid) {
  struct {
    std::int32_t fd;
    std::int16_t events, returned;
  } entry{static_cast<std::int32_t>(pipe), readable, 0};
  for (;;) {
    // The pipe cannot tell of its end: its other side is also ours, as long as the descriptors are shared.
    const struct { std::int64_t seconds, nanoseconds; } pause{0, 20'000'000};
    if (system_call(__NR_ppoll, &entry, 1, &pause, 0, 8) > 0) return true;
    int status = 0;
    if (system_call(__NR_wait4, pid, &status, dont_wait, 0) == pid) return false;
  }
}

}  // namespace

Started fork_strict_program(const PlanView& view, long input_folder) {
  Started started;
  const long page = system_call(__NR_mmap, strict::shared_address, strict::page_size, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  started.failure = check(page, BoxStep::fork_program);
  if (started.failure) return started;
  shared().listener = -1;
  std::int32_t parked[2], go[2];
  started.failure = check(system_call(__NR_pipe2, parked, O_CLOEXEC), BoxStep::fork_program);
  if (started.failure) return started;
  started.failure = check(system_call(__NR_pipe2, go, O_CLOEXEC), BoxStep::fork_program);
  if (started.failure) return started;

  // The same number in every box, also when others have run in it.
  const std::int32_t number = strict::program_pid;
  clone_args arguments{};
  arguments.flags = CLONE_FILES;
  arguments.exit_signal = child_signal;
  arguments.set_tid = reinterpret_cast<std::uintptr_t>(&number);
  arguments.set_tid_size = 1;
  started.pid = system_call(__NR_clone3, &arguments, sizeof arguments);
  if (started.pid == 0) prepare({&view, input_folder, parked[1], go[0]});
  started.failure = check(started.pid, BoxStep::fork_program);
  if (started.failure) return started;
  started.parked = parked[0];
  started.asking = parked[1];
  started.go = go[1];
  started.waiting = go[0];
  return started;
}

void let_strict_program_receive(const Started& started) {
  system_call(__NR_write, started.go, "c", 1);
}

void wait_for_strict_program(Started& started) {
  const bool waits = wait_until_parked(started.parked, started.pid);
  started.failure = shared().failure;
  started.listener = shared().listener;
  if (!waits && !started.failure) started.failure.step = BoxStep::load_program;
  // The descriptors are no longer shared: when the program's process closes its end, we are to notice.
  char said = 0;
  system_call(__NR_read, started.parked, &said, 1);
  system_call(__NR_close, started.asking);
  system_call(__NR_close, started.waiting);
}

void forget_strict_program(const Started& started) {
  system_call(__NR_close, started.parked);
  system_call(__NR_close, started.go);
}

void run_strict_program(const Started& started, const std::uint8_t (&seed)[32]) {
  for (int i = 0; i < 32; ++i) shared().seed[i] = seed[i];
  // If it is dead already, its end says so.
  system_call(__NR_write, started.go, "g", 1);
}

}  // namespace forgepool::sandbox::box_init
