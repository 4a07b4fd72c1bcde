#pragma once
/// A verifier by a rule: the court keeps the cases, and the rule says when one is decided.
#include <memory>

#include "verifier/rule.hpp"

namespace forgepool {

/// At most `max_executions` of one shard, those of agents in quarantine included.
std::unique_ptr<Verifier> make_court(std::unique_ptr<const Rule> rule, std::uint32_t max_executions);

}  // namespace forgepool
