#pragma once
/// Compares what agents returned for one job as its adapter says.
#include "hub/job.hpp"

#include <forgepool/verifier.hpp>

namespace forgepool::hub {

/// Borrows the job, which must be running for as long as the verifier knows it.
std::shared_ptr<const AnswerComparator> make_comparator(const Job& job);

}  // namespace forgepool::hub
