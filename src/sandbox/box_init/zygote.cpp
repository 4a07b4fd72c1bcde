#include "sandbox/box_init/zygote.hpp"

#include "sandbox/box_init/messages.hpp"
#include "sandbox/box_init/root_filesystem.hpp"
#include "sandbox/zygote_protocol.hpp"

#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#include <initializer_list>

namespace forgepool::sandbox::box_init {
namespace {

constexpr long kill_signal = 9;  // SIGKILL
constexpr std::uint64_t box_namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWCGROUP;

using OrderRights = RightsMessage<max_order_fds>;

/// On a page that the zygote shares with boxes until they may go on: whose user and group have been mapped last. Who is slow
/// may find that others have followed.
using Turn = std::uint32_t;

Turn* share_turn() {
  const long page = system_call(__NR_mmap, 0, sizeof(Turn), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (failed(page)) exit_process(1);
  return reinterpret_cast<Turn*>(page);
}

/// It comes within microseconds, in which sleeping and being woken on another processor would take longer than all else. And it
/// does not come if the zygote has been killed meanwhile.
constexpr int patience = 500, most_sleeps = 30;

void wait_for_turn(Turn* turn, Turn mine) {
  const struct { std::int64_t seconds, nanoseconds; } pause{1, 0};
  int yields = 0, sleeps = 0;
  for (Turn now; static_cast<std::int32_t>((now = __atomic_load_n(turn, __ATOMIC_ACQUIRE)) - mine) < 0;) {
    if (++yields < patience)
      system_call(__NR_sched_yield);
    else if (++sleeps < most_sleeps)
      system_call(__NR_futex, turn, FUTEX_WAIT, now, &pause);
    else
      exit_process(1);
  }
  system_call(__NR_munmap, turn, sizeof *turn);
}

void give_turn(Turn* turn, Turn whose) {
  __atomic_store_n(turn, whose, __ATOMIC_RELEASE);
  constexpr int everybody = 0x7fffffff;
  system_call(__NR_futex, turn, FUTEX_WAKE, everybody);
}

/// A path or a map, put together from texts and numbers.
class Text {
 public:
  Text& operator<<(const char* text) {
    while (*text) text_[size_++] = *text++;
    return *this;
  }
  Text& operator<<(std::uint64_t number) {
    if (number >= 10) *this << number / 10;
    text_[size_++] = static_cast<char>('0' + number % 10);
    return *this;
  }
  const char* c_str() {
    text_[size_] = '\0';
    return text_;
  }
  std::size_t size() const { return size_; }

 private:
  char text_[64];  // Longer than any number of 64 bits with what we put around it.
  std::size_t size_ = 0;
};

long open_in_proc(std::uint64_t pid, const char* name, long flags) {
  Text path;
  path << pid << name;
  return system_call(__NR_openat, zygote_proc_fd, path.c_str(), flags | O_CLOEXEC);
}

BoxFailure write_to_proc(std::uint64_t pid, const char* name, Text text) {
  const long file = open_in_proc(pid, name, O_WRONLY);
  if (auto failure = check(file, BoxStep::map_identity)) return failure;
  const long written = system_call(__NR_write, file, text.c_str(), text.size());
  system_call(__NR_close, file);
  return check(written, BoxStep::map_identity);
}

BoxFailure map_identity(std::uint64_t pid, const BoxOrder& order) {
  const auto one_id = [](std::uint32_t inside, std::uint32_t outside) {
    Text text;
    text << inside << " " << outside << " 1";
    return text;
  };
  Text deny;
  deny << "deny";
  if (order.deny_groups)
    if (auto failure = write_to_proc(pid, "/setgroups", deny)) return failure;
  if (auto failure = write_to_proc(pid, "/gid_map", one_id(box_group, order.host_group))) return failure;
  return write_to_proc(pid, "/uid_map", one_id(box_user, order.host_user));
}

/// The order's control socket where the plan wants it, and nothing else.
long keep_control_socket() {
  if (const long result = system_call(__NR_dup3, 0, plan_control_fd, 0); failed(result)) return result;
  if (const long result = system_call(__NR_close_range, 0, plan_control_fd - 1, 0); failed(result)) return result;
  return system_call(__NR_close_range, plan_control_fd + 1, ~0u, 0);
}

/// What comes is installed at the lowest free numbers, which is where the plan wants all but the last of it.
bool take_equipment() {
  BoxEquipment equipment{};
  RightsMessage<max_equipment_fds> rights;
  if (receive_message(plan_control_fd, equipment, rights) != sizeof equipment) return false;
  const int count = fd_count(rights), program = plan_cgroup_fd + static_cast<int>(equipment.cgroup_count);
  if (count != program || rights.fds[count - 1] != program) return false;
  return !failed(system_call(__NR_dup3, program, plan_program_fd, 0)) && !failed(system_call(__NR_close, program));
}

/// A new user namespace gives all capabilities that there are.
long keep_needed_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  for (const int capability : {CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_CHECKPOINT_RESTORE})
    data[capability / 32].permitted |= 1u << (capability % 32);
  for (auto& half : data) half.effective = half.permitted;
  return system_call(__NR_capset, &header, data);
}

[[noreturn]] void become_box(Turn* turn, Turn mine, void (*box)()) {
  system_call(__NR_prctl, PR_SET_NAME, "forgepool-box", 0, 0, 0);
  system_call(__NR_prctl, PR_SET_PDEATHSIG, kill_signal, 0, 0, 0);
  if (failed(keep_control_socket()) || failed(keep_needed_capabilities())) exit_process(1);
  wait_for_turn(turn, mine);
  if (!take_equipment()) exit_process(1);
  box();
  exit_process(0);
}

void answer(int socket, const BoxStarted& started, const int* process = nullptr) {
  // Nobody there any more: the next order will not come either.
  send_message<box_started_fd_count>(socket, started, process);
}

/// With the order's descriptors from 0 on.
void serve(const BoxOrder& order, Turn* turn, Turn number, void (*box)()) {
  constexpr int its_control = 0, its_group = 1;
  int process = -1;
  clone_args arguments{};
  // The supervisor is its parent: it waits for it, and learns what it took.
  arguments.flags = box_namespaces | CLONE_PARENT | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&process);
  if (order.clone_into) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = its_group;
  }
  const long pid = system_call(__NR_clone3, &arguments, sizeof arguments);
  if (pid == 0) become_box(turn, number, box);
  if (auto failure = check(pid, BoxStep::clone)) return answer(its_control, {failure, 0});
  const auto failure = map_identity(static_cast<std::uint64_t>(pid), order);
  if (failure) system_call(__NR_pidfd_send_signal, process, kill_signal, 0, 0);
  answer(its_control, {failure, static_cast<std::int32_t>(pid)}, &process);
  if (!failure) give_turn(turn, number);
}

BoxFailure set_host_name() {
  const auto length = length_of(surroundings::host_name);
  if (auto failure = check(system_call(__NR_sethostname, surroundings::host_name, length), BoxStep::host_name)) return failure;
  return check(system_call(__NR_setdomainname, surroundings::host_name, length), BoxStep::host_name);
}

/// Out of the way of what comes with orders.
BoxFailure place_descriptors() {
  const long control = system_call(__NR_dup3, plan_control_fd, zygote_control_fd, O_CLOEXEC);
  if (auto failure = check(control, BoxStep::control_socket)) return failure;
  const long proc = system_call(__NR_openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (auto failure = check(proc, BoxStep::map_identity)) return failure;
  const long placed = system_call(__NR_dup3, proc, zygote_proc_fd, O_CLOEXEC);
  if (auto failure = check(placed, BoxStep::map_identity)) return failure;
  return check(system_call(__NR_close_range, 0, plan_program_fd, 0), BoxStep::control_socket);
}

BoxFailure prepare() {
  // If the agent is killed, so is everything.
  if (auto failure = check(system_call(__NR_prctl, PR_SET_PDEATHSIG, kill_signal, 0, 0, 0), BoxStep::new_session))
    return failure;
  // Of the agent's terminal, if it has one. Boxes have no use for sessions of their own, which cost a task group each.
  if (auto failure = check(system_call(__NR_setsid), BoxStep::new_session)) return failure;
  if (auto failure = place_descriptors()) return failure;
  if (auto failure = build_root()) return failure;
  return set_host_name();
}

}  // namespace

void serve_orders(void (*box)()) {
  system_call(__NR_prctl, PR_SET_NAME, zygote_name, 0, 0, 0);
  if (auto failure = prepare()) {
    // The control socket is at one of the two, or at both.
    answer(zygote_control_fd, {failure, 0});
    answer(plan_control_fd, {failure, 0});
    exit_process(1);
  }
  answer(zygote_control_fd, {});
  Turn* const turn = share_turn();
  for (Turn number = 1;; ++number) {
    BoxOrder order{};
    OrderRights rights;
    if (receive_message(zygote_control_fd, order, rights) != sizeof order) exit_process(0);
    // At the lowest free numbers, which are all there are from 0 on.
    const int expected = order.clone_into ? 2 : 1;
    if (fd_count(rights) == expected && rights.fds[expected - 1] == expected - 1) serve(order, turn, number, box);
    system_call(__NR_close_range, 0, plan_program_fd, 0);
  }
}

}  // namespace forgepool::sandbox::box_init
