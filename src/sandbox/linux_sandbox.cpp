#include <forgepool/backends/linux_sandbox.hpp>

#include "sandbox/box_pool.hpp"
#include "sandbox/machine_probe.hpp"
#include "sandbox/program_image.hpp"
#include "sandbox/request_check.hpp"

#include <algorithm>
#include <exception>

namespace forgepool {
namespace {

constexpr std::size_t max_cached_programs = 16;
constexpr std::size_t max_cached_bytes = 256u << 20;

SandboxReport setup_failed(SandboxStep step, std::string detail) {
  SandboxReport report;
  report.outcome = {SandboxOutcome::Kind::setup_failed, 0, std::move(detail), step};
  return report;
}

class LinuxSandbox final : public Sandbox {
 public:
  LinuxSandbox(std::unique_ptr<const sandbox::BoxMachine> machine, SandboxLevel level, bool strict, std::size_t prepared_boxes)
      : machine_(std::move(machine)),
        level_(level),
        strict_(strict),
        programs_(max_cached_programs, max_cached_bytes),
        pool_(*machine_, prepared_boxes) {}

  std::string_view name() const override { return "linux"; }
  SandboxLevel level() const override { return level_; }
  std::vector<SandboxLimitation> limitations() const override {
    std::vector<SandboxLimitation> result;
    if (level_ < SandboxLevel::full) result.push_back(SandboxLimitation::no_group_limits);
    if (!strict_) result.push_back(SandboxLimitation::no_strict);
    return result;
  }

  SandboxReport run(const SandboxRequest& request) override {
    try {
      if (auto problem = sandbox::problem_with(request)) return setup_failed(SandboxStep::request, *problem);
      if (!request.program) return setup_failed(SandboxStep::request, "the request has no program");
      auto possible = request;
      if (!strict_) possible.determinism = std::min(request.determinism, Determinism::standard);
      const auto image = programs_.get(possible);
      if (!image) return setup_failed(SandboxStep::program_image, image.error().message);
      if (possible.determinism == Determinism::strict) return run_strict(possible, *image);
      return sandbox::run_box(*machine_, possible, **image).report;
    } catch (const std::exception& error) {
      return setup_failed(SandboxStep::none, error.what());
    }
  }

 private:
  SandboxReport run_strict(const SandboxRequest& request, const std::shared_ptr<const sandbox::ProgramImage>& image) {
    const auto start = std::chrono::steady_clock::now();
    sandbox::BoxRun run;
    auto loan = pool_.take(request, image);
    try {
      if (!loan.box) loan.box = sandbox::open_box(*machine_, request, *image, sandbox::BoxUse::once, run);
      if (loan.box) run = sandbox::run_open_box(*loan.box, request, start);
    } catch (...) {
      pool_.give_back(std::move(loan), false);
      throw;
    }
    pool_.give_back(std::move(loan), run.renewable);
    return std::move(run.report);
  }

  const std::unique_ptr<const sandbox::BoxMachine> machine_;
  const SandboxLevel level_;
  const bool strict_;
  sandbox::ProgramCache programs_;
  sandbox::BoxPool pool_;
};

std::string missing(const std::vector<SandboxMechanism>& mechanisms) {
  std::string text;
  for (const auto& mechanism : mechanisms) {
    if (mechanism.available) continue;
    if (!text.empty()) text += "; ";
    text += mechanism.name + ": " + mechanism.detail;
    if (!mechanism.remedy.empty()) text += " (" + mechanism.remedy + ")";
  }
  return text;
}

}  // namespace

Result<std::unique_ptr<Sandbox>> open_linux_sandbox(LinuxSandboxOptions options) {
  auto probed = sandbox::probe_machine();
  if (!probed.machine || probed.level < options.minimum_level)
    return fail(ErrorKind::unsupported, "the Linux sandbox reaches level \"" + std::string(to_string(probed.level)) +
                                            "\" on this machine, \"" + std::string(to_string(options.minimum_level)) +
                                            "\" is required. Missing: " + missing(probed.mechanisms));
  return std::make_unique<LinuxSandbox>(std::move(probed.machine), probed.level, probed.strict, options.prepared_boxes);
}

std::vector<SandboxMechanism> probe_linux_sandbox() {
  return sandbox::probe_machine().mechanisms;
}

}  // namespace forgepool
