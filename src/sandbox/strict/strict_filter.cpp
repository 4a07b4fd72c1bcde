#include "sandbox/strict/strict_filter.hpp"

#include "sandbox/strict/bpf_assembler.hpp"
#include "sandbox/strict/call_table.hpp"
#include "sandbox/strict/layout.hpp"
#include "sandbox/strict/stem_filter.hpp"

#include <asm/ioctls.h>
#include <asm/prctl.h>
#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
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

/// Links would let two names in one listing share an inode number, which listings are ordered by.
constexpr std::uint32_t not_permitted[] = {SYS_link, SYS_linkat};

/// As if there were none, where ordinary programs have them.
constexpr std::uint32_t no_timers[] = {SYS_timer_settime, SYS_timer_gettime, SYS_timer_getoverrun, SYS_timer_delete};

/// Cannot be made to happen at the same point twice, and programs do not expect them to fail.
constexpr std::uint32_t violations[] = {SYS_setitimer, SYS_timer_create, SYS_execveat};

/// How much is waiting in a pipe, how wide a terminal is.
constexpr std::uint32_t telling_ioctls[] = {FIONREAD, FIONBIO, TIOCGWINSZ};

constexpr std::uint32_t scheduling_classes = 7;  ///< SCHED_EXT came with Linux 6.12.

constexpr std::uint32_t number_offset = offsetof(seccomp_data, nr);
constexpr std::uint32_t architecture_offset = offsetof(seccomp_data, arch);
constexpr std::uint32_t everybody = ~0u;                  // -1, for kill().
constexpr std::uint32_t first_high_word_beyond = 0x8000;  // Of addresses from 2^47 on.
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
  explicit FilterWriter(const SeccompProgram& kernel) : kernel_(kernel) {}

  SeccompProgram write() {
    bpf_.load(architecture_offset);
    bpf_.jump_unless_equal(AUDIT_ARCH_X86_64, go_on_);
    bpf_.load(number_offset);
    for (const auto& rule : call_rules()) decide(rule);
    decide(not_permitted, answer(error_result(EPERM)));
    decide(no_timers, answer(error_result(EINVAL)));
    decide(violations, answer(SECCOMP_RET_USER_NOTIF));
    std::vector<Decision> sorted(decisions_.begin(), decisions_.end());
    write_tree(sorted);
    for (const auto& [number, label] : examinations_) {
      bpf_.place(label);
      examine(number);
    }
    write_descriptors();
    write_gate();
    for (const auto& [label, result] : answers_) {
      bpf_.place(label);
      bpf_.finish(result);
    }
    bpf_.place(trap_);
    bpf_.finish(SECCOMP_RET_TRAP);
    bpf_.place(go_on_);
    bpf_.append(kernel_);
    return bpf_.assemble();
  }

 private:
  using Label = BpfAssembler::Label;
  using Decision = std::pair<std::uint32_t, Label>;

  void decide(const CallRule& rule) {
    switch (rule.handling) {
      case Handling::native: return;
      case Handling::emulated: decisions_[rule.number] = trap_; return;
      case Handling::from_gate:
        decisions_[rule.number] = rule.number == SYS_openat ? examination_of(rule.number) : look_at_gate_;
        return;
      case Handling::by_number: decisions_[rule.number] = look_at_descriptor_; return;
      case Handling::examined: decisions_[rule.number] = examination_of(rule.number); return;
      case Handling::no_threads: decisions_[rule.number] = answer(error_result(EAGAIN)); return;
    }
  }
  template <std::size_t count>
  void decide(const std::uint32_t (&numbers)[count], Label label) {
    for (const auto number : numbers) decisions_[number] = label;
  }

  Label examination_of(std::uint32_t number) {
    examinations_.emplace_back(number, bpf_.new_label());
    return examinations_.back().second;
  }

  Label answer(std::uint32_t result) {
    answers_.emplace_back(bpf_.new_label(), result);
    return answers_.back().first;
  }
  Label error(int number) { return answer(error_result(number)); }

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

  /// Ends with a jump, whatever it is.
  void examine(std::uint32_t number) {
    switch (number) {
      case SYS_openat: return examine_open();
      case SYS_fcntl: return examine_command();
      case SYS_ioctl: return examine_ioctl();
      case SYS_kill:
      case SYS_tkill:
      case SYS_tgkill: return examine_target(number);
      case SYS_getpgid:
      case SYS_getsid:
      case SYS_get_robust_list: return examine_own_number();
      case SYS_munmap: return examine_range();
      case SYS_arch_prctl: return examine_register();
      case SYS_rt_sigreturn: return from_address(handler_return_instruction_pointer);
      case SYS_lseek: return examine_below(2, SEEK_END + 1, EINVAL);
      case SYS_sched_get_priority_max:
      case SYS_sched_get_priority_min: return examine_below(0, scheduling_classes, EINVAL);
      case SYS_pipe2: return examine_flags(1, O_CLOEXEC | O_NONBLOCK, EINVAL);
      case SYS_renameat2: return examine_flags(4, RENAME_NOREPLACE | RENAME_EXCHANGE, EINVAL);
      case SYS_fallocate: return examine_allocation();
      case SYS_alarm:
        bpf_.load(argument_offset(0));
        bpf_.jump_if_equal(0, answer(error_result(0)));
        return bpf_.jump(answer(SECCOMP_RET_USER_NOTIF));
      default: return bpf_.jump(answer(error_result(ENOSYS)));
    }
  }

  /// The kernel takes the low half of these arguments.
  void examine_below(unsigned argument, std::uint32_t bound, int otherwise) {
    bpf_.load(argument_offset(argument));
    bpf_.jump_if_at_least(bound, error(otherwise));
    bpf_.jump(go_on_);
  }
  void examine_flags(unsigned argument, std::uint32_t allowed, int otherwise) {
    bpf_.load(argument_offset(argument));
    bpf_.mask(~allowed);
    bpf_.jump_unless_equal(0, error(otherwise));
    bpf_.jump(go_on_);
  }

  void examine_allocation() {
    bpf_.load(argument_offset(1));
    for (const std::uint32_t mode : {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE})
      bpf_.jump_if_equal(mode, go_on_);
    bpf_.jump(error(EOPNOTSUPP));
  }

  void examine_ioctl() {
    const auto refused = error(ENOTTY);
    bpf_.load(argument_offset(1));
    for (const auto command : telling_ioctls) bpf_.jump_if_equal(command, refused);
    bpf_.jump(go_on_);
  }

  /// Through the gate. Not unnamed files: what keeps a file system for the next run has to know of all that was made there
  /// (box_init/output_watch.hpp). Some file systems have none, and programs do without. Not O_DIRECT, and not a new folder by
  /// this call, which some kernels open as a file.
  void examine_open() {
    constexpr std::uint32_t unnamed_file = O_TMPFILE & ~O_DIRECTORY, new_folder = O_CREAT | O_DIRECTORY;
    const auto may_be_direct = bpf_.new_label(), may_be_folder = bpf_.new_label();
    const auto refused = error(EINVAL);
    bpf_.load(argument_offset(2));
    bpf_.mask(unnamed_file);
    bpf_.jump_if_equal(unnamed_file, error(EOPNOTSUPP));
    bpf_.jump(may_be_direct);
    bpf_.place(may_be_direct);
    bpf_.load(argument_offset(2));
    bpf_.mask(O_DIRECT);
    bpf_.jump_unless_equal(0, refused);
    bpf_.jump(may_be_folder);
    bpf_.place(may_be_folder);
    bpf_.load(argument_offset(2));
    bpf_.mask(new_folder);
    bpf_.jump_if_equal(new_folder, refused);
    bpf_.jump(look_at_gate_);
  }

  void examine_command() {
    const auto flags = bpf_.new_label();
    bpf_.load(argument_offset(1));
    for (const std::uint32_t command : {F_DUPFD, F_DUPFD_CLOEXEC}) bpf_.jump_if_equal(command, look_at_gate_);
    bpf_.jump_if_equal(F_SETFL, flags);
    bpf_.jump(go_on_);
    bpf_.place(flags);
    bpf_.load(argument_offset(2));
    bpf_.mask(O_DIRECT);
    bpf_.jump_unless_equal(0, error(EINVAL));
    bpf_.jump(look_at_gate_);
  }

  /// The stem has the same user as the program, and for the program it is not there. The kernel takes the low half for the
  /// number, too. Everybody (-1) is, but for the caller, the stem alone. Groups it is in none that has a number here.
  void examine_target(std::uint32_t number) {
    const auto nobody = error(ESRCH);
    bpf_.load(argument_offset(0));
    bpf_.jump_if_equal(stem_pid, nobody);
    if (number == SYS_kill) bpf_.jump_if_equal(everybody, nobody);
    bpf_.jump(go_on_);
  }

  void examine_own_number() {
    bpf_.load(argument_offset(0));
    bpf_.jump_if_equal(0, go_on_);
    bpf_.jump_if_equal(program_pid, go_on_);
    bpf_.jump(error(ESRCH));
  }

  /// Processors with five levels of page tables have addresses from 2^47 on, others say that there are none.
  void examine_register() {
    const auto address = bpf_.new_label();
    bpf_.load(argument_offset(0));
    bpf_.jump_if_equal(ARCH_SET_FS, address);
    bpf_.jump(go_on_);
    bpf_.place(address);
    bpf_.load(argument_offset(1) + 4);
    bpf_.jump_if_at_least(first_high_word_beyond, error(EPERM));
    bpf_.jump(go_on_);
  }

  /// Where it is certain that begin and size together stay below 2^47, the kernel is asked at once; the handlers see to the
  /// rest.
  void examine_range() {
    constexpr std::uint32_t top_word = first_high_word_beyond - 1;  // In which what is mapped lies.
    constexpr std::uint32_t most_begin = 0xf800'0000, most_size = 0x0800'0000;
    constexpr std::uint32_t far_begin = 0x6000, far_size = 0x1000;  // High words whose sum is far below.
    const auto near_top = bpf_.new_label(), in_top = bpf_.new_label();
    bpf_.load(argument_offset(0) + 4);
    bpf_.jump_if_at_least(far_begin, near_top);
    bpf_.load(argument_offset(1) + 4);
    bpf_.jump_if_at_least(far_size, look_at_gate_);
    bpf_.jump(go_on_);
    bpf_.place(near_top);
    bpf_.load(argument_offset(1) + 4);
    bpf_.jump_unless_equal(0, look_at_gate_);
    bpf_.load(argument_offset(0) + 4);
    bpf_.jump_if_at_least(first_high_word_beyond, look_at_gate_);
    bpf_.jump_if_equal(top_word, in_top);
    bpf_.jump(go_on_);
    bpf_.place(in_top);
    bpf_.load(argument_offset(0));
    bpf_.jump_if_at_least(most_begin, look_at_gate_);
    bpf_.load(argument_offset(1));
    bpf_.jump_if_at_least(most_size, look_at_gate_);
    bpf_.jump(go_on_);
  }

  void write_descriptors() {
    bpf_.place(look_at_descriptor_);
    bpf_.load(argument_offset(0));
    bpf_.jump_if_at_least(first_watched_fd, look_at_gate_);
    bpf_.jump(go_on_);
  }

  void write_gate() {
    bpf_.place(look_at_gate_);
    from_address(gate_instruction_pointer);
  }

  void from_address(std::uint64_t instruction_pointer) {
    bpf_.load(pointer_offset);
    bpf_.jump_unless_equal(static_cast<std::uint32_t>(instruction_pointer), trap_);
    bpf_.load(pointer_offset + 4);
    bpf_.jump_unless_equal(static_cast<std::uint32_t>(instruction_pointer >> 32), trap_);
    bpf_.jump(go_on_);
  }

  const SeccompProgram& kernel_;
  BpfAssembler bpf_;
  std::map<std::uint32_t, Label> decisions_;  ///< By number.
  std::vector<std::pair<std::uint32_t, Label>> examinations_;
  std::vector<std::pair<Label, std::uint32_t>> answers_;
  const Label look_at_gate_ = bpf_.new_label(), look_at_descriptor_ = bpf_.new_label(), trap_ = bpf_.new_label(),
              go_on_ = bpf_.new_label();
};

}  // namespace

Result<SeccompProgram> strict_filter() {
  const auto kernel = SeccompPolicyBuilder::for_programs().allow_only(kernel_calls()).compile();
  if (!kernel) return fail(kernel.error());
  return FilterWriter(*kernel).write();
}

SeccompProgram with_stem_calls(const SeccompProgram& strict) {
  SeccompProgram program(std::begin(stem_calls), std::end(stem_calls));
  program.insert(program.end(), strict.begin(), strict.end());
  return program;
}

}  // namespace forgepool::sandbox::strict
