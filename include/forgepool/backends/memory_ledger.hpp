#pragma once
/// A ledger that lives as long as its object, for tests, simulations and programs that need no durability.
#include <forgepool/ledger.hpp>

namespace forgepool {

/// `key` is Ed25519; invalid_input otherwise.
FORGEPOOL_API Result<std::unique_ptr<Ledger>> make_memory_ledger(std::string origin, std::shared_ptr<Signer> key);

}  // namespace forgepool
