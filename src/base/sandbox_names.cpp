#include <forgepool/sandbox.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace forgepool {
namespace {

template <class Value>
struct Named {
  Value value;
  std::string_view name;
};

constexpr Named<SandboxLevel> level_names[] = {
    {SandboxLevel::none, "none"},
    {SandboxLevel::process, "process"},
    {SandboxLevel::bubblewrap, "bubblewrap"},
    {SandboxLevel::namespaces, "namespaces"},
    {SandboxLevel::full, "full"},
};

constexpr Named<Determinism> determinism_names[] = {
    {Determinism::strict, "strict"},
    {Determinism::standard, "standard"},
    {Determinism::none, "none"},
};

constexpr Named<SandboxRelaxation> relaxation_names[] = {
    {SandboxRelaxation::spawn, "spawn"},
    {SandboxRelaxation::memory_files, "memory_files"},
    {SandboxRelaxation::local_sockets, "local_sockets"},
    {SandboxRelaxation::executable_memory, "executable_memory"},
};
static_assert(std::size(relaxation_names) == std::size(sandbox_relaxations));

constexpr Named<SandboxStep> step_names[] = {
    {SandboxStep::none, "none"},
    {SandboxStep::request, "request"},
    {SandboxStep::program_image, "program_image"},
    {SandboxStep::standard_streams, "standard_streams"},
    {SandboxStep::cgroup, "cgroup"},
    {SandboxStep::plan, "plan"},
    {SandboxStep::namespaces, "namespaces"},
    {SandboxStep::first_process, "first_process"},
    {SandboxStep::identity, "identity"},
    {SandboxStep::session, "session"},
    {SandboxStep::root_file_system, "root_file_system"},
    {SandboxStep::input_files, "input_files"},
    {SandboxStep::host_name, "host_name"},
    {SandboxStep::program_process, "program_process"},
    {SandboxStep::resource_limits, "resource_limits"},
    {SandboxStep::capabilities, "capabilities"},
    {SandboxStep::system_call_filter, "system_call_filter"},
    {SandboxStep::program_start, "program_start"},
};

constexpr Named<SandboxLimitation> limitation_names[] = {
    {SandboxLimitation::no_isolation, "no_isolation"},
    {SandboxLimitation::no_group_limits, "no_group_limits"},
    {SandboxLimitation::no_cpu_time_limit, "no_cpu_time_limit"},
    {SandboxLimitation::no_standard_output, "no_standard_output"},
    {SandboxLimitation::no_strict, "no_strict"},
    {SandboxLimitation::cooperative_end, "cooperative_end"},
    {SandboxLimitation::other_surroundings, "other_surroundings"},
    {SandboxLimitation::unnamed_violation, "unnamed_violation"},
};

constexpr Named<SandboxOutcome::Kind> kind_names[] = {
    {SandboxOutcome::Kind::exited, "exited"},
    {SandboxOutcome::Kind::signalled, "signalled"},
    {SandboxOutcome::Kind::out_of_memory, "out_of_memory"},
    {SandboxOutcome::Kind::pids_limit, "pids_limit"},
    {SandboxOutcome::Kind::timed_out_cpu, "timed_out_cpu"},
    {SandboxOutcome::Kind::timed_out_wall, "timed_out_wall"},
    {SandboxOutcome::Kind::output_limit, "output_limit"},
    {SandboxOutcome::Kind::policy_violation, "policy_violation"},
    {SandboxOutcome::Kind::setup_failed, "setup_failed"},
    {SandboxOutcome::Kind::cancelled, "cancelled"},
};

template <class Value, std::size_t count>
std::string_view name_of(const Named<Value> (&names)[count], Value value) {
  for (const auto& entry : names)
    if (entry.value == value) return entry.name;
  return "unknown";
}

template <class Value, std::size_t count>
Result<Value> parse_name(const Named<Value> (&names)[count], std::string_view text, std::string_view what) {
  std::string expected;
  for (const auto& entry : names) {
    if (entry.name == text) return entry.value;
    if (!expected.empty()) expected += ", ";
    expected += entry.name;
  }
  // Foreign text is cut short: it may come from a message and go into a log.
  return fail(ErrorKind::invalid_input,
              "unknown " + std::string(what) + " \"" + std::string(text.substr(0, 40)) + "\": expected one of " + expected);
}

std::string with_detail(std::string sentence, const std::string& detail) {
  if (!detail.empty()) sentence += ": " + detail;
  return sentence;
}

}  // namespace

std::string_view to_string(SandboxLevel level) {
  return name_of(level_names, level);
}
Result<SandboxLevel> parse_sandbox_level(std::string_view text) {
  return parse_name(level_names, text, "sandbox level");
}

std::string_view to_string(Determinism determinism) {
  return name_of(determinism_names, determinism);
}
Result<Determinism> parse_determinism(std::string_view text) {
  return parse_name(determinism_names, text, "determinism class");
}

std::string_view to_string(SandboxRelaxation relaxation) {
  return name_of(relaxation_names, relaxation);
}
Result<SandboxRelaxation> parse_sandbox_relaxation(std::string_view text) {
  return parse_name(relaxation_names, text, "sandbox relaxation");
}

std::string_view describe(SandboxRelaxation relaxation) {
  switch (relaxation) {
    case SandboxRelaxation::spawn: return "may start other processes and execute its input files";
    case SandboxRelaxation::memory_files: return "may make files in memory";
    case SandboxRelaxation::local_sockets: return "may make pairs of local sockets";
    case SandboxRelaxation::executable_memory: return "may write code and execute it";
  }
  return "unknown";
}

std::vector<SandboxRelaxation> SandboxPolicy::relaxations() const {
  std::vector<SandboxRelaxation> list;
  for (const auto relaxation : sandbox_relaxations)
    if (allows(relaxation)) list.push_back(relaxation);
  return list;
}

std::string to_string(const SandboxPolicy& policy) {
  std::string text;
  for (const auto relaxation : policy.relaxations()) {
    if (!text.empty()) text += ", ";
    text += to_string(relaxation);
  }
  return text.empty() ? "none" : text;
}

Result<SandboxPolicy> parse_sandbox_policy(std::string_view text) {
  SandboxPolicy policy;
  if (text == "none") return policy;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    const auto relaxation = parse_sandbox_relaxation(text.substr(0, comma));
    if (!relaxation) return fail(relaxation.error());
    policy.allow(*relaxation);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
    if (more && text.starts_with(' ')) text.remove_prefix(1);
  }
  return policy;
}

std::string world_name(std::uint32_t world) {
  return "world/" + std::to_string(world);
}
Result<std::uint32_t> parse_world(std::string_view text) {
  constexpr std::string_view prefix = "world/";
  const auto digits = text.substr(std::min(text.size(), prefix.size()));
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc() && end == digits.data() + digits.size() && number > 0 && world_name(number) == text) return number;
  return fail(ErrorKind::invalid_input,
              "unknown world \"" + std::string(text.substr(0, 40)) + "\": expected one like " + world_name(strict_world));
}

std::string_view to_string(SandboxStep step) {
  return name_of(step_names, step);
}
Result<SandboxStep> parse_sandbox_step(std::string_view text) {
  return parse_name(step_names, text, "step of setting up a sandbox");
}

std::string_view to_string(SandboxLimitation limitation) {
  return name_of(limitation_names, limitation);
}

std::string_view describe(SandboxLimitation limitation) {
  switch (limitation) {
    case SandboxLimitation::no_isolation: return "programs see and reach whatever the agent does";
    case SandboxLimitation::no_group_limits: return "limits hold for each process alone, not for all of a run together";
    case SandboxLimitation::no_cpu_time_limit: return "CPU time is not limited, only the time on the wall clock";
    case SandboxLimitation::no_standard_output: return "what a program prints is not captured";
    case SandboxLimitation::no_strict: return "strict determinism is not enforced";
    case SandboxLimitation::cooperative_end: return "a program that does not want to end cannot be made to";
    case SandboxLimitation::other_surroundings:
      return "programs have other surroundings than everywhere, and may compute otherwise";
    case SandboxLimitation::unnamed_violation: return "which forbidden system call ended a program is not known";
  }
  return "unknown";
}

SandboxAbility ability_of(const Sandbox& sandbox, const SandboxPolicy& policy) {
  const auto limitations = sandbox.limitations();
  const auto lacks = [&](SandboxLimitation limitation) { return std::ranges::count(limitations, limitation) > 0; };
  auto offered = Determinism::strict;
  if (lacks(SandboxLimitation::no_strict))
    offered = lacks(SandboxLimitation::no_isolation) ? Determinism::none : Determinism::standard;
  if (lacks(SandboxLimitation::other_surroundings)) offered = Determinism::none;
  return {sandbox.level(), offered, policy, sandbox.world()};
}

std::string_view to_string(SandboxOutcome::Kind kind) {
  return name_of(kind_names, kind);
}

std::string describe(const SandboxOutcome& outcome) {
  using Kind = SandboxOutcome::Kind;
  switch (outcome.kind) {
    case Kind::exited: return with_detail("exited with code " + std::to_string(outcome.code), outcome.detail);
    case Kind::signalled: return with_detail("ended by signal " + std::to_string(outcome.code), outcome.detail);
    case Kind::out_of_memory: return with_detail("ran out of memory", outcome.detail);
    case Kind::pids_limit: return with_detail("ended after reaching its limit of processes", outcome.detail);
    case Kind::timed_out_cpu: return with_detail("used more than its CPU time", outcome.detail);
    case Kind::timed_out_wall: return with_detail("ran longer than its wall-clock time", outcome.detail);
    case Kind::output_limit: return with_detail("left outputs that are not allowed", outcome.detail);
    case Kind::policy_violation:
      return with_detail("made the forbidden system call " + std::to_string(outcome.code), outcome.detail);
    case Kind::setup_failed:
      return with_detail(
          "was not started because the sandbox could not be set up" +
              (outcome.step == SandboxStep::none ? std::string() : " (" + std::string(to_string(outcome.step)) + ")"),
          outcome.detail);
    case Kind::cancelled: return with_detail("was cancelled", outcome.detail);
  }
  return "ended in an unknown way";
}

}  // namespace forgepool
