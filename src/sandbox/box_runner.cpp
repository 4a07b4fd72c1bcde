#include "sandbox/box_runner.hpp"

#include "sandbox/launch.hpp"
#include "sandbox/output_collection.hpp"
#include "sandbox/plan_writer.hpp"
#include "sandbox/supervisor.hpp"

#include <atomic>

namespace forgepool::sandbox {
namespace {

BoxRun failed_run(std::string detail, BoxFailure failure = {}) {
  BoxRun run;
  run.report.outcome = {SandboxOutcome::Kind::setup_failed, 0, std::move(detail)};
  run.failure = failure;
  return run;
}

BoxIdentity identity_for_run(const BoxMachine& machine) {
  static std::atomic<std::uint32_t> counter{0};
  return machine.separate_users ? unused_identity(machine.uid_map, machine.gid_map, counter++) : own_identity();
}

SandboxUsage usage_of(const RunFacts& facts) {
  return {facts.cpu_ms, facts.wall_ms, facts.group_limits ? facts.counters.peak_memory_bytes : facts.peak_process_bytes};
}

void judge(RunFacts& facts, const SandboxLimits& limits, SandboxReport& report) {
  facts.out_exhausted = is_exhausted(facts.out.get());
  facts.tmp_exhausted = is_exhausted(facts.tmp.get());
  report.outcome = outcome_of(facts, limits);
  report.usage = usage_of(facts);
  if (!report.outcome.ok()) return;
  auto outputs = collect_outputs(facts.out.get(), limits);
  if (outputs)
    report.outputs = std::move(*outputs);
  else
    report.outcome = {SandboxOutcome::Kind::output_limit, 0, outputs.error().message};
}

}  // namespace

BoxRun run_box(const BoxMachine& machine, const SandboxRequest& request, int program_image) {
  const auto start = std::chrono::steady_clock::now();
  const auto filter = machine.filters.find({request.relaxations.begin(), request.relaxations.end()});
  if (filter == machine.filters.end()) return failed_run("no system-call filter for this set of relaxations");
  auto standard_output = StdioCapture::open(request.limits.stdio_bytes);
  if (!standard_output) return failed_run(standard_output.error().message);
  auto standard_error = StdioCapture::open(request.limits.stdio_bytes);
  if (!standard_error) return failed_run(standard_error.error().message);

  std::unique_ptr<RunGroup> group;
  if (machine.groups) {
    auto made = machine.groups->create(request);
    if (!made) return failed_run(made.error().message);
    group = std::move(*made);
  }
  LaunchInput input;
  input.identity = identity_for_run(machine);
  input.join_fds = group ? group->join_fds() : std::vector<int>{};
  input.clone_into = group ? group->clone_into_fd() : -1;
  const auto plan = write_plan(
      {request, filter->second, group != nullptr, static_cast<std::uint32_t>(input.join_fds.size()), !input.identity.own});
  if (!plan) return failed_run(plan.error().message);
  input.init_image = machine.init_image.get();
  input.program_image = program_image;
  input.standard_input = machine.null_device.get();
  input.standard_output = standard_output->write_fd();
  input.standard_error = standard_error->write_fd();
  input.plan = plan->get();

  // The box is declared after its group: it is dead before the group is removed, whatever happens.
  auto launched = launch_box(input);
  standard_output->close_write_end();
  standard_error->close_write_end();
  if (launched.failure) {
    RunFacts facts;
    facts.failure = launched.failure;
    facts.failure_reason = launched.reason;
    return failed_run(outcome_of(facts, request.limits).detail, launched.failure);
  }
  auto facts =
      supervise({launched.box, *standard_output, *standard_error, group.get(), request.limits, request.cancelled, start});

  BoxRun run;
  run.failure = facts.failure;
  run.report.level = group ? SandboxLevel::full : SandboxLevel::namespaces;
  run.report.determinism = Determinism::standard;
  judge(facts, request.limits, run.report);
  run.report.standard_output = standard_output->release();
  run.report.standard_error = standard_error->release();
  return run;
}

}  // namespace forgepool::sandbox
