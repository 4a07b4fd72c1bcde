#include "sandbox/strict/strict_filter.hpp"

#include "sandbox/strict/bpf_assembler.hpp"
#include "sandbox/strict/layout.hpp"
#include "sandbox/strict/stem_filter.hpp"

#include <asm/ioctls.h>
#include <asm/mman.h>
#include <linux/audit.h>
#include <linux/fcntl.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <iterator>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace forgepool::sandbox::strict {
namespace {

/// Trapped from wherever they come: the handlers have no use for the real ones.
constexpr std::uint32_t emulated[] = {SYS_clock_gettime,
                                      SYS_clock_getres,
                                      SYS_gettimeofday,
                                      SYS_time,
                                      SYS_nanosleep,
                                      SYS_clock_nanosleep,
                                      SYS_times,
                                      SYS_getrusage,
                                      SYS_getrandom,
                                      SYS_uname,
                                      SYS_sysinfo,
                                      SYS_getcpu,
                                      SYS_sched_getaffinity,
                                      SYS_sched_getscheduler,
                                      SYS_sched_getparam,
                                      SYS_getpriority,
                                      SYS_getrlimit,
                                      SYS_prlimit64,
                                      SYS_open,
                                      SYS_brk,
                                      SYS_rt_sigprocmask,
                                      SYS_sigaltstack,
                                      SYS_poll,
                                      SYS_select,
                                      SYS_futex};

/// Trapped unless they come from the gate: the handlers make them in the program's place and change what comes back.
constexpr std::uint32_t through_gate[] = {SYS_stat,         SYS_fstat,       SYS_lstat,      SYS_newfstatat, SYS_statx,
                                          SYS_statfs,       SYS_fstatfs,     SYS_getdents64, SYS_dup,        SYS_dup2,
                                          SYS_dup3,         SYS_close_range, SYS_mmap,       SYS_mremap,     SYS_madvise,
                                          SYS_rt_sigaction, SYS_ppoll,       SYS_pselect6};

/// The same, when their first argument is a descriptor that may stand for a random device.
constexpr std::uint32_t watched[] = {SYS_read, SYS_readv, SYS_pread64, SYS_preadv, SYS_close};

/// As if the kernel did not know them. Programs do without.
constexpr std::uint32_t unknown[] = {SYS_membarrier,     SYS_mincore,      SYS_preadv2,        SYS_pwritev2,
                                     SYS_getdents,       SYS_epoll_create, SYS_epoll_create1,  SYS_epoll_ctl,
                                     SYS_epoll_wait,     SYS_epoll_pwait,  SYS_eventfd,        SYS_eventfd2,
                                     SYS_timerfd_create, SYS_getitimer,    SYS_rt_sigtimedwait};

/// One thread: libraries that want more are told that there are too many already.
constexpr std::uint32_t no_more[] = {SYS_clone};

/// Links would let two names in one listing share an inode number, which listings are ordered by.
constexpr std::uint32_t not_permitted[] = {SYS_link, SYS_linkat};

/// Cannot be made to happen at the same point twice, and programs do not expect them to fail.
constexpr std::uint32_t violations[] = {SYS_alarm, SYS_setitimer, SYS_timer_create, SYS_execveat};

/// How much is waiting in a pipe, how wide a terminal is.
constexpr std::uint32_t telling_ioctls[] = {FIONREAD, FIONBIO, TIOCGWINSZ};

/// The stem has the same user as the program, and for the program it is not there.
constexpr std::uint32_t by_number[] = {SYS_kill, SYS_tkill, SYS_tgkill, SYS_getpgid, SYS_getsid, SYS_get_robust_list};

constexpr std::uint32_t number_offset = offsetof(seccomp_data, nr);
constexpr std::uint32_t architecture_offset = offsetof(seccomp_data, arch);
constexpr std::uint32_t everybody = ~0u;  // -1, for kill().
constexpr std::uint32_t pointer_offset = offsetof(seccomp_data, instruction_pointer);

/// The low half of an argument: descriptors, commands and advice have no more.
std::uint32_t argument_offset(unsigned argument) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t));
}

std::uint32_t error_result(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

class FilterWriter {
 public:
  explicit FilterWriter(const SeccompProgram& ordinary) : ordinary_(ordinary) {}

  SeccompProgram write() {
    bpf_.load(architecture_offset);
    bpf_.jump_unless_equal(AUDIT_ARCH_X86_64, go_on_);
    bpf_.load(number_offset);
    decide(emulated, trap_);
    decide(through_gate, look_at_gate_);
    decide(watched, look_at_descriptor_);
    decisions_[SYS_openat] = look_at_open_;
    decisions_[SYS_fcntl] = look_at_command_;
    decisions_[SYS_ioctl] = look_at_ioctl_;
    decide(by_number, look_at_target_);
    decide(unknown, answer(error_result(ENOSYS)));
    decide(no_more, answer(error_result(EAGAIN)));
    decide(not_permitted, answer(error_result(EPERM)));
    decide(violations, answer(SECCOMP_RET_USER_NOTIF));
    std::vector<Decision> sorted(decisions_.begin(), decisions_.end());
    write_tree(sorted);
    write_ioctls();
    write_opens();
    write_commands();
    write_descriptors();
    write_targets();
    write_gate();
    for (const auto& [label, result] : answers_) {
      bpf_.place(label);
      bpf_.finish(result);
    }
    bpf_.place(trap_);
    bpf_.finish(SECCOMP_RET_TRAP);
    bpf_.place(go_on_);
    bpf_.append(ordinary_);
    return bpf_.assemble();
  }

 private:
  using Label = BpfAssembler::Label;
  using Decision = std::pair<std::uint32_t, Label>;

  template <std::size_t count>
  void decide(const std::uint32_t (&numbers)[count], Label label) {
    for (const auto number : numbers) decisions_[number] = label;
  }

  Label answer(std::uint32_t result) {
    answers_.emplace_back(bpf_.new_label(), result);
    return answers_.back().first;
  }

  /// A binary tree: when a filter is installed, the kernel runs it once for every number there is.
  void write_tree(std::span<const Decision> decisions) {
    if (decisions.size() <= 2) {
      for (const auto& [number, label] : decisions) bpf_.jump_if_equal(number, label);
      return bpf_.jump(go_on_);
    }
    const auto middle = decisions.size() / 2;
    const auto upper = bpf_.new_label();
    bpf_.jump_if_at_least(decisions[middle].first, upper);
    write_tree(decisions.first(middle));
    bpf_.place(upper);
    write_tree(decisions.subspan(middle));
  }

  void write_ioctls() {
    bpf_.place(look_at_ioctl_);
    const auto refused = bpf_.new_label();
    bpf_.load(argument_offset(1));
    for (const auto command : telling_ioctls) bpf_.jump_if_equal(command, refused);
    bpf_.jump(go_on_);
    bpf_.place(refused);
    bpf_.finish(error_result(ENOTTY));
  }

  /// Through the gate, but for unnamed files: what keeps a file system for the next run has to know of all that was made there
  /// (box_init/output_watch.hpp). Some file systems have none, and programs do without.
  void write_opens() {
    bpf_.place(look_at_open_);
    const auto unnamed = bpf_.new_label();
    constexpr std::uint32_t unnamed_file = O_TMPFILE & ~O_DIRECTORY;
    bpf_.load(argument_offset(2));
    bpf_.mask(unnamed_file);
    bpf_.jump_if_equal(unnamed_file, unnamed);
    bpf_.jump(look_at_gate_);
    bpf_.place(unnamed);
    bpf_.finish(error_result(EOPNOTSUPP));
  }

  void write_commands() {
    bpf_.place(look_at_command_);
    bpf_.load(argument_offset(1));
    for (const std::uint32_t command : {F_DUPFD, F_DUPFD_CLOEXEC, F_SETFL}) bpf_.jump_if_equal(command, look_at_gate_);
    bpf_.jump(go_on_);
  }

  void write_descriptors() {
    bpf_.place(look_at_descriptor_);
    bpf_.load(argument_offset(0));
    bpf_.jump_if_at_least(first_watched_fd, look_at_gate_);
    bpf_.jump(go_on_);
  }

  /// The kernel takes the low half for the number, too. Everybody (-1) is, but for the caller, the stem alone. Groups it is in
  /// none that has a number here.
  void write_targets() {
    bpf_.place(look_at_target_);
    const auto nobody = bpf_.new_label();
    bpf_.load(argument_offset(0));
    bpf_.jump_if_equal(stem_pid, nobody);
    bpf_.load(number_offset);
    bpf_.jump_unless_equal(SYS_kill, go_on_);
    bpf_.load(argument_offset(0));
    bpf_.jump_if_equal(everybody, nobody);
    bpf_.jump(go_on_);
    bpf_.place(nobody);
    bpf_.finish(error_result(ESRCH));
  }

  void write_gate() {
    bpf_.place(look_at_gate_);
    bpf_.load(pointer_offset);
    bpf_.jump_unless_equal(static_cast<std::uint32_t>(gate_instruction_pointer), trap_);
    bpf_.load(pointer_offset + 4);
    bpf_.jump_unless_equal(static_cast<std::uint32_t>(gate_instruction_pointer >> 32), trap_);
    bpf_.jump(go_on_);
  }

  const SeccompProgram& ordinary_;
  BpfAssembler bpf_;
  std::map<std::uint32_t, Label> decisions_;  ///< By number.
  std::vector<std::pair<Label, std::uint32_t>> answers_;
  const Label look_at_gate_ = bpf_.new_label(), look_at_descriptor_ = bpf_.new_label(), look_at_command_ = bpf_.new_label(),
              look_at_open_ = bpf_.new_label(), look_at_ioctl_ = bpf_.new_label(), look_at_target_ = bpf_.new_label(),
              trap_ = bpf_.new_label(), go_on_ = bpf_.new_label();
};

}  // namespace

SeccompProgram strict_filter(const SeccompProgram& ordinary) {
  return FilterWriter(ordinary).write();
}

SeccompProgram with_stem_calls(const SeccompProgram& strict) {
  SeccompProgram program(std::begin(stem_calls), std::end(stem_calls));
  program.insert(program.end(), strict.begin(), strict.end());
  return program;
}

}  // namespace forgepool::sandbox::strict
