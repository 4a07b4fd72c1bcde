#pragma once
/// What is known of a shard, in words.
#include "verifier/job_case.hpp"

namespace forgepool {

/// Several lines: how it stands, then one line per answer.
std::string explain_shard(const JobCase& job, std::uint32_t index, const AgentTable& agents);

/// A digest that fits into a sentence.
std::string abbreviate(const Digest& digest);

}  // namespace forgepool
