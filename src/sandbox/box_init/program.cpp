#include "sandbox/box_init/program.hpp"

#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>

namespace forgepool::sandbox::box_init {
namespace {

constexpr long child_signal = 17;                     // SIGCHLD
constexpr long set_signal_mask = 2;                   // SIG_SETMASK

/// On a page that both processes see.
struct Shared {
  BoxFailure failure;
  long listener;
};

[[noreturn]] void become_program(const PlanView& view, Shared& shared) {
  const auto& plan = view.plan();
  const auto give_up = [&shared](BoxFailure failure) {
    shared.failure = failure;
    exit_process(1);
  };
  if (auto failure = join_cgroups(plan)) give_up(failure);
  if (auto failure = check(system_call(__NR_setsid), BoxStep::new_session)) give_up(failure);
  if (auto failure = fix_surroundings()) give_up(failure);
  if (auto failure = apply_limits(plan)) give_up(failure);
  if (!plan.prepared_root) {
    if (auto failure = lock_users()) give_up(failure);
    if (auto failure = bound_capabilities()) give_up(failure);
  }
  if (auto failure = drop_capabilities()) give_up(failure);
  if (auto failure = check(system_call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), BoxStep::system_call_filter))
    give_up(failure);
  // Everything but the three standard descriptors goes with exec, the program's own image included.
  if (auto failure = check(system_call(__NR_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC), BoxStep::execute_program))
    give_up(failure);

  char** const arguments = view.strings(plan.arguments);
  char** const environment = view.strings(plan.environment);
  const sock_fprog filter{static_cast<unsigned short>(plan.filter_length), view.at<sock_filter>(plan.filter)};
  const long listener = system_call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
  if (auto failure = check(listener, BoxStep::system_call_filter)) give_up(failure);
  shared.listener = listener;
  const long result = system_call(__NR_execveat, plan_program_fd, "", arguments, environment, AT_EMPTY_PATH);
  give_up(check(result, BoxStep::execute_program));
  exit_process(1);
}

}  // namespace

BoxFailure join_cgroups(const BoxPlan& plan) {
  for (std::uint32_t i = 0; i < plan.cgroup_count; ++i) {
    // "0" is the writer itself. Written by the parent, a pid would wait for an RCU grace period: milliseconds.
    const long written = system_call(__NR_write, plan_cgroup_fd + static_cast<int>(i), "0", 1);
    if (auto failure = check(written, BoxStep::join_cgroup)) return failure;
  }
  return {};
}

BoxFailure possible_limit(const PlannedLimit& planned, strict::ResourceLimit& possible) {
  strict::ResourceLimit now{};
  const long result = system_call(__NR_prlimit64, 0, planned.resource, 0, &now);
  if (auto failure = check(result, BoxStep::resource_limits)) return failure;
  possible = {planned.soft < now.hard ? planned.soft : now.hard, planned.hard < now.hard ? planned.hard : now.hard};
  return {};
}

BoxFailure apply_limits(const BoxPlan& plan, std::uint32_t left_out) {
  for (std::uint32_t i = 0; i < plan.limit_count; ++i) {
    const auto& planned = plan.limits[i];
    if (planned.resource == left_out) continue;
    strict::ResourceLimit wanted{};
    if (auto failure = possible_limit(planned, wanted)) return failure;
    const long result = system_call(__NR_prlimit64, 0, planned.resource, &wanted, 0);
    if (auto failure = check(result, BoxStep::resource_limits)) return failure;
  }
  return {};
}

BoxFailure lock_users() {
  constexpr long locked = SECURE_ALL_BITS | SECURE_ALL_LOCKS;
  return check(system_call(__NR_prctl, PR_SET_SECUREBITS, locked, 0, 0, 0), BoxStep::drop_capabilities);
}

BoxFailure bound_capabilities() {
  constexpr auto step = BoxStep::drop_capabilities;
  constexpr long unknown = -22;  // EINVAL
  for (long capability = 0; capability < 64; ++capability) {
    const long dropped = system_call(__NR_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (dropped == unknown && capability > CAP_BPF) break;  // The kernel knows no more of them.
    if (auto failure = check(dropped, step)) return failure;
  }
  return {};
}

BoxFailure drop_capabilities(std::uint64_t but) {
  constexpr auto step = BoxStep::drop_capabilities;
  if (auto failure = check(system_call(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), step)) return failure;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {};
  kept[0].permitted = kept[0].effective = static_cast<std::uint32_t>(but);
  kept[1].permitted = kept[1].effective = static_cast<std::uint32_t>(but >> 32);
  return check(system_call(__NR_capset, &header, kept), step);
}

BoxFailure fix_surroundings() {
  system_call(__NR_umask, surroundings::file_mode_mask);
  const std::uint64_t no_signals = 0;
  system_call(__NR_rt_sigprocmask, set_signal_mask, &no_signals, 0, sizeof no_signals);
  // Addresses that differ from run to run would find their way into results (hashes of pointers, say).
  return check(system_call(__NR_personality, surroundings::personality), BoxStep::execute_program);
}

Started start_program(const PlanView& view) {
  Started started;
  const long page = system_call(__NR_mmap, 0, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  started.failure = check(page, BoxStep::fork_program);
  if (started.failure) return started;
  auto& shared = *reinterpret_cast<Shared*>(page);
  shared.listener = -1;

  // The descriptor table is shared until exec, which is how the filter's listener gets from the child to us although the filter
  // would not let the child send it. VFORK: we go on when exec has succeeded or the child is gone.
  started.pid = system_call(__NR_clone, CLONE_VFORK | CLONE_FILES | child_signal, 0, 0, 0, 0);
  if (started.pid == 0) become_program(view, shared);
  started.failure = check(started.pid, BoxStep::fork_program);
  if (started.failure) return started;
  started.failure = shared.failure;
  started.listener = shared.listener;
  // Killed on the way, by a memory limit too small to start in, say.
  if (!started.failure && started.listener < 0) started.failure.step = BoxStep::execute_program;
  return started;
}

}  // namespace forgepool::sandbox::box_init
