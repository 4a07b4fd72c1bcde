#include <forgepool/testing/fake_sandbox.hpp>

#include <thread>

namespace forgepool::testing {
namespace {

bool is_due(std::uint64_t every, std::uint64_t run) {
  return every != 0 && run % every == 0;
}

void corrupt(SandboxReport& report, std::uint64_t run) {
  for (auto& [name, content] : report.outputs) {
    if (content.empty())
      content.push_back(0);
    else
      content[run % content.size()] ^= 1;
  }
}

}  // namespace

FakeSandbox::FakeSandbox(FakeSandboxOptions options) : options_(std::move(options)), faults_(options_.faults) {}

SandboxReport FakeSandbox::run(const SandboxRequest& request) {
  SandboxFaults faults;
  std::uint64_t run = 0;
  {
    const std::lock_guard lock(mutex_);
    faults = faults_;
    run = ++runs_;
  }
  if (faults.delay > Duration::zero()) {
    if (options_.sleep)
      options_.sleep(faults.delay);
    else
      std::this_thread::sleep_for(faults.delay);
  }
  SandboxReport report;
  if (request.cancelled && *request.cancelled)
    report.outcome = {SandboxOutcome::Kind::cancelled, 0, ""};
  else if (is_due(faults.fail_every, run))
    report.outcome = faults.failure;
  else
    report = options_.program(request);
  if (report.outcome.ok() && is_due(faults.corrupt_every, run)) corrupt(report, run);
  report.level = options_.level;
  report.determinism = request.determinism;
  return report;
}

std::vector<SandboxLimitation> FakeSandbox::limitations() const {
  auto all = Sandbox::limitations();
  for (const auto kept : {SandboxLimitation::no_strict, SandboxLimitation::other_surroundings}) std::erase(all, kept);
  return all;
}

std::uint64_t FakeSandbox::runs() const {
  const std::lock_guard lock(mutex_);
  return runs_;
}

void FakeSandbox::set_faults(SandboxFaults faults) {
  const std::lock_guard lock(mutex_);
  faults_ = std::move(faults);
}

SandboxReport successful_run(std::map<std::string, Bytes> outputs, SandboxUsage usage) {
  SandboxReport report;
  report.outcome = {SandboxOutcome::Kind::exited, 0, ""};
  report.outputs = std::move(outputs);
  report.usage = usage;
  return report;
}

}  // namespace forgepool::testing
