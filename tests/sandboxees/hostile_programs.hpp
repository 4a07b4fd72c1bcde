#pragma once
/// What programs try in the sandbox, and how each of them must end.
#include <forgepool/sandbox.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace forgepool::sandbox_test {

struct Expected {
  SandboxOutcome::Kind kind = SandboxOutcome::Kind::exited;
  int code = 0;
};

struct Hostile {
  std::string title;
  std::string program;  ///< Of tests/sandboxees.
  std::vector<std::string> arguments = {};
  Expected expected = {};
  /// Where the outcome is another one without limits on the group as a whole.
  std::optional<Expected> without_groups = {};
  bool may_spawn = false;
  std::function<void(SandboxRequest&)> change = {};
  std::vector<Expected> also = {};  ///< What else is right, on other kernels or processors.
  /// Where a strict program is refused otherwise: by another errno, at an earlier attempt, or for good.
  std::optional<Expected> as_strict = {};
  /// Under bwrap, which cannot limit inodes or forbid the execution of what was written (backends/bubblewrap_sandbox.hpp).
  std::optional<Expected> under_bubblewrap = {};
};

const std::vector<Hostile>& hostile_programs();

}  // namespace forgepool::sandbox_test
