#pragma once
/// What every backend checks before it runs anything, and the rule for names of outputs.
#include <forgepool/sandbox.hpp>

#include <optional>
#include <string>

namespace forgepool::sandbox {

/// The most that a request may carry beside its program and files. Refused above, so that a plan has a bounded size.
constexpr std::size_t max_arguments = 1024;
constexpr std::size_t max_argument_bytes = 256u << 10;  ///< All of them together.
constexpr std::size_t max_input_files = 4096;

/// A plain name for an output: 1 to 64 of [A-Za-z0-9._-], not starting with a dot or a dash. Such a name is safe in a shell, a
/// path, a log line and a URL.
bool is_plain_name(std::string_view name);

/// A name for an input: one path component of at most 255 bytes, without control characters.
bool is_input_name(std::string_view name);

/// Nothing if the request can be run; otherwise what is wrong with it, for the detail of `setup_failed`.
std::optional<std::string> problem_with(const SandboxRequest& request);

}  // namespace forgepool::sandbox
