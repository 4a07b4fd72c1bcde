#include "sandbox/request_check.hpp"

#include <algorithm>
#include <set>

namespace forgepool::sandbox {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::optional<std::string> problem_with_arguments(const std::vector<std::string>& arguments) {
  if (arguments.size() > max_arguments)
    return "more than " + std::to_string(max_arguments) + " arguments: put them into an input file";
  std::size_t total = 0;
  for (const auto& argument : arguments) {
    if (argument.find('\0') != std::string::npos) return "an argument contains a zero byte";
    // One string may not exceed 32 pages (MAX_ARG_STRLEN), whatever the total.
    if (argument.size() >= (128u << 10)) return "an argument is longer than 128 KiB: put it into an input file";
    total += argument.size() + 1;
  }
  if (total > max_argument_bytes) return "the arguments are longer than 256 KiB together: put them into an input file";
  return std::nullopt;
}

std::optional<std::string> problem_with_files(const std::vector<SandboxFile>& files) {
  if (files.size() > max_input_files) return "more than " + std::to_string(max_input_files) + " input files";
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto which = "input file " + std::to_string(i);
    if (!is_input_name(files[i].name)) return which + " has a name that is not one plain path component";
    if (!names.insert(files[i].name).second) return which + " has the same name as an earlier one: " + files[i].name;
    if (!files[i].content) return which + " has no content";
  }
  return std::nullopt;
}

}  // namespace

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '.' || name.front() == '-') return false;
  return std::ranges::all_of(name, is_plain);
}

bool is_input_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || name == "." || name == "..") return false;
  return std::ranges::none_of(name, [](char c) { return c == '/' || is_control(c); });
}

std::optional<std::string> problem_with(const SandboxRequest& request) {
  if (auto problem = problem_with_arguments(request.arguments)) return problem;
  if (auto problem = problem_with_files(request.files)) return problem;
  if (request.determinism == Determinism::strict && !request.policy.denies_all())
    return "determinism class strict allows no relaxations";
  if (request.limits.processes == 0) return "the limit of processes is 0: the program itself is one";
  return std::nullopt;
}

}  // namespace forgepool::sandbox
