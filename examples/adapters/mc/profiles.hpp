#pragma once
/// The profiles of mc@1. The formulas are in ../README.md.
#include "common/params.hpp"
#include "common/summary.hpp"

namespace mc {

/// Yearly losses, in cents.
adapter_program::Summary run_insurance(const adapter_program::Params& params);
/// Travel times, in milliseconds.
adapter_program::Summary run_eta(const adapter_program::Params& params);

}  // namespace mc
