#pragma once
/// What came out: the result, and the shards' outputs that it must follow from.
#include "audit/verdicts.hpp"

namespace forgepool::audit {

/// Checks the result, if included, against the digest in the ledger; that each output is the accepted one of its verdict; and
/// that the adapter reduces them to that result. Outputs that the bundle does not hold are asked of `aids`. If some are
/// nowhere, the trail says that the result was not checked. What the contract asks to include must be there.
Status check_outcome(const wire::Bundle& bundle, const Computation& computation, const Events& events, const Verdicts& verdicts,
                     const ContentSource& aids, Trail& trail);

}  // namespace forgepool::audit
