#include <forgepool/backends/bubblewrap_sandbox.hpp>

#include "sandbox/box_init_image.hpp"
#include "sandbox/bubblewrap_launch.hpp"
#include "sandbox/machine_probe.hpp"
#include "sandbox/program_image.hpp"
#include "sandbox/request_check.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>

#include <sys/stat.h>
#include <unistd.h>

namespace forgepool {
namespace {

constexpr std::size_t max_cached_programs = 16;
constexpr std::size_t max_cached_bytes = 256u << 20;

SandboxReport setup_failed(SandboxStep step, std::string detail) {
  SandboxReport report;
  report.outcome = {SandboxOutcome::Kind::setup_failed, 0, std::move(detail), step};
  return report;
}

class BubblewrapSandbox final : public Sandbox {
 public:
  explicit BubblewrapSandbox(std::unique_ptr<const sandbox::BoxMachine> machine)
      : machine_(std::move(machine)), programs_(max_cached_programs, max_cached_bytes) {}

  std::string_view name() const override { return "bubblewrap"; }
  SandboxLevel level() const override { return SandboxLevel::bubblewrap; }
  std::vector<SandboxLimitation> limitations() const override {
    return {SandboxLimitation::no_group_limits, SandboxLimitation::no_strict};
  }

  SandboxReport run(const SandboxRequest& request) override {
    try {
      if (auto problem = sandbox::problem_with(request)) return setup_failed(SandboxStep::request, *problem);
      if (!request.program) return setup_failed(SandboxStep::request, "the request has no program");
      auto possible = request;
      possible.determinism = std::min(request.determinism, Determinism::standard);
      const auto image = programs_.get(possible);
      if (!image) return setup_failed(SandboxStep::program_image, image.error().message);
      return sandbox::run_box(*machine_, possible, **image).report;
    } catch (const std::exception& error) {
      return setup_failed(SandboxStep::none, error.what());
    }
  }

 private:
  const std::unique_ptr<const sandbox::BoxMachine> machine_;
  sandbox::ProgramCache programs_;
};

bool is_executable_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

/// As a shell would find it; empty if nowhere.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return is_executable_file(name) ? name : std::string();
  const char* variable = std::getenv("PATH");
  std::string_view path = variable ? variable : "/usr/bin:/bin";
  while (!path.empty()) {
    const auto end = path.find(':');
    const auto candidate = std::string(path.substr(0, end)) + "/" + name;
    // Relative entries would mean another program after a change of folder.
    if (candidate.starts_with('/') && is_executable_file(candidate)) return candidate;
    path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Sandbox>> open_bubblewrap_sandbox(BubblewrapSandboxOptions options) {
  const auto program = find_program(options.program);
  if (program.empty())
    return fail(ErrorKind::unsupported, "the bubblewrap sandbox needs the program " + options.program +
                                            ", which is not there: install bubblewrap 0.8 or later");
  auto prepared = sandbox::prepare_machine();
  if (!prepared) return fail(prepared.error());
  auto machine = std::move(*prepared);
  machine->launch = [program](const sandbox::LaunchInput& input, const SandboxRequest& request) {
    return sandbox::launch_in_bubblewrap(program, input, request);
  };
  machine->level_without_groups = SandboxLevel::bubblewrap;
  const auto trial = sandbox::run_trial(*machine);
  if (!trial.report.outcome.ok())
    return fail(ErrorKind::unsupported,
                program + " cannot run programs here: " + describe(trial.report.outcome) +
                    " (it needs version 0.8 or later, and user namespaces that are allowed to this user)");
  return std::make_unique<BubblewrapSandbox>(std::move(machine));
}

}  // namespace forgepool
