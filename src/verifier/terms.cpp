#include "verifier/terms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace forgepool {

std::string write_terms(std::string_view rule, const NamedNumbers& options) {
  std::string text(rule);
  for (const auto& [name, value] : options) text += fmt::format(" {}={}", name, value);
  return text;
}

std::optional<std::vector<double>> read_terms(std::string_view text, std::string_view rule,
                                              const std::vector<std::string_view>& names) {
  NamedNumbers options;
  std::vector<double> numbers;
  std::string_view rest = text;
  if (!rest.starts_with(rule)) return std::nullopt;
  rest.remove_prefix(rule.size());
  for (const auto name : names) {
    if (!rest.starts_with(" ") || !rest.substr(1).starts_with(name)) return std::nullopt;
    rest.remove_prefix(1 + name.size());
    if (!rest.starts_with("=")) return std::nullopt;
    double value = 0;
    const auto read = std::from_chars(rest.data() + 1, rest.data() + rest.size(), value);
    if (read.ec != std::errc()) return std::nullopt;
    rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
    options.emplace_back(name, value);
    numbers.push_back(value);
  }
  if (write_terms(rule, options) != text) return std::nullopt;
  return numbers;
}

std::uint32_t to_count(double number) {
  return static_cast<std::uint32_t>(std::clamp(number, 0.0, 4'294'967'295.0));
}

}  // namespace forgepool
