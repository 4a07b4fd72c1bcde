#include "sandbox/run_facts.hpp"

#include "sandbox/launch.hpp"
#include "sandbox/seccomp_policy.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>

namespace forgepool::sandbox {
namespace {

using Kind = SandboxOutcome::Kind;

SandboxOutcome setup_failure(const RunFacts& facts) {
  const auto step = public_step(facts.failure.step);
  if (facts.failure_reason.empty()) return {Kind::setup_failed, 0, describe(facts.failure), step};
  return {Kind::setup_failed, 0, std::string(describe(facts.failure.step)) + ": " + facts.failure_reason, step};
}

std::optional<SandboxOutcome> outcome_of_stop(const RunFacts& facts) {
  switch (facts.stop) {
    case RunFacts::Stop::none: return std::nullopt;
    case RunFacts::Stop::cancelled: return SandboxOutcome{Kind::cancelled, 0, ""};
    case RunFacts::Stop::wall_time: return SandboxOutcome{Kind::timed_out_wall, 0, ""};
    case RunFacts::Stop::cpu_time: return SandboxOutcome{Kind::timed_out_cpu, 0, ""};
    case RunFacts::Stop::out_of_memory: return SandboxOutcome{Kind::out_of_memory, 0, ""};
    case RunFacts::Stop::violation:
      return SandboxOutcome{Kind::policy_violation, facts.violation->number,
                            system_call_name(facts.violation->audit_architecture, facts.violation->number)};
  }
  return std::nullopt;
}

/// An abnormal end for which a limit is the likely reason.
std::optional<SandboxOutcome> limit_behind(const RunFacts& facts, const SandboxLimits& limits) {
  if (facts.counters.process_limit_hits > 0) return SandboxOutcome{Kind::pids_limit, 0, ""};
  if (facts.out_exhausted) return SandboxOutcome{Kind::output_limit, 0, "/out is full"};
  if (facts.tmp_exhausted) return SandboxOutcome{Kind::output_limit, 0, "/tmp is full"};
  // Without a cgroup nobody counts failed allocations; a process that died this close to the limit had one.
  if (!facts.group_limits && facts.peak_process_bytes >= limits.memory_bytes / 10 * 9)
    return SandboxOutcome{Kind::out_of_memory, 0,
                          "inferred from its peak of " + std::to_string(facts.peak_process_bytes) + " bytes"};
  return std::nullopt;
}

SandboxOutcome outcome_of_end(int status) {
  if (WIFSIGNALED(status)) return {Kind::signalled, WTERMSIG(status), ""};
  return {Kind::exited, WEXITSTATUS(status), ""};
}

std::uint64_t peak_memory_bytes(const RunFacts& facts) {
  if (!facts.group_limits) return facts.peak_process_bytes;
  const auto& counters = facts.counters;
  if (!counters.seen) return counters.peak_memory_bytes;
  const auto seen = std::max(counters.seen->most_bytes, facts.peak_process_bytes + counters.seen->now_bytes);
  // No run needed more than all of them.
  return counters.peak_memory_bytes == 0 ? seen : std::min(seen, counters.peak_memory_bytes);
}

}  // namespace

SandboxOutcome outcome_of(const RunFacts& facts, const SandboxLimits& limits) {
  if (facts.stop == RunFacts::Stop::cancelled) return {Kind::cancelled, 0, ""};
  if (facts.failure) return setup_failure(facts);
  if (auto outcome = outcome_of_stop(facts)) return *outcome;
  if (!facts.started)
    return {Kind::setup_failed, 0, "the box's first process ended before it could start the program",
            SandboxStep::first_process};
  if (facts.counters.oom_kills > 0) return {Kind::out_of_memory, 0, ""};
  if (facts.cpu_ms > limits.cpu_ms) return {Kind::timed_out_cpu, 0, ""};
  if (!facts.wait_status)
    return {Kind::setup_failed, 0, "the box's first process was killed from outside", SandboxStep::first_process};

  auto outcome = outcome_of_end(*facts.wait_status);
  if (outcome.ok()) return outcome;
  // The kernel's way to enforce RLIMIT_CPU and RLIMIT_FSIZE.
  if (outcome.kind == Kind::signalled && (outcome.code == SIGXCPU || outcome.code == SIGKILL) && facts.cpu_ms >= limits.cpu_ms)
    return {Kind::timed_out_cpu, 0, ""};
  if (outcome.kind == Kind::signalled && outcome.code == SIGXFSZ)
    return {Kind::output_limit, 0, "wrote a file larger than allowed"};
  if (auto limited = limit_behind(facts, limits)) return *limited;
  return outcome;
}

SandboxUsage usage_of(const RunFacts& facts) {
  return {facts.cpu_ms, facts.wall_ms, peak_memory_bytes(facts)};
}

}  // namespace forgepool::sandbox
