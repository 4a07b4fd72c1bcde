#pragma once
/// What came out: the result and the shards' outputs, as far as the bundle includes them.
#include "audit/verdicts.hpp"

namespace forgepool::audit {

/// Checks the result, if included, against the digest in the ledger; each output, if included, against its verdict; and, if all
/// outputs are there, that the adapter reduces them to that result. What the contract asks to include must be there, and
/// nothing else.
Status check_outcome(const wire::Bundle& bundle, const Computation& computation, const Events& events, const Verdicts& verdicts,
                     Trail& trail);

}  // namespace forgepool::audit
