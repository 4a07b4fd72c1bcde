#include "sandbox/strict_trials.hpp"

#include "sandbox/cgroup_files.hpp"
#include "sandbox/probe_images.hpp"
#include "sandbox/strict/machine_settings.hpp"
#include "sandbox/strict/processor.hpp"

#include <cpuid.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>

namespace forgepool::sandbox {
namespace {

using Kind = SandboxOutcome::Kind;

struct Feature {
  std::uint32_t bit;
  const char* name;
};
constexpr Feature names_ecx[] = {{0, "SSE3"}, {9, "SSSE3"}, {13, "CMPXCHG16B"}, {19, "SSE4.1"}, {20, "SSE4.2"}, {23, "POPCNT"}};
constexpr Feature names_edx[] = {{0, "x87"},  {4, "TSC"},   {8, "CMPXCHG8B"}, {15, "CMOV"}, {19, "CLFLUSH"},
                                 {23, "MMX"}, {24, "FXSR"}, {25, "SSE"},      {26, "SSE2"}};
constexpr Feature names_extended_ecx[] = {{0, "LAHF"}};
constexpr Feature names_extended_edx[] = {{11, "SYSCALL"}, {29, "64-bit mode"}};

template <std::size_t count>
void add_missing(std::string& text, const Feature (&features)[count], std::uint32_t needed, std::uint32_t there) {
  for (const auto& feature : features)
    if ((needed & ~there) >> feature.bit & 1) text += (text.empty() ? "" : ", ") + std::string(feature.name);
}

ProcessorFeatures machine_features() {
  ProcessorFeatures features;
  unsigned ignored[4];
  __get_cpuid(1, &ignored[0], &ignored[1], &features.ecx, &features.edx);
  __get_cpuid(0x8000'0001, &ignored[0], &ignored[1], &features.extended_ecx, &features.extended_edx);
  return features;
}

SandboxReport run_probe(const BoxMachine& machine, const ProgramImage& image, const char* what) {
  SandboxRequest request;
  request.arguments = {what};
  request.determinism = Determinism::strict;
  request.seed = sha256("a trial");
  request.limits.wall_ms = 30'000;
  return run_box(machine, request, image).report;
}

struct Trial {
  const char* mechanism;
  const char* argument;
  bool twice;  ///< Has to say the same again.
  bool (*right)(const SandboxOutcome& outcome);
  const char* remedy;
};

bool ended_well(const SandboxOutcome& outcome) {
  return outcome.ok();
}
bool was_violation(const SandboxOutcome& outcome) {
  return outcome.kind == Kind::policy_violation && outcome.code == SYS_ptrace;
}
/// Where the machine lets 64-bit programs make such calls at all.
bool did_not_get_through(const SandboxOutcome& outcome) {
  return outcome.kind == Kind::policy_violation || (outcome.kind == Kind::signalled && outcome.code == SIGSEGV);
}

constexpr const char* other_kernel =
    "use Linux 5.12 or later with address space to spare (ulimit -v unlimited); profiles of class standard run anyway";

constexpr Trial trials[] = {
    {"strict: answers in the kernel's place", "calls", true, ended_well, other_kernel},
    {"strict: answers in the processor's place", "instructions", true, ended_well,
     "the machine does not deliver SIGILL as Linux does; profiles of class standard run anyway"},
    {"strict: forbidden calls are noticed", "forbidden call", false, was_violation, other_kernel},
    {"strict: 32-bit calls do not get through", "legacy call", false, did_not_get_through, other_kernel},
};

SandboxMechanism attempt(const BoxMachine& machine, const ProgramImage& image, const Trial& trial) {
  SandboxMechanism result{trial.mechanism, false, "", ""};
  const auto report = run_probe(machine, image, trial.argument);
  if (!trial.right(report.outcome)) {
    result.detail = "the trial " + describe(report.outcome);
  } else if (trial.twice && run_probe(machine, image, trial.argument).standard_output != report.standard_output) {
    result.detail = "two trials differ";
  } else {
    result.available = true;
    result.detail = report.outcome.ok() ? "works" : "works (" + describe(report.outcome) + ")";
  }
  if (!result.available) result.remedy = trial.remedy;
  return result;
}

}  // namespace

std::string missing_features(const ProcessorFeatures& features) {
  std::string text;
  add_missing(text, names_ecx, strict::features_ecx, features.ecx);
  add_missing(text, names_edx, strict::features_edx, features.edx);
  add_missing(text, names_extended_ecx, strict::extended_features_ecx, features.extended_ecx);
  add_missing(text, names_extended_edx, strict::extended_features_edx, features.extended_edx);
  return text;
}

bool try_strict(const BoxMachine& machine, std::vector<SandboxMechanism>& mechanisms) {
  const auto first = mechanisms.size();
  const auto lacking = missing_features(machine_features());
  mechanisms.push_back({"strict: processor", lacking.empty(),
                        lacking.empty() ? "has all that the strict world's has" : "it lacks " + lacking,
                        lacking.empty() ? "" : "have the hypervisor offer x86-64-v2, or use a processor made after 2008"});
  const auto unfit = strict::unfit_settings([](std::string_view name) -> std::optional<std::string> {
    auto content = read_cgroup_file("/proc/sys/vm/" + std::string(name));
    return content ? std::optional(std::move(*content)) : std::nullopt;
  });
  mechanisms.insert(mechanisms.end(), unfit.begin(), unfit.end());
  const auto image = make_program_image(strict_probe_image(), Determinism::strict);
  if (!image) {
    mechanisms.push_back({"strict: trial program", false, image.error().message, ""});
    return false;
  }
  for (const auto& trial : trials) mechanisms.push_back(attempt(machine, *image, trial));
  return std::all_of(mechanisms.begin() + static_cast<std::ptrdiff_t>(first), mechanisms.end(),
                     [](const SandboxMechanism& mechanism) { return mechanism.available; });
}

}  // namespace forgepool::sandbox
