#pragma once
/// The agent's signed statement about one lease.
#include "agent/lease_run.hpp"

namespace forgepool::agent {

/// The DSSE envelope. Fails only if the key's home does.
Result<std::string> build_receipt(const wire::fb::LeaseGrantT& grant, const std::map<std::uint32_t, LeaseRun::Ran>& ran,
                                  const Workshop& workshop, Time started, Time ended);

}  // namespace forgepool::agent
