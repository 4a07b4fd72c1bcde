#include <forgepool/backends/in_process_sandbox.hpp>

#include "sandbox/request_check.hpp"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

namespace forgepool {
namespace {

using Clock = std::chrono::steady_clock;

/// Sets a flag when the caller cancels or the wall time is over, whichever comes first.
class Watch {
 public:
  enum class Reason { none, cancelled, wall_time };

  Watch(const std::atomic<bool>* cancelled, std::uint64_t wall_ms) : cancelled_(cancelled), start_(Clock::now()) {
    // A century is as good as no limit, and does not overflow the clock's nanoseconds.
    const auto limit = std::chrono::milliseconds(std::min<std::uint64_t>(wall_ms, 100ull * 365 * 86'400'000));
    thread_ = std::thread([this, deadline = start_ + limit] { watch(deadline); });
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { stop(); }

  const std::atomic<bool>& flag() const { return flag_; }
  std::uint64_t elapsed_ms() const {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_).count());
  }
  /// Ends the watch; what it saw until then stands.
  Reason stop() {
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    return reason_;
  }

 private:
  void watch(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    while (!stopped_ && reason_ == Reason::none) {
      if (cancelled_ && cancelled_->load())
        reason_ = Reason::cancelled;
      else if (Clock::now() >= deadline)
        reason_ = Reason::wall_time;
      else
        wake_.wait_until(lock, std::min(deadline, Clock::now() + std::chrono::milliseconds(5)));
    }
    if (reason_ != Reason::none) flag_.store(true);
  }

  const std::atomic<bool>* cancelled_;
  const Clock::time_point start_;
  std::atomic<bool> flag_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;          // guarded by mutex_
  Reason reason_ = Reason::none;  // guarded by mutex_ until the thread is joined
  std::thread thread_;
};

std::uint64_t thread_cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1000 + static_cast<std::uint64_t>(time.tv_nsec) / 1'000'000;
}

std::optional<std::string> problem_with_outputs(const std::map<std::string, Bytes>& outputs, const SandboxLimits& limits) {
  if (outputs.size() > limits.output_files)
    return std::to_string(outputs.size()) + " outputs, " + std::to_string(limits.output_files) + " allowed";
  std::uint64_t total = 0;
  for (const auto& [name, content] : outputs) {
    if (!sandbox::is_plain_name(name)) return "an output's name is not plain (1-64 of A-Z a-z 0-9 . _ -)";
    total += content.size();
  }
  if (total > limits.output_bytes)
    return "the outputs have " + std::to_string(total) + " bytes, " + std::to_string(limits.output_bytes) + " allowed";
  return std::nullopt;
}

class InProcessSandbox final : public Sandbox {
 public:
  explicit InProcessSandbox(std::map<Digest, InProcessFunction> functions) : functions_(std::move(functions)) {}

  std::string_view name() const override { return "in-process"; }
  SandboxLevel level() const override { return SandboxLevel::none; }
  std::vector<SandboxLimitation> limitations() const override {
    auto all = Sandbox::limitations();
    // Whoever brings the functions has promised both.
    for (const auto kept : {SandboxLimitation::no_strict, SandboxLimitation::other_surroundings}) std::erase(all, kept);
    return all;
  }

  SandboxReport run(const SandboxRequest& request) override {
    try {
      return run_function(request);
    } catch (const std::exception& error) {
      return failed(error.what());
    }
  }

 private:
  static SandboxReport failed(std::string detail, SandboxStep step = SandboxStep::none) {
    SandboxReport report;
    report.outcome = {SandboxOutcome::Kind::setup_failed, 0, std::move(detail), step};
    return report;
  }

  SandboxReport run_function(const SandboxRequest& request) {
    if (auto problem = sandbox::problem_with(request)) return failed(*problem, SandboxStep::request);
    const auto function = functions_.find(request.program_digest);
    if (function == functions_.end())
      return failed("no function stands for the program " + request.program_digest.str(), SandboxStep::program_image);

    if (request.cancelled && request.cancelled->load()) {
      SandboxReport report;
      report.outcome = {SandboxOutcome::Kind::cancelled, 0, ""};
      return report;
    }

    std::map<std::string, ByteView> files;
    for (const auto& file : request.files) files.emplace(file.name, *file.content);
    SandboxReport report;
    report.determinism = request.determinism;
    Watch watch(request.cancelled, request.limits.wall_ms);
    const auto cpu_before_ms = thread_cpu_ms();
    report.outcome = call(function->second, request.arguments, files, report.outputs, watch.flag());
    report.usage.cpu_ms = thread_cpu_ms() - cpu_before_ms;
    report.usage.wall_ms = watch.elapsed_ms();

    const auto reason = watch.stop();
    if (reason == Watch::Reason::cancelled)
      report.outcome = {SandboxOutcome::Kind::cancelled, 0, ""};
    else if (reason == Watch::Reason::wall_time)
      report.outcome = {SandboxOutcome::Kind::timed_out_wall, 0, ""};
    else if (report.usage.cpu_ms > request.limits.cpu_ms)
      report.outcome = {SandboxOutcome::Kind::timed_out_cpu, 0, ""};
    else if (report.outcome.ok())
      if (auto problem = problem_with_outputs(report.outputs, request.limits))
        report.outcome = {SandboxOutcome::Kind::output_limit, 0, *problem};
    if (!report.outcome.ok()) report.outputs.clear();
    return report;
  }

  static SandboxOutcome call(const InProcessFunction& function, const std::vector<std::string>& arguments,
                             const std::map<std::string, ByteView>& files, std::map<std::string, Bytes>& outputs,
                             const std::atomic<bool>& cancelled) {
    try {
      InProcessRun run{arguments, files, outputs, cancelled};
      // As a process would: only the low eight bits of an exit code survive.
      return {SandboxOutcome::Kind::exited, function(run) & 0xff, ""};
    } catch (const std::exception& error) {
      return {SandboxOutcome::Kind::signalled, SIGABRT, error.what()};
    } catch (...) {
      return {SandboxOutcome::Kind::signalled, SIGABRT, "an exception of an unknown type"};
    }
  }

  const std::map<Digest, InProcessFunction> functions_;
};

}  // namespace

std::unique_ptr<Sandbox> make_in_process_sandbox(std::map<Digest, InProcessFunction> functions) {
  return std::make_unique<InProcessSandbox>(std::move(functions));
}

}  // namespace forgepool
