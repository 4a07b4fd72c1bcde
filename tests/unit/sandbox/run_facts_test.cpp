#include "sandbox/run_facts.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <csignal>

namespace forgepool::sandbox {
namespace {

using Kind = SandboxOutcome::Kind;

constexpr std::uint32_t x86_64 = 0xc000003e;

RunFacts ended(int wait_status) {
  RunFacts facts;
  facts.started = true;
  facts.group_limits = true;
  facts.wait_status = wait_status;
  return facts;
}
int exit_status(int code) {
  return code << 8;
}

TEST_CASE("an end without anything special is what the program made of it") {
  CHECK(outcome_of(ended(exit_status(0)), {}).ok());
  CHECK(outcome_of(ended(exit_status(7)), {}) == SandboxOutcome{Kind::exited, 7, ""});
  CHECK(outcome_of(ended(SIGSEGV), {}) == SandboxOutcome{Kind::signalled, SIGSEGV, ""});
}

TEST_CASE("cancelling comes before everything else") {
  auto facts = ended(SIGKILL);
  facts.stop = RunFacts::Stop::cancelled;
  facts.counters.oom_kills = 1;
  facts.failure = {BoxStep::root_tmpfs, EPERM};
  CHECK(outcome_of(facts, {}).kind == Kind::cancelled);
}

TEST_CASE("a failed set-up tells the step and the reason") {
  RunFacts facts;
  facts.failure = {BoxStep::root_tmpfs, EPERM};
  CHECK(outcome_of(facts, {}) == SandboxOutcome{Kind::setup_failed, 0, "mounting the root file system: Operation not permitted",
                                                SandboxStep::root_file_system});
}

TEST_CASE("a violation keeps number and name, also of other kinds of call") {
  auto facts = ended(SIGKILL);
  facts.stop = RunFacts::Stop::violation;
  facts.violation = Violation{x86_64, 101};
  CHECK(outcome_of(facts, {}) == SandboxOutcome{Kind::policy_violation, 101, "ptrace"});
  facts.violation = Violation{0x40000003, 20};
  CHECK(outcome_of(facts, {}).detail == "32-bit call 20");
}

TEST_CASE("a process killed for memory makes the whole run out of memory, whatever the program says") {
  auto facts = ended(exit_status(0));
  facts.counters.oom_kills = 1;
  CHECK(outcome_of(facts, {}).kind == Kind::out_of_memory);
}

TEST_CASE("refused forks matter only to a program that ended badly") {
  auto facts = ended(exit_status(0));
  facts.counters.process_limit_hits = 5;
  CHECK(outcome_of(facts, {}).ok());
  facts.wait_status = exit_status(1);
  CHECK(outcome_of(facts, {}).kind == Kind::pids_limit);
}

TEST_CASE("CPU time counts when it is over the limit, or when the kernel has ended the program for it") {
  SandboxLimits limits;
  limits.cpu_ms = 1000;
  auto facts = ended(exit_status(0));
  facts.cpu_ms = 1000;
  CHECK(outcome_of(facts, limits).ok());
  facts.cpu_ms = 1001;
  CHECK(outcome_of(facts, limits).kind == Kind::timed_out_cpu);
  facts = ended(SIGXCPU);
  facts.cpu_ms = 1000;
  CHECK(outcome_of(facts, limits).kind == Kind::timed_out_cpu);
  facts.cpu_ms = 10;
  CHECK(outcome_of(facts, limits) == SandboxOutcome{Kind::signalled, SIGXCPU, ""});
}

TEST_CASE("without a group's counters, memory is judged by the peak of a program that ended badly") {
  SandboxLimits limits;
  limits.memory_bytes = 100u << 20;
  auto facts = ended(exit_status(1));
  facts.group_limits = false;
  facts.peak_process_bytes = 95u << 20;
  CHECK(outcome_of(facts, limits).kind == Kind::out_of_memory);
  facts.peak_process_bytes = 50u << 20;
  CHECK(outcome_of(facts, limits).kind == Kind::exited);
  facts.peak_process_bytes = 95u << 20;
  facts.wait_status = exit_status(0);
  CHECK(outcome_of(facts, limits).ok());
}

TEST_CASE("a full /out explains a bad end") {
  auto facts = ended(exit_status(1));
  facts.out_exhausted = true;
  CHECK(outcome_of(facts, {}).kind == Kind::output_limit);
  CHECK(outcome_of(ended(SIGXFSZ), {}).kind == Kind::output_limit);
}

TEST_CASE("a box that vanished is not taken for a success") {
  RunFacts facts;
  CHECK(outcome_of(facts, {}).kind == Kind::setup_failed);
  facts.started = true;
  CHECK(outcome_of(facts, {}).kind == Kind::setup_failed);
}

TEST_CASE("a run's memory is its group's peak, or what was seen where an earlier run has reached that") {
  auto facts = ended(exit_status(0));
  facts.peak_process_bytes = 5000;
  facts.counters.peak_memory_bytes = 90'000;
  CHECK(usage_of(facts).peak_memory_bytes == 90'000);
  // What its process had, and what is left: files, say.
  facts.counters.seen = CgroupCounters::SeenMemory{6000, 3000};
  CHECK(usage_of(facts).peak_memory_bytes == 8000);
  facts.counters.seen = CgroupCounters::SeenMemory{20'000, 3000};
  CHECK(usage_of(facts).peak_memory_bytes == 20'000);
  // Never more than the group has ever held.
  facts.peak_process_bytes = 100'000;
  CHECK(usage_of(facts).peak_memory_bytes == 90'000);
  // Kernels before 5.19 keep none.
  facts.counters.peak_memory_bytes = 0;
  CHECK(usage_of(facts).peak_memory_bytes == 103'000);
  facts.group_limits = false;
  CHECK(usage_of(facts).peak_memory_bytes == 100'000);
}

}  // namespace
}  // namespace forgepool::sandbox
