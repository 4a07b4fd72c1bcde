#pragma once
/// What is known of a shard, in words.
#include "verifier/rule.hpp"

namespace forgepool {

/// Several lines: how it stands, then one line per answer.
std::string explain_shard(const JobCase& job, std::uint32_t index, const AgentTable& agents);

/// "none", "spotcheck", "full", "quorum", "adaptive".
std::string_view mode_name(VerifyMode mode);

/// A digest that fits into a sentence.
std::string abbreviate(const Digest& digest);

}  // namespace forgepool
