#pragma once
/// A sandbox that calls a function, and goes wrong on request.
#include <forgepool/sandbox.hpp>

#include <functional>
#include <mutex>

namespace forgepool::testing {

/// Runs are counted from 1. 0 means never.
struct SandboxFaults {
  Duration delay{};              ///< Each run takes this long, in terms of FakeSandboxOptions::sleep.
  std::uint64_t fail_every = 0;  ///< Each n-th run ends as `failure` and returns nothing.
  SandboxOutcome failure{SandboxOutcome::Kind::signalled, 11, "fault injected"};
  std::uint64_t corrupt_every = 0;  ///< Each n-th run that succeeds has one bit flipped in each output: a liar.
};

struct FakeSandboxOptions {
  /// Stands in for the program. May be called from several threads at once.
  std::function<SandboxReport(const SandboxRequest&)> program{};
  SandboxFaults faults{};
  /// How a delay passes: under a VirtualEventLoop its `spend`. Null: the thread sleeps.
  std::function<void(Duration)> sleep{};
  SandboxLevel level = SandboxLevel::none;
};

/// Thread-safe.
class FORGEPOOL_API FakeSandbox final : public Sandbox {
 public:
  explicit FakeSandbox(FakeSandboxOptions options);

  std::string_view name() const override { return "fake"; }
  SandboxLevel level() const override { return options_.level; }
  /// All but `strict`: the function is taken to depend on nothing but the request.
  std::vector<SandboxLimitation> limitations() const override;
  SandboxReport run(const SandboxRequest& request) override;

  std::uint64_t runs() const;
  /// From the next run on.
  void set_faults(SandboxFaults faults);

 private:
  const FakeSandboxOptions options_;
  mutable std::mutex mutex_;
  SandboxFaults faults_;  // Guarded by mutex_, as is the next.
  std::uint64_t runs_ = 0;
};

/// The report of a program that exited with 0 and left these outputs.
FORGEPOOL_API SandboxReport successful_run(std::map<std::string, Bytes> outputs, SandboxUsage usage = {});

}  // namespace forgepool::testing
