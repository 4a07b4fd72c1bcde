#pragma once
/// A verifier by a rule: the court keeps the cases, and the rule says when one is decided.
#include <functional>
#include <memory>

#include "verifier/rule.hpp"

namespace forgepool {

/// The rule that these terms (`Rule::terms`) say; null if they are not of its kind.
using RuleReader = std::function<std::unique_ptr<const Rule>(std::string_view terms)>;

/// Jobs that come without terms are decided by `rule`, others by what `read` makes of them.
std::unique_ptr<Verifier> make_court(std::unique_ptr<const Rule> rule, RuleReader read);

}  // namespace forgepool
