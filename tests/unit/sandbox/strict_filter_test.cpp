#include "sandbox/strict/strict_filter.hpp"
#include "sandbox/strict/bpf_assembler.hpp"
#include "sandbox/strict/layout.hpp"

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

constexpr std::uint32_t refused(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

TEST_CASE("what would tell a strict program the time, chance or the machine is trapped, also at the gate") {
  const auto ordinary = compile_policy({});
  REQUIRE(ordinary);
  const auto filter = strict::strict_filter(*ordinary);
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
  const auto filter = strict::strict_filter(*ordinary);
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
  const auto ordinary = compile_policy({});
  REQUIRE(ordinary);
  const auto filter = strict::strict_filter(*ordinary);
  auto other = call(SYS_clock_gettime, gate);
  other.arch = AUDIT_ARCH_I386;
  CHECK(decide(filter, other) == SECCOMP_RET_USER_NOTIF);
  CHECK(decide(filter, call(SYS_openat | 0x40000000, gate)) == SECCOMP_RET_USER_NOTIF);
}

TEST_CASE("descriptors that may stand for a random device are watched, all others read freely") {
  const auto ordinary = compile_policy({});
  REQUIRE(ordinary);
  const auto filter = strict::strict_filter(*ordinary);
  CHECK(decide(filter, call(SYS_read, program_itself, {3})) == SECCOMP_RET_ALLOW);
  CHECK(decide(filter, call(SYS_read, program_itself, {strict::first_watched_fd})) == SECCOMP_RET_TRAP);
  CHECK(decide(filter, call(SYS_read, gate, {strict::first_watched_fd})) == SECCOMP_RET_ALLOW);
  CHECK(decide(filter, call(SYS_fcntl, program_itself, {3, F_GETFD})) == SECCOMP_RET_ALLOW);
  CHECK(decide(filter, call(SYS_fcntl, program_itself, {3, F_DUPFD})) == SECCOMP_RET_TRAP);
  CHECK(decide(filter, call(SYS_ioctl, program_itself, {1, FIONREAD})) == refused(ENOTTY));
}

TEST_CASE("what happens at a time of its own is a violation, and more threads are refused") {
  const auto ordinary = compile_policy({});
  REQUIRE(ordinary);
  const auto filter = strict::strict_filter(*ordinary);
  for (const long number : {SYS_alarm, SYS_setitimer, SYS_timer_create, SYS_execveat}) {
    INFO("call " << number);
    CHECK(decide(filter, call(number, program_itself)) == SECCOMP_RET_USER_NOTIF);
  }
  CHECK(decide(filter, call(SYS_clone, program_itself)) == refused(EAGAIN));
  CHECK(decide(filter, call(SYS_timerfd_create, program_itself)) == refused(ENOSYS));
}

}  // namespace
}  // namespace forgepool::sandbox
