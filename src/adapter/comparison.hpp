#pragma once
/// Whether two outputs of one shard say the same, by the rule that the manifest states: FORMAT.md, "Comparing". Functions of
/// the two outputs alone, symmetric, and true of equal ones. Not transitive; whoever uses them must not need it to be.
#include "adapter/planner.hpp"

namespace forgepool::adapter {

/// Both outputs must have passed `check_output`.
bool agree(const CheckedContract& contract, ByteView a, ByteView b);

/// The first of the steps that two outputs say (`Profile::steps`) after which they differ; nothing if they say none, or the
/// same.
std::optional<std::uint64_t> first_divergence(const CheckedContract& contract, ByteView a, ByteView b);

/// Texts are compared line by line and field by field; fields of columns with a tolerance as numbers.
bool texts_agree(std::string_view a, std::string_view b, const std::vector<std::optional<Tolerance>>& columns);
bool numbers_agree(double a, double b, const Tolerance& tolerance);
/// How many doubles lie between two finite ones, and one more; 0 if they are equal (as are 0.0 and -0.0).
std::uint64_t ulps_between(double a, double b);

/// The probability that two samples of one distribution differ as much as these histograms or more, in the sense of Kolmogorov
/// and Smirnov. Samples in one bucket count as equal, which makes it larger, never smaller. 1 for empty ones.
double same_distribution(const std::map<std::int64_t, std::uint64_t>& a, const std::map<std::int64_t, std::uint64_t>& b);

}  // namespace forgepool::adapter
