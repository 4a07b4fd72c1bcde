#include "sandbox/box_runner.hpp"

#include "sandbox/output_collection.hpp"
#include "sandbox/plan_writer.hpp"
#include "sandbox/supervisor.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>

namespace forgepool::sandbox {
namespace {

BoxRun failed_run(SandboxStep step, std::string detail, BoxFailure failure = {}) {
  BoxRun run;
  run.report.outcome = {SandboxOutcome::Kind::setup_failed, 0, std::move(detail), step};
  run.failure = failure;
  return run;
}

BoxIdentity identity_for_run(const BoxMachine& machine) {
  static std::atomic<std::uint32_t> counter{0};
  return machine.separate_users ? unused_identity(machine.uid_map, machine.gid_map, counter++) : own_identity();
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

Status open_captures(OpenBox& open, const SandboxLimits& limits) {
  auto standard_output = StdioCapture::open(limits.stdio_bytes);
  if (!standard_output) return fail(standard_output.error());
  open.standard_output = std::move(*standard_output);
  auto standard_error = StdioCapture::open(limits.stdio_bytes);
  if (!standard_error) return fail(standard_error.error());
  open.standard_error = std::move(*standard_error);
  return {};
}

/// Tells a strict box what to run. True if the plan is still what it was.
Result<bool> send_run(OpenBox& open, const SandboxRequest& request) {
  if (open.group)
    if (auto status = open.group->make_room_for(request); !status) return fail(status.error());
  const auto message = write_run(open.plan.get(), request);
  if (!message) return fail(message.error());
  // A dead box is found out about by those who wait for it.
  static_cast<void>(!::send(open.box.control_fd(), message->data(), message->size(), MSG_NOSIGNAL));
  return message->size() > sizeof(RunMessage);
}

/// A byte and the pipes that come in place of those of the last run.
bool send_renewal(const OpenBox& open) {
  const int fds[renewal_fd_count] = {open.standard_output.write_fd(), open.standard_error.write_fd()};
  char byte = 'n';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  auto* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(rights), fds, sizeof fds);
  return ::sendmsg(open.box.control_fd(), &header, MSG_NOSIGNAL) == 1;
}

}  // namespace

std::unique_ptr<OpenBox> open_box(const BoxMachine& machine, const SandboxRequest& request, const ProgramImage& image,
                                  BoxUse use, BoxRun& failed) {
  const auto refuse = [&failed](SandboxStep step, std::string detail, BoxFailure failure = {}) {
    failed = failed_run(step, std::move(detail), failure);
    return nullptr;
  };
  const auto filter = request.determinism == Determinism::strict ? Result<const SeccompProgram*>(&machine.strict_filter)
                                                                 : machine.filters.get(request.policy);
  if (!filter) return refuse(SandboxStep::system_call_filter, filter.error().message);
  auto open = std::make_unique<OpenBox>();
  if (machine.groups) {
    auto group = machine.groups->create(request);
    if (!group) return refuse(SandboxStep::cgroup, group.error().message);
    open->group = std::move(*group);
  }
  open->level = open->group ? SandboxLevel::full : machine.level_without_groups;
  LaunchInput input;
  input.identity = identity_for_run(machine);
  input.join_fds = open->group ? open->group->join_fds() : std::vector<int>{};
  input.clone_into = open->group ? open->group->clone_into_fd() : -1;
  // Made while we prepare what it starts with.
  std::optional<OrderedBox> ordered;
  if (!machine.launch) ordered.emplace(machine.zygote->order(input));
  if (auto status = open_captures(*open, request.limits); !status)
    return refuse(SandboxStep::standard_streams, status.error().message);
  auto plan = write_plan({request, **filter, image, open->group != nullptr, static_cast<std::uint32_t>(input.join_fds.size()),
                          !input.identity.own, machine.launch != nullptr, use == BoxUse::again});
  if (!plan) return refuse(SandboxStep::plan, plan.error().message);
  open->plan = std::move(*plan);
  input.program_image = image.file.get();
  input.standard_input = machine.null_device.get();
  input.standard_output = open->standard_output.write_fd();
  input.standard_error = open->standard_error.write_fd();
  input.plan = open->plan.get();
  auto launched = machine.launch ? machine.launch(input, request) : machine.zygote->launch(std::move(*ordered), input);
  open->standard_output.close_write_end();
  open->standard_error.close_write_end();
  if (launched.failure) {
    RunFacts facts;
    facts.failure = launched.failure;
    facts.failure_reason = launched.reason;
    // What somebody else's program says about its failure.
    open->standard_error.take();
    const auto said = to_text(open->standard_error.release());
    if (!said.empty()) facts.failure_reason += (facts.failure_reason.empty() ? "" : ": ") + said.substr(0, said.find('\n'));
    const auto outcome = outcome_of(facts, request.limits);
    return refuse(outcome.step, outcome.detail, launched.failure);
  }
  open->box = std::move(launched.box);
  return open;
}

void wait_until_ready(const OpenBox& box) {
  pollfd fds[] = {{box.box.control_fd(), POLLIN, 0}, {box.box.process_fd(), POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0 && errno == EINTR) {
  }
}

bool is_ready(const OpenBox& box) {
  pollfd fds[] = {{box.box.control_fd(), POLLIN, 0}, {box.box.process_fd(), POLLIN, 0}};
  return ::poll(fds, 2, 0) == 1 && fds[0].revents == POLLIN;
}

BoxRun run_open_box(OpenBox& open, const SandboxRequest& request, std::chrono::steady_clock::time_point start) {
  const bool strict = request.determinism == Determinism::strict;
  bool plan_is_whole = false;
  if (strict) {
    const auto sent = send_run(open, request);
    if (!sent) return failed_run(SandboxStep::plan, sent.error().message);
    plan_is_whole = *sent;
  }
  auto facts = supervise({open.box, open.standard_output, open.standard_error, open.group.get(), request.limits, strict,
                          request.cancelled, start});
  BoxRun run;
  run.failure = facts.failure;
  run.report.level = open.level;
  run.report.determinism = strict ? Determinism::strict : Determinism::standard;
  judge(facts, request.limits, run.report);
  run.report.standard_output = open.standard_output.release();
  run.report.standard_error = open.standard_error.release();
  run.renewable = plan_is_whole && run.report.outcome.ok();
  return run;
}

bool renew(OpenBox& open, const SandboxLimits& limits) {
  if (!open_captures(open, limits) || !send_renewal(open)) return false;
  open.standard_output.close_write_end();
  open.standard_error.close_write_end();
  open.renewed = true;
  return true;
}

bool become_usable(OpenBox& open, const SandboxRequest& request) {
  wait_until_ready(open);
  if (!is_ready(open)) return false;
  // What a program that waits to begin has in memory: its image, its page tables, little else.
  constexpr std::uint64_t slack_bytes = 4u << 20;
  return !open.renewed || !open.group || open.group->start_anew(request.program->size() + slack_bytes);
}

BoxRun run_box(const BoxMachine& machine, const SandboxRequest& request, const ProgramImage& image) {
  const auto start = std::chrono::steady_clock::now();
  BoxRun failed;
  const auto open = open_box(machine, request, image, BoxUse::once, failed);
  return open ? run_open_box(*open, request, start) : std::move(failed);
}

}  // namespace forgepool::sandbox
