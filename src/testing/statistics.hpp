#pragma once
/// What simulations make of their counts.
#include <span>

namespace forgepool::testing {

/// (Σx)² / (n Σx²), R. Jain, D. Chiu, W. Hawe, DEC-TR-301 (1984): 1 if all are equal, 1/n if one has everything.
double jain_index(std::span<const double> values);

}  // namespace forgepool::testing
