#include "sandbox/strict/machine_settings.hpp"

#include <charconv>

namespace forgepool::sandbox::strict {
namespace {

struct Setting {
  const char* name;
  std::uint64_t least, most;
  const char* what;  ///< What programs would find out.
};

constexpr Setting settings[] = {
    {"overcommit_memory", 0, 1, "how much memory this machine has promised"},
    {"max_map_count", 65'530, ~0ull, "how many mappings this machine allows"},
    {"mmap_min_addr", 0, 65'536, "which of the lowest addresses this machine allows"},
};

std::optional<std::uint64_t> number_in(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc()) return std::nullopt;
  return number;
}

}  // namespace

std::vector<SandboxMechanism> unfit_settings(const ReadSetting& read) {
  std::vector<SandboxMechanism> unfit;
  for (const auto& setting : settings) {
    const std::string name = std::string("vm.") + setting.name;
    const auto value = number_in(read(setting.name));
    if (value && *value >= setting.least && *value <= setting.most) continue;
    const auto wanted = value && *value > setting.most ? setting.most : setting.least;
    unfit.push_back(
        {name, false,
         (value ? "is " + std::to_string(*value) : "cannot be read") + ": strict programs would find out " + setting.what,
         "sysctl -w " + name + "=" + std::to_string(wanted)});
  }
  return unfit;
}

}  // namespace forgepool::sandbox::strict
