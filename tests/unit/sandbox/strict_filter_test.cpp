#include "sandbox/strict/strict_filter.hpp"
#include "sandbox/strict/bpf_assembler.hpp"
#include "sandbox/strict/call_table.hpp"
#include "sandbox/strict/layout.hpp"
#include "sandbox/strict/stem_filter.hpp"

#include "decide.hpp"

#include <catch2/catch_test_macros.hpp>

#include <asm/ioctls.h>
#include <linux/audit.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <cerrno>
#include <cstring>
#include <set>

namespace forgepool::sandbox {
namespace {

struct Caller {
  std::uint64_t instruction_pointer;
};
constexpr Caller program_itself{0x401234};
constexpr Caller gate{strict::gate_instruction_pointer};

seccomp_data call(long number, Caller from, std::initializer_list<std::uint64_t> arguments = {}) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = AUDIT_ARCH_X86_64;
  data.instruction_pointer = from.instruction_pointer;
  std::copy(arguments.begin(), arguments.end(), data.args);
  return data;
}

SeccompProgram strict_filter() {
  auto filter = strict::strict_filter();
  REQUIRE(filter);
  return *filter;
}

constexpr std::uint32_t refused(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

TEST_CASE("what would tell a strict program the time, chance or the machine is trapped, also at the gate") {
  const auto filter = strict_filter();
  for (const long number : {SYS_clock_gettime, SYS_gettimeofday, SYS_time, SYS_getrandom, SYS_uname, SYS_sysinfo, SYS_getcpu,
                            SYS_sched_getaffinity, SYS_getrusage, SYS_prlimit64, SYS_brk, SYS_futex, SYS_rt_sigprocmask}) {
    INFO("call " << number);
    CHECK(decide(filter, call(number, program_itself)) == SECCOMP_RET_TRAP);
    CHECK(decide(filter, call(number, gate)) == SECCOMP_RET_TRAP);
  }
}

TEST_CASE("the gate leads to the filter of ordinary programs and no further") {
  const auto ordinary = compile_policy({});
  REQUIRE(ordinary);
  const auto filter = strict_filter();
  const std::initializer_list<std::uint64_t> executable{0, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS};
  CHECK(decide(filter, call(SYS_mmap, program_itself, executable)) == SECCOMP_RET_TRAP);
  CHECK(decide(filter, call(SYS_mmap, gate, executable)) == refused(EACCES));
  // Whatever the number: from the gate nothing is allowed that an ordinary program may not do.
  for (long number = 0; number < 600; ++number) {
    INFO("call " << number);
    const auto here = decide(filter, call(number, gate)), there = decide(*ordinary, call(number, gate));
    if (here == SECCOMP_RET_ALLOW) CHECK(there == SECCOMP_RET_ALLOW);
    const auto directly = decide(filter, call(number, program_itself));
    if (directly == SECCOMP_RET_ALLOW) CHECK(decide(*ordinary, call(number, program_itself)) == SECCOMP_RET_ALLOW);
  }
}

TEST_CASE("calls of other kinds of programs are as forbidden to a strict program as to any") {
  const auto filter = strict_filter();
  auto other = call(SYS_clock_gettime, gate);
  other.arch = AUDIT_ARCH_I386;
  CHECK(decide(filter, other) == SECCOMP_RET_USER_NOTIF);
  CHECK(decide(filter, call(SYS_openat | 0x40000000, gate)) == SECCOMP_RET_USER_NOTIF);
}

TEST_CASE("descriptors that may stand for a random device are watched, all others read freely") {
  const auto filter = strict_filter();
  CHECK(decide(filter, call(SYS_read, program_itself, {3})) == SECCOMP_RET_ALLOW);
  CHECK(decide(filter, call(SYS_read, program_itself, {strict::first_watched_fd})) == SECCOMP_RET_TRAP);
  CHECK(decide(filter, call(SYS_read, gate, {strict::first_watched_fd})) == SECCOMP_RET_ALLOW);
  CHECK(decide(filter, call(SYS_fcntl, program_itself, {3, F_GETFD})) == SECCOMP_RET_ALLOW);
  CHECK(decide(filter, call(SYS_fcntl, program_itself, {3, F_DUPFD})) == SECCOMP_RET_TRAP);
  CHECK(decide(filter, call(SYS_ioctl, program_itself, {1, FIONREAD})) == refused(ENOTTY));
}

TEST_CASE("what happens at a time of its own is a violation, and more threads are refused") {
  const auto filter = strict_filter();
  for (const long number : {SYS_alarm, SYS_setitimer, SYS_timer_create, SYS_execveat}) {
    INFO("call " << number);
    CHECK(decide(filter, call(number, program_itself, {1})) == SECCOMP_RET_USER_NOTIF);
  }
  CHECK(decide(filter, call(SYS_alarm, program_itself, {0})) == refused(0));
  CHECK(decide(filter, call(SYS_clone, program_itself)) == refused(EAGAIN));
  CHECK(decide(filter, call(SYS_timerfd_create, program_itself)) == refused(ENOSYS));
}

TEST_CASE("files without a name are not there for strict programs") {
  const auto filter = strict_filter();
  for (const auto& from : {program_itself, gate})
    for (const std::uint64_t flags : {O_TMPFILE | O_RDWR, O_TMPFILE & ~O_DIRECTORY, O_TMPFILE | O_EXCL | O_WRONLY})
      CHECK(decide(filter, call(SYS_openat, from, {3, 0, flags, 0600})) == refused(EOPNOTSUPP));
  CHECK(decide(filter, call(SYS_openat, gate, {3, 0, O_DIRECTORY | O_CLOEXEC, 0})) == SECCOMP_RET_ALLOW);
  CHECK(decide(filter, call(SYS_openat, program_itself, {3, 0, O_CREAT | O_RDWR, 0600})) == SECCOMP_RET_TRAP);
}

TEST_CASE("for a strict program the process that it is forked from is not there, nor anybody but itself") {
  const auto filter = strict_filter();
  constexpr std::uint64_t stem = strict::stem_pid, more = 1ull << 40, everybody = ~0ull;
  for (const auto& from : {program_itself, gate}) {
    for (const long number : {SYS_kill, SYS_tkill, SYS_tgkill, SYS_getpgid, SYS_getsid, SYS_get_robust_list}) {
      INFO("call " << number);
      CHECK(decide(filter, call(number, from, {stem})) == refused(ESRCH));
      CHECK(decide(filter, call(number, from, {stem | more})) == refused(ESRCH));
      for (const std::uint64_t itself : {0, strict::program_pid})
        CHECK(decide(filter, call(number, from, {itself})) == SECCOMP_RET_ALLOW);
      const bool asks = number == SYS_getpgid || number == SYS_getsid || number == SYS_get_robust_list;
      CHECK(decide(filter, call(number, from, {1})) == (asks ? refused(ESRCH) : std::uint32_t{SECCOMP_RET_ALLOW}));
    }
    CHECK(decide(filter, call(SYS_kill, from, {everybody})) == refused(ESRCH));
    CHECK(decide(filter, call(SYS_kill, from, {everybody & 0xffffffff})) == refused(ESRCH));
  }
}

TEST_CASE("what is not in the table never gets to the kernel, whatever it is called with") {
  const auto filter = strict_filter();
  const auto to_kernel = strict::kernel_calls();
  for (std::uint32_t number = 0; number < 1000; ++number) {
    if (to_kernel.contains(number)) continue;
    INFO("call " << number);
    for (const auto& from : {program_itself, gate})
      for (const std::uint64_t argument : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}})
        CHECK(decide(filter, call(number, from, {argument, argument, argument, argument, argument, argument})) !=
              SECCOMP_RET_ALLOW);
  }
  for (const int number : {SYS_sendfile, SYS_copy_file_range, SYS_futex_waitv, SYS_epoll_pwait2, SYS_splice, 454, 600})
    CHECK(decide(filter, call(number, program_itself)) == refused(ENOSYS));
}

TEST_CASE("every call of the table has a reason, and stands there once") {
  std::set<std::uint32_t> numbers;
  for (const auto& rule : strict::call_rules()) {
    INFO("call " << rule.number);
    CHECK(numbers.insert(rule.number).second);
    CHECK(std::strlen(rule.why) > 10);
  }
}

TEST_CASE("flags that only some kernels know are refused on all") {
  const auto filter = strict_filter();
  const auto answer = [&](long number, std::initializer_list<std::uint64_t> arguments) {
    return decide(filter, call(number, program_itself, arguments));
  };
  CHECK(answer(SYS_openat, {3, 0, O_CREAT | O_RDWR | O_DIRECT, 0600}) == refused(EINVAL));
  CHECK(answer(SYS_openat, {3, 0, O_CREAT | O_DIRECTORY, 0600}) == refused(EINVAL));
  CHECK(answer(SYS_fcntl, {3, F_SETFL, O_DIRECT}) == refused(EINVAL));
  CHECK(answer(SYS_fcntl, {3, 1027}) == refused(EINVAL));
  CHECK(answer(SYS_pipe2, {0, O_CLOEXEC | O_NONBLOCK}) == SECCOMP_RET_ALLOW);
  CHECK(answer(SYS_pipe2, {0, O_DIRECT}) == refused(EINVAL));
  CHECK(answer(SYS_renameat2, {3, 0, 3, 0, 2}) == SECCOMP_RET_ALLOW);
  CHECK(answer(SYS_renameat2, {3, 0, 3, 0, 4}) == refused(EINVAL));
  CHECK(answer(SYS_lseek, {3, 0, 2}) == SECCOMP_RET_ALLOW);
  CHECK(answer(SYS_lseek, {3, 0, 3}) == refused(EINVAL));
  CHECK(answer(SYS_fallocate, {3, 3, 0, 100}) == SECCOMP_RET_ALLOW);
  CHECK(answer(SYS_fallocate, {3, 16, 0, 100}) == refused(EOPNOTSUPP));
  CHECK(answer(SYS_sched_get_priority_max, {6}) == SECCOMP_RET_ALLOW);
  CHECK(answer(SYS_sched_get_priority_max, {7}) == refused(EINVAL));
  CHECK(answer(SYS_arch_prctl, {0x3001}) == refused(EINVAL));
}

TEST_CASE("addresses that only some processors have do not get to the kernel unseen") {
  const auto filter = strict_filter();
  constexpr std::uint64_t end = 1ull << 47;
  const auto unmap = [&](std::uint64_t address, std::uint64_t size) {
    return decide(filter, call(SYS_munmap, program_itself, {address, size}));
  };
  CHECK(unmap(0x7fff'f000'0000, 1 << 20) == SECCOMP_RET_ALLOW);
  CHECK(unmap(0x5555'5555'0000, 8ull << 30) == SECCOMP_RET_ALLOW);
  for (const auto& [address, size] :
       std::initializer_list<std::pair<std::uint64_t, std::uint64_t>>{{end, 4096},
                                                                      {1ull << 50, 4096},
                                                                      {end - 4096, 8192},
                                                                      {0x7ffe'0000'0000, 1ull << 40},
                                                                      {4096, end},
                                                                      {4096, ~0ull},
                                                                      {~0ull, 1}})
    CHECK(unmap(address, size) == SECCOMP_RET_TRAP);
  for (const std::uint64_t address : {std::uint64_t{end}, std::uint64_t{1} << 50})
    CHECK(decide(filter, call(SYS_arch_prctl, program_itself, {0x1002, address})) == refused(EPERM));
  CHECK(decide(filter, call(SYS_arch_prctl, program_itself, {0x1002, 0x7fff'0000'0000})) == SECCOMP_RET_ALLOW);
}

TEST_CASE("a handler's return is let through from one place alone") {
  const auto filter = strict_filter();
  CHECK(decide(filter, call(SYS_rt_sigreturn, {strict::handler_return_instruction_pointer})) == SECCOMP_RET_ALLOW);
  for (const auto& from : {program_itself, gate}) CHECK(decide(filter, call(SYS_rt_sigreturn, from)) == SECCOMP_RET_TRAP);
}

TEST_CASE("the calls of the stem get through with its token, and with no other") {
  const auto strict = strict_filter();
  auto filter = strict::with_stem_calls(strict);
  const strict::StemToken token{0x0123456789abcdef, 0xfedcba9876543210};
  strict::put_token(filter.data(), token);
  const std::initializer_list<std::uint64_t> arguments{1, 2, 3, 4, token.fifth, token.sixth};
  const std::set<long> of_the_stem{SYS_clone3, SYS_capset, SYS_setpgid, SYS_prlimit64};
  for (long number = 0; number < 600; ++number) {
    INFO("call " << number);
    const auto with_token = call(number, program_itself, arguments);
    CHECK(decide(filter, with_token) ==
          (of_the_stem.contains(number) ? std::uint32_t{SECCOMP_RET_ALLOW} : decide(strict, with_token)));
    auto foreign = with_token;
    foreign.arch = AUDIT_ARCH_I386;
    CHECK(decide(filter, foreign) == SECCOMP_RET_USER_NOTIF);
    auto x32 = with_token;
    x32.nr |= 0x40000000;
    CHECK(decide(filter, x32) == decide(strict, x32));
  }
  for (const long number : of_the_stem)
    for (unsigned bit = 0; bit < 128; ++bit) {
      INFO("call " << number << ", bit " << bit << " wrong");
      auto guessed = call(number, gate, arguments);
      guessed.args[4 + bit / 64] ^= 1ull << bit % 64;
      CHECK(decide(filter, guessed) == decide(strict, guessed));
      CHECK(decide(filter, guessed) != SECCOMP_RET_ALLOW);
    }
}

}  // namespace
}  // namespace forgepool::sandbox
