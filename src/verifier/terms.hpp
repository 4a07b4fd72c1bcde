#pragma once
/// A rule's options as text: "adaptive canary_ratio=0.01 max_executions=48 min_spotcheck_ratio=0". Numbers alone, in their
/// shortest form, so that they come back as they were.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forgepool {

using NamedNumbers = std::vector<std::pair<std::string_view, double>>;

std::string write_terms(std::string_view rule, const NamedNumbers& options);
/// The numbers in the order of `names`; nothing unless `write_terms` of this rule and these names wrote it.
std::optional<std::vector<double>> read_terms(std::string_view text, std::string_view rule,
                                              const std::vector<std::string_view>& names);

/// Of a number that counts something; what no count can be becomes the nearest one.
std::uint32_t to_count(double number);

}  // namespace forgepool
