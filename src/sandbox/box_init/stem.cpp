#include "sandbox/box_init/stem.hpp"

#include "sandbox/box_init/stem_page.hpp"
#include "sandbox/box_init/strict_program.hpp"
#include "sandbox/box_init/strict_run.hpp"
#include "sandbox/strict/stem_filter.hpp"

#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>

namespace forgepool::sandbox::box_init {
namespace {

constexpr long child_signal = 17;     // SIGCHLD
constexpr long dont_wait = 1;         // WNOHANG
constexpr std::int16_t readable = 1;  // POLLIN

struct Preparation {
  const PlanView* view;
  long ready;
  long orders;
};

/// The kernel's result. Under a number that is the same in every box, also when others have run in it.
long fork_as(std::int32_t number, std::uint64_t flags, std::uint64_t exit_signal, const strict::StemToken& token) {
  clone_args arguments{};
  arguments.flags = flags;
  arguments.exit_signal = exit_signal;
  arguments.set_tid = reinterpret_cast<std::uintptr_t>(&number);
  arguments.set_tid_size = 1;
  return system_call(__NR_clone3, &arguments, sizeof arguments, 0, 0, token.fifth, token.sixth);
}

strict::StemToken draw_token() {
  strict::StemToken token;
  const long got = system_call(__NR_getrandom, &token, sizeof token, 0);
  if (got != sizeof token) fail_in_stem({BoxStep::system_call_filter, failed(got) ? static_cast<std::int32_t>(-got) : 0});
  return token;
}

StemOrder next_order(long orders) {
  StemOrder order{};
  if (system_call(__NR_read, orders, &order, sizeof order) != sizeof order) exit_process(1);
  return order;
}

/// Behind its filter, and known to the first process.
void be_ready(const Preparation& preparation, long listener) {
  stem_page().listener = listener;
  const std::uint64_t one = 1;
  require(system_call(__NR_write, preparation.ready, &one, sizeof one), BoxStep::load_program);
  // What can be given up now is not given up while somebody waits for the program. The filter, with the token in it, is there.
  system_call(__NR_munmap, strict::plan_address, strict::loader_stack_address - strict::plan_address);
}

/// Its descriptors stay those of the first process, so that each fork finds the pipes of its run.
[[noreturn]] void be_stem(const Preparation& preparation, const PlanView& view, const StrictProgram& program) {
  const auto& plan = view.plan();
  // Not its time, which all forks together take.
  if (auto failure = apply_limits(plan, RLIMIT_CPU)) fail_in_stem(failure);
  if (auto failure = drop_capabilities(1ull << CAP_CHECKPOINT_RESTORE)) fail_in_stem(failure);
  const auto token = draw_token();
  auto* const filter = view.at<sock_filter>(plan.filter);
  strict::put_token(filter, token);
  be_ready(preparation, install_filter(filter, plan.filter_length));
  for (;;) {
    const auto order = next_order(preparation.orders);
    // A child of the first process, which waits for it.
    const long pid = fork_as(strict::program_pid, CLONE_PARENT, 0, token);
    if (pid == 0) {
      give_up_what_the_stem_has(program, token);
      run_strict_program(program, order);
    }
    require(pid, BoxStep::fork_program);
  }
}

/// Without the stem's calls.
[[noreturn]] void be_only_run(const Preparation& preparation, const PlanView& view, const StrictProgram& program) {
  const auto& plan = view.plan();
  require(system_call(__NR_setpgid, 0, 0), BoxStep::new_session);
  if (auto failure = apply_limits(plan)) fail_in_stem(failure);
  if (auto failure = drop_capabilities()) fail_in_stem(failure);
  constexpr auto skipped = strict::stem_call_count;
  const long listener = install_filter(view.at<sock_filter>(plan.filter) + skipped, plan.filter_length - skipped);
  be_ready(preparation, listener);
  run_strict_program(program, next_order(preparation.orders));
}

/// On the loader's stack.
extern "C" [[noreturn]] void box_prepare_stem(const Preparation* given) {
  const Preparation preparation = *given;
  const PlanView view = *preparation.view;  // Both lie on the stack that now goes.
  const auto program = load_strict_program(view);
  if (view.plan().reusable) be_stem(preparation, view, program);
  be_only_run(preparation, view, program);
}

[[noreturn]] void prepare(Preparation preparation) {
  const auto& plan = preparation.view->plan();
  const char* const name = plan.reusable ? "forgepool-stem" : program_name;
  require(system_call(__NR_prctl, PR_SET_NAME, name, 0, 0, 0), BoxStep::load_program);
  if (auto failure = join_cgroups(plan)) fail_in_stem(failure);
  if (auto failure = fix_surroundings()) fail_in_stem(failure);
  map_for_stem(strict::loader_stack_address, strict::loader_stack_size);
  asm volatile(
      "mov %[stack], %%rsp\n"
      "xor %%ebp, %%ebp\n"
      "call box_prepare_stem\n"
      "ud2\n"
      :
      : [stack] "r"(strict::loader_stack_address + strict::loader_stack_size), "D"(&preparation)
      : "memory");
  __builtin_unreachable();
}

/// True when the stem has said so; false if it has ended.
bool wait_until_ready(long ready, long pid) {
  struct {
    std::int32_t fd;
    std::int16_t events, returned;
  } entry{static_cast<std::int32_t>(ready), readable, 0};
  for (;;) {
    // Only the end itself tells of it: the event has no other side that would be closed.
    const struct { std::int64_t seconds, nanoseconds; } pause{0, 20'000'000};
    if (system_call(__NR_ppoll, &entry, 1, &pause, 0, 8) > 0) return true;
    int status = 0;
    if (system_call(__NR_wait4, pid, &status, dont_wait, 0) == pid) return false;
  }
}

}  // namespace

Stem start_stem(const PlanView& view) {
  Stem stem;
  const long page = system_call(__NR_mmap, strict::shared_address, strict::page_size, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  stem.failure = check(page, BoxStep::fork_program);
  if (stem.failure) return stem;
  stem_page().listener = -1;
  // Not a pipe: the kernel takes who writes to one for about to wait, and gives its processor to the reader. The stem has more
  // to do than we.
  stem.ready = system_call(__NR_eventfd2, 0, O_CLOEXEC);
  stem.failure = check(stem.ready, BoxStep::fork_program);
  if (stem.failure) return stem;
  std::int32_t orders[2];
  stem.failure = check(system_call(__NR_pipe2, orders, O_CLOEXEC), BoxStep::fork_program);
  if (stem.failure) return stem;
  stem.pid = fork_as(view.plan().reusable ? strict::stem_pid : strict::program_pid, CLONE_FILES, child_signal, {});
  if (stem.pid == 0) prepare({&view, stem.ready, orders[0]});
  stem.failure = check(stem.pid, BoxStep::fork_program);
  stem.orders = orders[1];
  return stem;
}

void wait_for_stem(Stem& stem) {
  const bool waits = wait_until_ready(stem.ready, stem.pid);
  stem.failure = stem_page().failure;
  stem.listener = stem_page().listener;
  if (!waits && !stem.failure) stem.failure.step = BoxStep::load_program;
}

BoxFailure order_program(const Stem& stem, long input_folder) {
  const StemOrder order{static_cast<std::int32_t>(input_folder)};
  return check(system_call(__NR_write, stem.orders, &order, sizeof order), BoxStep::fork_program);
}

}  // namespace forgepool::sandbox::box_init
