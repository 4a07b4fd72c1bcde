#pragma once
/// Settings of the machine's kernel that strict programs could come to feel, and no sandbox can make up for.
#include <forgepool/backends/linux_sandbox.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forgepool::sandbox::strict {

/// The content of a file in /proc/sys/vm, or nothing if it cannot be read.
using ReadSetting = std::function<std::optional<std::string>(std::string_view name)>;

/// One for each setting that is otherwise than the world needs it; empty if all are right.
std::vector<SandboxMechanism> unfit_settings(const ReadSetting& read);

}  // namespace forgepool::sandbox::strict
