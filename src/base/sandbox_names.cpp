#include <forgepool/sandbox.hpp>

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
};

constexpr Named<SandboxLimitation> limitation_names[] = {
    {SandboxLimitation::no_isolation, "no_isolation"},
    {SandboxLimitation::no_group_limits, "no_group_limits"},
    {SandboxLimitation::no_cpu_time_limit, "no_cpu_time_limit"},
    {SandboxLimitation::no_standard_output, "no_standard_output"},
    {SandboxLimitation::no_strict, "no_strict"},
    {SandboxLimitation::cooperative_end, "cooperative_end"},
};

constexpr Named<SandboxOutcome::Kind> kind_names[] = {
    {SandboxOutcome::Kind::exited, "exited"},
    {SandboxOutcome::Kind::signalled, "signalled"},
    {SandboxOutcome::Kind::out_of_memory, "out_of_memory"},
    {SandboxOutcome::Kind::process_limit, "process_limit"},
    {SandboxOutcome::Kind::cpu_time_limit, "cpu_time_limit"},
    {SandboxOutcome::Kind::wall_time_limit, "wall_time_limit"},
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
  }
  return "unknown";
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
    case Kind::process_limit: return with_detail("ended after reaching its limit of processes", outcome.detail);
    case Kind::cpu_time_limit: return with_detail("used more than its CPU time", outcome.detail);
    case Kind::wall_time_limit: return with_detail("ran longer than its wall-clock time", outcome.detail);
    case Kind::output_limit: return with_detail("left outputs that are not allowed", outcome.detail);
    case Kind::policy_violation:
      return with_detail("made the forbidden system call " + std::to_string(outcome.code), outcome.detail);
    case Kind::setup_failed: return with_detail("was not started because the sandbox could not be set up", outcome.detail);
    case Kind::cancelled: return with_detail("was cancelled", outcome.detail);
  }
  return "ended in an unknown way";
}

}  // namespace forgepool
