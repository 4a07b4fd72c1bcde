#pragma once
// Openly named test knobs: sandboxes that misbehave, to show what the hub does about it. No product uses them.
#include <forgepool/sandbox.hpp>

namespace forgepool_agent {

/// "corrupt-result": every output is changed a little. "lazy-result": returns the first output it ever computed for every
/// shard. "wrong-step": goes wrong in the middle of the work. "rounds-differently": last digits are others. "other-arguments":
/// computes what was not asked for.
forgepool::Result<std::unique_ptr<forgepool::Sandbox>> with_fault(std::unique_ptr<forgepool::Sandbox> sandbox,
                                                                  const std::string& fault);

}  // namespace forgepool_agent
